package registry_test

import (
	"testing"

	"anthill/registry"
)

func repositoryOf(r registry.Ref) registry.Repository { return registry.Repository{Ref: r} }

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[]}`), "")
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"layers":[]}`), "application/vnd.oci.image.manifest.v1+json")
	f.Fuzz(func(t *testing.T, raw []byte, kind string) {
		m, err := registry.ParseManifest(raw, kind)
		if err != nil {
			return
		}
		if !registry.ValidDigest(m.Digest) || m.MediaType == "" || m.Index() != (m.Config == nil) {
			t.Errorf("%s was read as %+v", raw, m)
		}
	})
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{"a/b": true, "iris-registry": true, "a": false, "a//b": false, "A": false, "a_b.c-d/e": true, "-a": false, "a--b": false, "a/": false} {
		if registry.ValidName(name) != ok {
			t.Errorf("%q: valid %v, want %v", name, !ok, ok)
		}
	}
}
