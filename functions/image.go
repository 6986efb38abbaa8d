package functions

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"anthill/fault"
	"anthill/registry"
	"anthill/sandbox"
	"anthill/sandbox/image"
)

// Image is a container image as a function has it: what its tag named when the function took it.
type Image struct {
	Resolved string   // its URI by digest
	Blobs    []string // digests in hex, beside the manifest's: the configuration's, then the layers', base first
	DiffIDs  []string // of the layers, SHA-256 in hex

	EntryPoint, Command []string `json:",omitzero"`
	WorkingDirectory    string   `json:",omitzero"`
	Env                 []string `json:",omitzero"`
}

// The media types that Lambda takes (developer guide, "Container image requirements": Docker image manifest V2, schema 2,
// and OCI images; no lists of images).
var imageTypes = [...]string{
	"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar",
}

// codeOf takes the code that a function of those settings is given.
func (s *Service) codeOf(ctx context.Context, op string, k Key, set *Settings, src CodeSource) (Code, error) {
	doing := "creating"
	if op == "functions.UpdateCode" {
		doing = "updating"
	}
	switch {
	case set.PackageType != "Image" && src.ImageURI != "":
		return Code{}, invalid(op, "Please don't provide ImageUri when %s a function with packageType Zip.", doing)
	case set.PackageType != "Image" && !src.given():
		return Code{}, invalid(op, "Please provide a source for function code.")
	case set.PackageType != "Image" && len(src.Zip) > 0 && src.Bucket+src.Key != "":
		return Code{}, invalid(op, "Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case set.PackageType != "Image":
		return s.takeCode(ctx, op, k.Account, src)
	case src.ImageURI == "":
		return Code{}, invalid(op, "Please provide ImageUri when %s a function with packageType Image.", doing)
	}
	return s.takeImage(op, k, src.ImageURI)
}

// takeImage finds an image in the registry and pins it.
func (s *Service) takeImage(op string, k Key, uri string) (Code, error) {
	r, name, ok := parseImageURI(k, uri)
	if !ok {
		return Code{}, invalid(op, "Source image %s is not valid. Provide a valid source image.", uri)
	}
	img, err := s.c.Images.Image(r, name)
	if fault.Is(err, fault.NotFound) {
		return Code{}, invalid(op, "Source image %s does not exist. Provide a valid source image.", uri)
	}
	if err != nil {
		return Code{}, fault.In(op, err)
	}
	types := []string{img.MediaType}
	if img.Config != nil {
		types = append(types, img.Config.MediaType)
	}
	for _, l := range img.Layers {
		types = append(types, l.MediaType)
	}
	if img.Index() || slices.ContainsFunc(types, func(t string) bool { return !slices.Contains(imageTypes[:], t) }) {
		return Code{}, invalid(op, "The image manifest, config or layer media type for the source image %s is not supported.", uri)
	}
	at := strings.TrimSuffix(strings.TrimSuffix(uri, "@"+name), ":"+name)
	i := &Image{Resolved: at + "@" + img.Digest}
	for _, p := range append([]registry.Part{*img.Config}, img.Layers...) {
		i.Blobs = append(i.Blobs, strings.TrimPrefix(p.Digest, "sha256:"))
	}
	if err := s.readConfig(r, img.Config.Digest, i); err != nil {
		return Code{}, fault.In(op, err)
	}
	return Code{Digest: strings.TrimPrefix(img.Digest, "sha256:"), ImageURI: uri, Image: i}, nil
}

// parseImageURI takes "HOST/NAME:TAG" or "HOST/NAME@DIGEST" apart. The host is the platform's, whatever it is called, or
// ECR's own, which says the account and the region.
func parseImageURI(k Key, uri string) (r registry.Ref, name string, ok bool) {
	host, rest, ok := strings.Cut(uri, "/")
	if !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return r, "", false
	}
	r = registry.Ref{Account: k.Account, Region: k.Region}
	if p := strings.Split(host, "."); len(p) > 4 && p[1] == "dkr" && p[2] == "ecr" {
		r.Account, r.Region = p[0], p[3]
	}
	if r.Name, name, ok = strings.Cut(rest, "@"); ok {
		r.Name, _, _ = strings.Cut(r.Name, ":") // the digest decides
		return r, name, registry.ValidDigest(name) && registry.ValidName(r.Name)
	}
	r.Name, name, ok = strings.Cut(rest, ":")
	return r, name, ok && registry.ValidTag(name) && registry.ValidName(r.Name)
}

// readConfig takes what the image says about itself (OCI image specification, "Image Configuration"). What it says wrong
// shows when it is unpacked or run, as on AWS.
func (s *Service) readConfig(r registry.Ref, digest string, i *Image) error {
	b, _, err := s.c.Images.Open(r, digest)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(b, registry.MaxManifest))
	if err = errors.Join(err, b.Close()); err != nil {
		return err
	}
	var c struct {
		Config struct {
			Entrypoint, Cmd, Env []string
			WorkingDir           string
		} `json:"config"`
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil // without layers it is not one that can be run
	}
	i.EntryPoint, i.Command, i.Env, i.WorkingDirectory = c.Config.Entrypoint, c.Config.Cmd, c.Config.Env, c.Config.WorkingDir
	for _, d := range c.RootFS.DiffIDs {
		i.DiffIDs = append(i.DiffIDs, strings.TrimPrefix(d, "sha256:"))
	}
	return nil
}

