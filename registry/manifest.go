package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"anthill/fault"
)

// MaxManifest is the longest manifest that is taken, in bytes: what the distribution specification asks for at least.
const MaxManifest = 4 << 20

// Part is a piece that a manifest names: a layer, a configuration, or another manifest.
type Part struct {
	MediaType string
	Digest    string // "sha256:…"
	Size      int64
	// Elsewhere says that the bytes are somewhere else (foreign layers), and need not be here.
	Elsewhere bool `json:",omitzero"`
}

// Manifest is what a manifest says.
type Manifest struct {
	Digest    string // of its bytes
	Length    int64  // of its bytes
	MediaType string
	// Artifact is what kind of thing it is, for others than indexes: artifactType, else the configuration's media type.
	Artifact    string            `json:",omitzero"`
	Config      *Part             `json:",omitzero"` // nil for indexes
	Layers      []Part            `json:",omitzero"` // base first
	Manifests   []Part            `json:",omitzero"` // of an index
	Subject     string            `json:",omitzero"` // digest of the manifest that it is about
	Annotations map[string]string `json:",omitzero"`
}

// Index reports whether it is a list of other manifests.
func (m *Manifest) Index() bool { return types.MediaType(m.MediaType).IsIndex() }

// Blobs are the parts that must be in the repository as layers: configuration and layers.
func (m *Manifest) blobs() []Part {
	if m.Config == nil {
		return m.Layers
	}
	return append([]Part{*m.Config}, m.Layers...)
}

// wireManifest is a manifest of any of the four kinds that are taken (OCI image specification, "Image Manifest" and
// "Image Index"; Docker image manifest version 2, schema 2).
type wireManifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *wirePart         `json:"config"`
	Layers        []wirePart        `json:"layers"`
	Manifests     []wirePart        `json:"manifests"`
	Subject       *wirePart         `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
}

type wirePart struct {
	MediaType string   `json:"mediaType"`
	Digest    string   `json:"digest"`
	Size      int64    `json:"size"`
	URLs      []string `json:"urls"`
}

func (p *wirePart) part() Part {
	foreign := !types.MediaType(p.MediaType).IsDistributable() && p.MediaType != ""
	return Part{MediaType: p.MediaType, Digest: p.Digest, Size: p.Size, Elsewhere: foreign || len(p.URLs) > 0}
}

func badManifest(format string, args ...any) error {
	return &fault.Error{Kind: fault.Invalid, Op: "registry.ParseManifest", Noun: "manifest", Detail: fmt.Sprintf(format, args...)}
}

// ParseManifest reads a manifest. mediaType is what the client says that it is; "" leaves that to the manifest.
func ParseManifest(raw []byte, mediaType string) (*Manifest, error) {
	if len(raw) > MaxManifest {
		return nil, &fault.Error{Kind: fault.TooLarge, Op: "registry.ParseManifest", Noun: "manifest", Detail: fmt.Sprintf("a manifest may have %d bytes", MaxManifest)}
	}
	var w wireManifest
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&w); err != nil {
		return nil, badManifest("the manifest is not JSON: %v", err)
	}
	if !json.Valid(raw) {
		return nil, badManifest("the manifest is not one JSON object")
	}
	kind, err := kindOf(&w, mediaType)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	m := &Manifest{Digest: "sha256:" + hex.EncodeToString(sum[:]), Length: int64(len(raw)), MediaType: string(kind), Annotations: w.Annotations, Artifact: w.ArtifactType}
	if w.Subject != nil {
		m.Subject = w.Subject.Digest
		if !ValidDigest(m.Subject) {
			return nil, badManifest("the subject's digest %q is none", m.Subject)
		}
	}
	if kind.IsIndex() {
		m.Manifests, err = parts("manifests", w.Manifests)
		return m, err
	}
	if w.Config == nil {
		return nil, badManifest("the manifest names no config")
	}
	config, err := parts("config", []wirePart{*w.Config})
	if err != nil {
		return nil, err
	}
	m.Config = &config[0]
	m.Config.Elsewhere = false
	if m.Artifact == "" {
		m.Artifact = m.Config.MediaType
	}
	m.Layers, err = parts("layers", w.Layers)
	return m, err
}

// kindOf settles the media type: the manifest's own, the client's, or what the members tell.
func kindOf(w *wireManifest, said string) (types.MediaType, error) {
	if w.SchemaVersion != 2 {
		return "", &fault.Error{Kind: fault.Invalid, Op: "registry.ParseManifest", Noun: "manifest", Reason: "schema",
			Detail: fmt.Sprintf("manifests of schema version %d are not supported", w.SchemaVersion)}
	}
	kind := w.MediaType
	if kind == "" {
		kind = said
	}
	if said != "" && said != kind && taken(said) {
		return "", badManifest("the manifest says that it is %s, and its sender that it is %s", kind, said)
	}
	if !taken(kind) && w.MediaType == "" { // application/json, or nothing
		kind = string(types.OCIManifestSchema1)
		if w.Manifests != nil {
			kind = string(types.OCIImageIndex)
		}
	}
	switch {
	case !taken(kind):
		return "", badManifest("manifests of type %q are not supported", kind)
	case types.MediaType(kind).IsIndex() && (w.Config != nil || len(w.Layers) > 0):
		return "", badManifest("an index names manifests, not layers")
	case types.MediaType(kind).IsImage() && len(w.Manifests) > 0:
		return "", badManifest("the manifest of an image names layers, not manifests")
	}
	return types.MediaType(kind), nil
}

func taken(kind string) bool {
	switch types.MediaType(kind) {
	case types.DockerManifestSchema2, types.DockerManifestList, types.OCIManifestSchema1, types.OCIImageIndex:
		return true
	}
	return false
}

func parts(member string, in []wirePart) ([]Part, error) {
	var out []Part
	for i := range in {
		p := in[i].part()
		switch {
		case !ValidDigest(p.Digest):
			return nil, badManifest("%s[%d]: the digest %q is none, or of an algorithm that is not supported", member, i, p.Digest)
		case p.Size < 0:
			return nil, badManifest("%s[%d]: a size of %d", member, i, p.Size)
		}
		out = append(out, p)
	}
	return out, nil
}
