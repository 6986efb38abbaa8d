package functions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"anthill/blobs"
	"anthill/fault"
	"anthill/internal/disk"
)

// SHA256 is the digest of the zip file as AWS gives it, in base64.
func (c Code) SHA256() string {
	if c.Image != nil { // of an image AWS shows the digest as it is
		return c.Digest
	}
	raw, err := hex.DecodeString(c.Digest)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// codeDir is where code of that digest is unpacked. Directories there are never changed.
func (s *Service) codeDir(digest string) string { return filepath.Join(s.c.Dir, digest) }

const unzipAgain = "Could not unzip uploaded file. Please check your file, then try to upload again."

// takeCode checks code that a caller gives, unpacks it and keeps its bytes. The caller makes references to it.
func (s *Service) takeCode(ctx context.Context, op, acct string, src CodeSource) (Code, error) {
	archive := src.Zip
	switch {
	case src.Bucket != "":
		if s.c.Objects == nil {
			return Code{}, invalid(op, "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist")
		}
		var err error
		if archive, err = s.c.Objects(ctx, acct, src.Bucket, src.Key, src.ObjectVersion); err != nil {
			return Code{}, fault.In(op, err)
		}
	case len(archive) == 0:
		return Code{}, invalid(op, "Uploaded file must be a non-empty zip")
	case len(archive) > maxZipped:
		return Code{}, invalid(op, "Zipped size must be smaller than %d bytes", maxZipped)
	}
	sum := sha256.Sum256(archive)
	digest := hex.EncodeToString(sum[:])
	unzipped, err := s.unpack(archive, digest)
	if err != nil {
		return Code{}, codeFault(op, err)
	}
	d, size, err := s.c.Blobs.Put(bytes.NewReader(archive))
	if err != nil {
		return Code{}, fault.In(op, err)
	}
	return Code{Digest: string(d), Size: size, Unzipped: unzipped}, nil
}

// codeFault puts unzip's refusals in AWS's words.
func codeFault(op string, err error) error {
	switch {
	case errors.Is(err, errUnzipped):
		return invalid(op, "Unzipped size must be smaller than %d bytes", maxUnzipped)
	case errors.Is(err, errNoZip), errors.Is(err, errZipEscapes):
		return &fault.Error{Kind: fault.Invalid, Op: op, Noun: noun, Detail: unzipAgain, Err: err}
	}
	return fault.In(op, err)
}

// unpack makes the directory of that digest, unless it is there. Two at once make it twice, and one of them stays.
func (s *Service) unpack(archive []byte, digest string) (size int64, err error) {
	dir := s.codeDir(digest)
	if size, err := sizeOf(dir); err == nil {
		return size, nil
	}
	if err := os.MkdirAll(s.c.Dir, 0o755); err != nil {
		return 0, err
	}
	temp, err := os.MkdirTemp(s.c.Dir, "unpacking-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(temp) }() // gone already when all went well
	if size, err = unzip(archive, temp, maxUnzipped); err != nil {
		return 0, err
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return 0, err
	}
	if err := os.Rename(temp, dir); err != nil {
		if _, again := os.Stat(dir); again == nil {
			return size, nil
		}
		return 0, err
	}
	return size, nil
}

// sizeOf sums the files below dir.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// tidy removes what a crash left half unpacked and what no function or layer uses any more, and unpacks again what is
// missing. Directories are only removed here, when nothing of an earlier platform's can be told to still use them.
func (s *Service) tidy() error {
	used := map[string]bool{}
	for _, l := range s.mu.live {
		for _, v := range l.all() {
			if v.Code.Image == nil {
				for _, d := range v.digests() {
					used[d] = true
				}
			}
		}
	}
	for _, l := range s.mu.layers {
		for _, v := range l.Versions {
			used[v.Code.Digest] = true
		}
	}
	entries, err := os.ReadDir(s.c.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if used[e.Name()] {
			delete(used, e.Name())
			continue
		}
		if strings.HasPrefix(e.Name(), "unpacking-") || blobs.Digest(e.Name()).Valid() {
			if err := os.RemoveAll(filepath.Join(s.c.Dir, e.Name())); err != nil {
				return err
			}
		}
	}
	for digest := range used {
		if err := s.unpackAgain(digest); err != nil {
			return err
		}
	}
	return s.tidyImages()
}

func (s *Service) unpackAgain(digest string) error {
	r, err := s.c.Blobs.Open(blobs.Digest(digest))
	if err != nil {
		return err
	}
	archive, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	_, err = s.unpack(archive, digest)
	return err
}

// Zip gives the bytes of a package that some function or layer has, by its digest in hex. The caller closes it.
func (s *Service) Zip(digest string) (io.ReadCloser, error) {
	r, err := s.c.Blobs.Open(blobs.Digest(digest))
	return r, fault.In("functions.Zip", err)
}

// letGo removes code that nothing refers to any more. What it cannot remove now goes when the platform opens again.
func (s *Service) letGo(digests ...string) {
	for _, d := range digests {
		if err := s.c.Blobs.Drop(blobs.Digest(d)); err != nil {
			s.log.Warn("code that nothing uses is still there", "digest", d, "err", err)
		}
	}
}

// digests names every package that v needs: its own and its layers', or its image's manifest and what that names.
func (v *Version) digests() []string {
	var out []string
	if v.Code.Digest != "" {
		out = append(out, v.Code.Digest)
	}
	if v.Code.Image != nil {
		out = append(out, v.Code.Image.Blobs...)
	}
	for _, l := range v.Settings.Layers {
		out = append(out, l.Code.Digest)
	}
	return out
}

// reference is one of a version to a package.
type reference struct{ digest, owner string }

func (f *Function) references() map[reference]bool {
	out := map[reference]bool{}
	if f == nil {
		return out
	}
	for _, v := range f.all() {
		for _, d := range v.digests() {
			out[reference{d, "function/" + f.Key().path() + "/" + v.Number}] = true
		}
	}
	return out
}

// references gives the writes that turn before's references into after's, and the digests that lost one. Either
// function may be nil.
func (s *Service) references(before, after *Function) (writes []disk.Write, lost []string) {
	old, new := before.references(), after.references()
	for r := range new {
		if !old[r] {
			writes = append(writes, s.c.Blobs.Ref(blobs.Digest(r.digest), r.owner))
		}
	}
	for r := range old {
		if !new[r] {
			writes = append(writes, s.c.Blobs.Unref(blobs.Digest(r.digest), r.owner))
			lost = append(lost, r.digest)
		}
	}
	return writes, lost
}
