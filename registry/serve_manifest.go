package registry

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"anthill/fault"
)

// getManifest gives a manifest as it was pushed. Specification: "Pulling manifests".
func (h *Handler) getManifest(q *request) error {
	img, err := h.s.Image(q.repo, q.name)
	if err != nil {
		if f := fault.Of(err); f.Noun == "image" {
			return &fault.Error{Kind: f.Kind, Op: f.Op, Noun: f.Noun, Name: f.Name, Detail: "Requested image not found", Err: err} // as ECR
		}
		return err
	}
	raw, err := h.s.Raw(img)
	if err != nil {
		return err
	}
	q.set("Content-Type", img.MediaType)
	q.set("Docker-Content-Digest", img.Digest)
	q.set("Etag", `"`+img.Digest+`"`)
	q.set("Content-Length", strconv.Itoa(len(raw)))
	if q.Method == http.MethodHead {
		return nil
	}
	if err := h.s.NotePull(q.repo, img); err != nil {
		return err
	}
	_, _ = q.Write(raw)
	return nil
}

// putManifest takes a manifest under a tag or its digest. Specification: "Pushing Manifests".
func (h *Handler) putManifest(q *request) error {
	raw, err := io.ReadAll(http.MaxBytesReader(q.w, q.Body, MaxManifest+1))
	if err != nil {
		return badManifest("the body broke off or is too long: %v", err)
	}
	kind, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	m, err := ParseManifest(raw, kind)
	if err != nil {
		return err
	}
	tag := q.name
	if strings.Contains(q.name, ":") {
		if !ValidDigest(q.name) {
			return badDigest(q.name)
		}
		if q.name != m.Digest {
			return &fault.Error{Kind: fault.Invalid, Op: "registry.Handler", Noun: "manifest", Name: q.name, Reason: ReasonDigest,
				Detail: "provided digest did not match uploaded content, which has " + m.Digest}
		}
		tag = ""
	}
	if _, _, err := h.s.PutImage(q.repo, tag, m, raw); err != nil {
		return err
	}
	if m.Subject != "" {
		q.set("OCI-Subject", m.Subject)
	}
	q.set("Location", "/v2/"+q.repo.Name+"/manifests/"+m.Digest)
	q.set("Docker-Content-Digest", m.Digest)
	q.set("Content-Length", "0")
	q.w.WriteHeader(http.StatusCreated)
	return nil
}

// deleteManifest removes an image, or a tag alone. Specification: "Content Management".
func (h *Handler) deleteManifest(q *request) error {
	remove := h.s.Untag
	if strings.Contains(q.name, ":") {
		remove = h.s.DeleteImage
	}
	if err := remove(q.repo, q.name); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusAccepted)
	return nil
}

// page cuts names, which are sorted, at the query's last and n, and sets the Link to the next page.
func page(q *request, names []string) []string {
	query := q.URL.Query()
	if last := query.Get("last"); last != "" {
		names = names[sort.Search(len(names), func(i int) bool { return names[i] > last }):]
	}
	if n, err := strconv.Atoi(query.Get("n")); err == nil && n >= 0 && n < len(names) {
		names = names[:n]
		if n > 0 {
			next := url.Values{"n": {strconv.Itoa(n)}, "last": {names[n-1]}}
			q.set("Link", "<"+q.URL.Path+"?"+next.Encode()+`>; rel="next"`)
		}
	}
	return names
}

func (q *request) json(kind string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	q.set("Content-Type", kind)
	_, _ = q.Write(b)
	return nil
}

func (h *Handler) tags(q *request) error {
	names, err := h.s.TagNames(q.repo)
	if err != nil {
		return err
	}
	return q.json("application/json", map[string]any{"name": q.repo.Name, "tags": page(q, names)})
}

func (h *Handler) catalog(q *request) error {
	all, err := h.s.Repositories(q.repo.Account, q.repo.Region)
	if err != nil {
		return err
	}
	names := []string{}
	for _, r := range all {
		names = append(names, r.Ref.Name)
	}
	return q.json("application/json", map[string]any{"repositories": page(q, names)})
}

// wireReferrer is a descriptor of an index of referrers. Specification: "Listing Referrers".
type wireReferrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

func (h *Handler) referrers(q *request) error {
	if !ValidDigest(q.name) {
		return badDigest(q.name)
	}
	all, err := h.s.Referrers(q.repo, q.name)
	if err != nil {
		return err
	}
	only := q.URL.Query().Get("artifactType")
	if only != "" {
		q.set("OCI-Filters-Applied", "artifactType")
	}
	list := []wireReferrer{}
	for _, img := range all {
		if only == "" || img.Artifact == only {
			list = append(list, wireReferrer{img.MediaType, img.Digest, img.Length, img.Artifact, img.Annotations})
		}
	}
	return q.json(string(types.OCIImageIndex), map[string]any{"schemaVersion": 2, "mediaType": types.OCIImageIndex, "manifests": list})
}
