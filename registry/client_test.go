package registry_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"anthill/registry"
)

func (h *house) ref(text string) name.Reference {
	h.t.Helper()
	r, err := name.ParseReference(h.host+"/"+text, name.Insecure)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func image(t testing.TB, kind types.MediaType) v1.Image {
	t.Helper()
	img, err := random.Image(3000, 3)
	if err != nil {
		t.Fatal(err)
	}
	img = mutate.MediaType(img, kind)
	if kind == types.OCIManifestSchema1 {
		img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	}
	return img
}

func digestOf(t testing.TB, i interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	d, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// What a foreign client pushes it pulls again, of each kind, by tag and by digest.
func TestPushAndPull(t *testing.T) {
	h := newHouse(t, "a/b")
	for _, kind := range []types.MediaType{types.DockerManifestSchema2, types.OCIManifestSchema1} {
		img := image(t, kind)
		if err := remote.Write(h.ref("a/b:one"), img); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"a/b:one", "a/b@" + digestOf(t, img)} {
			got, err := remote.Image(h.ref(at))
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Image(got); err != nil {
				t.Errorf("%s: %v", at, err)
			}
		}
	}
	index, err := random.Index(500, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(h.ref("a/b:list"), index); err != nil {
		t.Fatal(err)
	}
	got, err := remote.Index(h.ref("a/b:list"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(got); err != nil {
		t.Error(err)
	}
	tags, err := remote.List(h.ref("a/b").Context())
	if want := []string{"list", "one"}; err != nil || !slices.Equal(tags, want) {
		t.Errorf("tags %q, %v; want %q", tags, err, want)
	}
	if tags, err = remote.List(h.ref("a/b").Context(), remote.WithPageSize(1)); err != nil || len(tags) != 2 {
		t.Errorf("tags in pages of one: %q, %v", tags, err)
	}
}

// A layer that is there already is mounted, within a repository and from another one.
func TestMount(t *testing.T) {
	h := newHouse(t, "from")
	h.repository("to")
	img := image(t, types.DockerManifestSchema2)
	if err := remote.Write(h.ref("from:1"), img); err != nil {
		t.Fatal(err)
	}
	there, err := remote.Image(h.ref("from:1"))
	if err != nil {
		t.Fatal(err)
	}
	counting := &counter{}
	if err := remote.Write(h.ref("to:1"), there, remote.WithTransport(counting)); err != nil {
		t.Fatal(err)
	}
	if counting.patches > 1 { // the configuration has no repository that it came from
		t.Errorf("%d blobs were sent again", counting.patches)
	}
}

type counter struct{ patches int }

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch {
		c.patches++
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestDeletion(t *testing.T) {
	h := newHouse(t, "rr")
	one, two := image(t, types.DockerManifestSchema2), image(t, types.DockerManifestSchema2)
	base, err := one.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if two, err = mutate.AppendLayers(two, base[0]); err != nil { // a layer of both
		t.Fatal(err)
	}
	for tag, img := range map[string]v1.Image{"one": one, "two": two} {
		if err := remote.Write(h.ref("rr:"+tag), img); err != nil {
			t.Fatal(err)
		}
	}
	if err := remote.Delete(h.ref("rr@" + digestOf(t, one))); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "MANIFEST_UNKNOWN", 404, func() error { _, err := remote.Get(h.ref("rr:one")); return err })
	got, err := remote.Image(h.ref("rr:two"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(got); err != nil {
		t.Errorf("the image that shared a layer: %v", err)
	}
	gone, err := base[1].Digest()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Layer(named("rr"), gone.String()); err == nil {
		t.Error("a layer that no image names is still there")
	}
	if err := remote.Delete(h.ref("rr:two")); err != nil { // the tag alone
		t.Fatal(err)
	}
	if _, err := remote.Get(h.ref("rr@" + digestOf(t, two))); err != nil {
		t.Errorf("an image went with its tag: %v", err)
	}
}

func wantCode(t *testing.T, code transport.ErrorCode, status int, do func() error) {
	t.Helper()
	var e *transport.Error
	if err := do(); !errors.As(err, &e) || e.StatusCode != status || (len(e.Errors) > 0 && e.Errors[0].Code != code) {
		t.Errorf("got %v, want %s with status %d", err, code, status)
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse(t, "rr")
	img := image(t, types.DockerManifestSchema2)
	wantCode(t, "NAME_UNKNOWN", 404, func() error { return remote.Write(h.ref("none:1"), img) })
	wantCode(t, "MANIFEST_BLOB_UNKNOWN", 404, func() error { return remote.Put(h.ref("rr:1"), img) }) // without its layers
	index, err := random.Index(100, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, "MANIFEST_BLOB_UNKNOWN", 404, func() error { return remote.Put(h.ref("rr:1"), index) })
	if _, err := h.Update(named("rr"), func(r *registry.Repository) error { r.Mutability = registry.Immutable; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(h.ref("rr:1"), img); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(h.ref("rr:1"), img); err != nil {
		t.Errorf("the same image again: %v", err)
	}
	wantCode(t, "TAG_INVALID", 400, func() error { return remote.Write(h.ref("rr:1"), image(t, types.DockerManifestSchema2)) })
}

// Referrers are found by what they are about (specification, "Listing Referrers").
func TestReferrers(t *testing.T) {
	h := newHouse(t, "rr")
	img := image(t, types.OCIManifestSchema1)
	if err := remote.Write(h.ref("rr:1"), img); err != nil {
		t.Fatal(err)
	}
	about, err := remote.Head(h.ref("rr:1"))
	if err != nil {
		t.Fatal(err)
	}
	signature, ok := mutate.Subject(image(t, types.OCIManifestSchema1), *about).(v1.Image)
	if !ok {
		t.Fatal("no image")
	}
	if err := remote.Write(h.ref("rr:sig"), signature); err != nil {
		t.Fatal(err)
	}
	list, err := remote.Referrers(h.ref("rr").Context().Digest(about.Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := list.IndexManifest()
	if err != nil || len(m.Manifests) != 1 || m.Manifests[0].Digest.String() != digestOf(t, signature) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestRangesOfBlobs(t *testing.T) {
	h := newHouse(t, "rr")
	img := image(t, types.DockerManifestSchema2)
	if err := remote.Write(h.ref("rr:1"), img); err != nil {
		t.Fatal(err)
	}
	layers, _ := img.Layers()
	d := digestOf(t, layers[0])
	rc, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest("GET", h.http.URL+"/v2/rr/blobs/"+d, nil)
	req.Header.Set("Range", "bytes=10-19")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, _ := io.ReadAll(res.Body); res.StatusCode != 206 || string(got) != string(whole[10:20]) || res.Header.Get("Docker-Content-Digest") != d {
		t.Errorf("%d %q", res.StatusCode, got)
	}
}
