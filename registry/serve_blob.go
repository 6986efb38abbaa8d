package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

func badDigest(digest string) error {
	return &fault.Error{Kind: fault.Invalid, Op: "registry.Handler", Noun: "digest", Name: digest,
		Detail: "the digest is none, or of an algorithm that is not supported: sha256 is"}
}

// getBlob gives a layer or a part of it. Specification: "Pulling blobs", "Checking if content exists".
func (h *Handler) getBlob(q *request) error {
	if !ValidDigest(q.name) {
		return badDigest(q.name)
	}
	b, size, err := h.s.Open(q.repo, q.name)
	if err != nil {
		return err
	}
	defer b.Close()
	q.set("Docker-Content-Digest", q.name)
	q.set("Etag", `"`+q.name+`"`)
	q.set("Content-Type", "application/octet-stream")
	http.ServeContent(q.w, q.Request, "", time.Time{}, io.NewSectionReader(b, 0, size))
	return nil
}

func (h *Handler) deleteBlob(q *request) error {
	if !ValidDigest(q.name) {
		return badDigest(q.name)
	}
	if err := h.s.DeleteLayer(q.repo, q.name); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusAccepted)
	return nil
}

// beginUpload is POST: a mount, a whole layer, or the beginning of an upload. Specification: "Pushing blobs".
func (h *Handler) beginUpload(q *request) error {
	query := q.URL.Query()
	if digest := query.Get("mount"); digest != "" {
		if !ValidDigest(digest) {
			return badDigest(digest)
		}
		from := q.repo
		if name := query.Get("from"); name != "" {
			from.Name = name
		}
		mounted, err := h.s.Mount(q.repo, h.s.meant(from), digest)
		if err != nil {
			return err
		}
		if mounted {
			h.created(q, digest)
			return nil
		}
	}
	id, err := h.s.Begin(q.repo)
	if err != nil {
		return err
	}
	if digest := query.Get("digest"); digest != "" {
		if !ValidDigest(digest) {
			return errors.Join(badDigest(digest), h.s.Cancel(q.repo, id))
		}
		q.name = id
		return h.finish(q, digest)
	}
	h.progress(q, id, 0)
	q.w.WriteHeader(http.StatusAccepted)
	return nil
}

// created answers that a layer is there.
func (h *Handler) created(q *request, digest string) {
	q.set("Location", "/v2/"+q.repo.Name+"/blobs/"+digest)
	q.set("Docker-Content-Digest", digest)
	q.set("Content-Length", "0")
	q.w.WriteHeader(http.StatusCreated)
}

// progress says how far an upload is. The range of an empty one is 0-0, as every registry has it.
func (h *Handler) progress(q *request, id string, size int64) {
	q.set("Location", "/v2/"+q.repo.Name+"/blobs/uploads/"+id)
	q.set("Docker-Upload-Uuid", id)
	q.set("Range", "0-"+strconv.FormatInt(max(size-1, 0), 10))
	q.set("Content-Length", "0")
}

func (h *Handler) uploadStatus(q *request) error {
	size, err := h.s.Uploaded(q.repo, q.name)
	if err != nil {
		return err
	}
	h.progress(q, q.name, size)
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) cancelUpload(q *request) error {
	if err := h.s.Cancel(q.repo, q.name); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// patchUpload adds a chunk, or a stream of any length. Specification: "Pushing a blob in chunks".
func (h *Handler) patchUpload(q *request) error {
	size, err := h.append(q)
	if err != nil {
		return err
	}
	h.progress(q, q.name, size)
	q.w.WriteHeader(http.StatusAccepted)
	return nil
}

// append adds the body to the upload. What came of a body that broke off is kept: the client asks how far it got.
func (h *Handler) append(q *request) (int64, error) {
	first, err := firstByte(q.Header.Get("Content-Range"))
	if err != nil {
		return 0, err
	}
	size, err := h.s.Append(q.repo, q.name, first, q.Body)
	if f := fault.Of(err); err != nil && f.Reason == ReasonPart {
		h.progress(q, q.name, size)
		q.w.Header().Del("Content-Length")
	} else if err != nil && f.Kind == fault.Internal {
		err = &fault.Error{Kind: fault.Invalid, Op: "registry.Handler", Noun: "upload", Name: q.name, Detail: "the body broke off: " + err.Error(), Err: err}
	}
	return size, err
}

// firstByte reads "FIRST-LAST", also with "bytes " before it and "/SIZE" behind. -1 means that nothing was said.
func firstByte(contentRange string) (int64, error) {
	if contentRange == "" {
		return -1, nil
	}
	text := strings.TrimPrefix(strings.TrimPrefix(contentRange, "bytes "), "bytes=")
	text, _, _ = strings.Cut(text, "/")
	a, b, ok := strings.Cut(text, "-")
	first, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	if !ok || err1 != nil || err2 != nil || first < 0 || last < first {
		return 0, &fault.Error{Kind: fault.Invalid, Op: "registry.Handler", Noun: "upload", Detail: fmt.Sprintf("the Content-Range %q is none", contentRange)}
	}
	return first, nil
}

// putUpload ends an upload, with a last chunk or without one.
func (h *Handler) putUpload(q *request) error {
	digest := q.URL.Query().Get("digest")
	if !ValidDigest(digest) {
		return badDigest(digest)
	}
	return h.finish(q, digest)
}

func (h *Handler) finish(q *request, digest string) error {
	if q.ContentLength != 0 {
		if _, err := h.append(q); err != nil {
			return err
		}
	}
	if _, err := h.s.Finish(q.repo, q.name, digest); err != nil {
		return err
	}
	h.created(q, digest)
	return nil
}