// unpackImage makes the root of an image, unless it is there, and gives its key.
func (s *Service) unpackImage(ctx context.Context, i *Image) (string, error) {
	if len(i.DiffIDs) == 0 || len(i.DiffIDs) != len(i.Blobs)-1 {
		return "", invalid("functions.unpackImage", "the image's configuration names %d layers, and its manifest %d", len(i.DiffIDs), len(i.Blobs)-1)
	}
	if key := image.Key(i.DiffIDs); s.roots.Ready(key) {
		return key, nil
	}
	var layers []image.Layer
	for n, id := range i.DiffIDs {
		layers = append(layers, image.Layer{DiffID: id, Open: func() (io.ReadCloser, error) { return s.Zip(i.Blobs[n+1]) }})
	}
	return s.roots.Make(ctx, layers)
}

// imageSpec is what an environment of v runs when it is an image; nil when not.
func (s *Service) imageSpec(v *Version) *sandbox.Image {
	i := v.Code.Image
	if i == nil {
		return nil
	}
	out := &sandbox.Image{Root: s.roots.Dir(image.Key(i.DiffIDs)), EntryPoint: i.EntryPoint, Command: i.Command, Dir: i.WorkingDirectory, Env: i.Env}
	if c := v.Settings.Image; c != nil {
		if len(c.EntryPoint) > 0 { // as with docker run --entrypoint, the image's own command goes with its entry point
			out.EntryPoint, out.Command = c.EntryPoint, nil
		}
		if len(c.Command) > 0 {
			out.Command = c.Command
		}
		if c.WorkingDirectory != "" {
			out.Dir = c.WorkingDirectory
		}
	}
	return out
}

// never is when a version settles whose image is still being unpacked.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// holdForImage keeps the versions of a new function pending until their image is unpacked.
func (s *Service) holdForImage(f *Function) {
	for _, v := range f.all() {
		if v.Code.Image != nil && !s.roots.Ready(image.Key(v.Code.Image.DiffIDs)) {
			v.SettleAt = never
		}
	}
}

// prepareImages unpacks the images of f that are not, behind the caller, and settles the versions that wait for it.
func (s *Service) prepareImages(f *Function) {
	seen := map[string]bool{}
	for _, v := range f.all() {
		i := v.Code.Image
		if i == nil || seen[v.Code.Digest] || v.Phase == Failed {
			continue
		}
		seen[v.Code.Digest] = true
		if v.SettleAt.Equal(never) || !s.roots.Ready(image.Key(i.DiffIDs)) {
			s.ahead.Go(func() { s.prepareImage(f.Key(), v.Code.Digest, i) })
		}
	}
}

func (s *Service) prepareImage(k Key, digest string, i *Image) {
	_, err := s.unpackImage(s.ahead.ctx, i)
	if s.ahead.ctx.Err() != nil {
		return // the next platform goes on
	}
	if err != nil {
		s.log.Warn("a function's image cannot be run", "function", k.Name, "err", err)
	}
	if l, ok := s.find(k); !ok || !slices.ContainsFunc(l.all(), func(v *Version) bool { return v.Code.Digest == digest && v.SettleAt.Equal(never) }) {
		return
	}
	failure := err
	_, err = s.edit("functions.prepareImage", Ref{k.Account, k.Region, k.Name, ""}, func(e *edit) error {
		settle := func(v *Version) *Version {
			if v.Code.Digest != digest || !v.SettleAt.Equal(never) {
				return v
			}
			w := *v
			w.SettleAt = e.now
			settled := w.at(e.now)
			if failure != nil {
				settled.Phase, settled.Failure = Failed, Failure{Code: "InvalidImage", Reason: "Invalid image: " + sentence(failure)}
			}
			return settled
		}
		e.Latest = *settle(&e.Latest)
		for n, v := range e.Versions {
			e.Versions[n] = settle(v)
		}
		return nil
	})
	if err != nil && !fault.Is(err, fault.NotFound) { // it may have been deleted meanwhile
		s.log.Warn("a function stays pending until the platform starts again", "function", k.Name, "err", err)
	}
}

// ready waits until the image of t can be run, and refuses one that cannot.
func (s *Service) ready(ctx context.Context, op string, t *target) error {
	if t.image == nil {
		return nil
	}
	_, err := s.unpackImage(ctx, t.image)
	if fault.Is(err, fault.Invalid) {
		return conflict(op, t.spec.FunctionName, "The operation cannot be performed at this time. The function is currently in the following state: Failed")
	}
	return fault.In(op, err)
}

// tidyImages removes the roots that no function uses any more.
func (s *Service) tidyImages() error {
	used := map[string]bool{}
	for _, l := range s.mu.live {
		for _, v := range l.all() {
			if v.Code.Image != nil {
				used[image.Key(v.Code.Image.DiffIDs)] = true
			}
		}
	}
	return s.roots.Keep(used)
}
