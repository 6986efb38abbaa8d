package ecr

import (
	"bytes"
	"context"
	"fmt"
	"net/url"

	"anthill/fault"
	"anthill/registry"
)

func (d door) batchCheckLayerAvailability(ctx context.Context, in *BatchCheckLayerAvailabilityInput) (*BatchCheckLayerAvailabilityOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	if _, err := d.s.Repository(r); err != nil {
		return nil, translate(err)
	}
	out := &BatchCheckLayerAvailabilityOutput{Layers: []Layer{}, Failures: []LayerFailure{}}
	for _, digest := range in.LayerDigests {
		if !registry.ValidDigest(digest) {
			out.Failures = append(out.Failures, LayerFailure{LayerDigest: &digest, FailureCode: new("InvalidLayerDigest"),
				FailureReason: new("Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")})
			continue
		}
		l, err := d.s.Layer(r, digest)
		switch {
		case fault.Is(err, fault.NotFound):
			out.Layers = append(out.Layers, Layer{LayerDigest: &digest, LayerAvailability: new("UNAVAILABLE")})
		case err != nil:
			return nil, err
		default:
			out.Layers = append(out.Layers, Layer{LayerDigest: &digest, LayerAvailability: new("AVAILABLE"), LayerSize: &l.Size, MediaType: new("application/vnd.docker.image.rootfs.diff.tar.gzip")})
		}
	}
	return out, nil
}

// getDownloadURLForLayer gives an address that needs no further credentials, as AWS's presigned one.
func (d door) getDownloadURLForLayer(ctx context.Context, in *GetDownloadUrlForLayerInput) (*GetDownloadUrlForLayerOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	if _, err := d.s.Layer(r, *in.LayerDigest); err != nil {
		return nil, translate(err)
	}
	password, _ := d.s.Issue(r.Account, r.Region)
	address := base(ctx) + "/v2/" + r.Name + "/blobs/" + *in.LayerDigest + "?" + url.Values{"token": {password}}.Encode()
	return &GetDownloadUrlForLayerOutput{DownloadUrl: &address, LayerDigest: in.LayerDigest}, nil
}

// partSize is what AWS proposes for the parts of an upload, in bytes.
const partSize = 10 << 20

func (d door) initiateLayerUpload(ctx context.Context, in *InitiateLayerUploadInput) (*InitiateLayerUploadOutput, error) {
	id, err := d.s.Begin(ref(ctx, in.RegistryId, in.RepositoryName))
	return answer(&InitiateLayerUploadOutput{UploadId: &id, PartSize: new(int64(partSize))}, err)
}

func (d door) uploadLayerPart(ctx context.Context, in *UploadLayerPartInput) (*UploadLayerPartOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	if _, err := d.s.Repository(r); err != nil {
		return nil, translate(err)
	}
	size, err := int64(0), error(nil)
	if want := *in.PartLastByte - *in.PartFirstByte + 1; want != int64(len(in.LayerPartBlob)) {
		if size, err = d.s.Uploaded(r, *in.UploadId); err == nil {
			err = &fault.Error{Kind: fault.Conflict, Reason: registry.ReasonPart, Detail: fmt.Sprintf("the part has %d bytes, and its first and last byte say %d", len(in.LayerPartBlob), want)}
		}
	} else {
		size, err = d.s.Append(r, *in.UploadId, *in.PartFirstByte, bytes.NewReader(in.LayerPartBlob))
	}
	if f := fault.Of(err); err != nil && f.Reason == registry.ReasonPart {
		return nil, &InvalidLayerPartException{RegistryId: r.Account, RepositoryName: r.Name, UploadId: *in.UploadId, LastValidByteReceived: size - 1, Message: f.Detail}
	}
	return answer(&UploadLayerPartOutput{RegistryId: &r.Account, RepositoryName: &r.Name, UploadId: in.UploadId, LastByteReceived: new(size - 1)}, err)
}

func (d door) completeLayerUpload(ctx context.Context, in *CompleteLayerUploadInput) (*CompleteLayerUploadOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	if _, err := d.s.Repository(r); err != nil {
		return nil, translate(err)
	}
	size, err := d.s.Uploaded(r, *in.UploadId)
	if err != nil {
		return nil, translate(err)
	}
	if size == 0 {
		return nil, &EmptyUploadException{Message: fmt.Sprintf("No layer parts have been uploaded to upload '%s' in repository '%s'", *in.UploadId, r.Name)}
	}
	digest := in.LayerDigests[0]
	if _, err := d.s.Layer(r, digest); err == nil {
		return nil, &LayerAlreadyExistsException{Message: fmt.Sprintf("Layer with digest '%s' already exists in the repository with name '%s' in the registry with id '%s'", digest, r.Name, r.Account)}
	}
	if _, err := d.s.Finish(r, *in.UploadId, digest); err != nil {
		return nil, translate(err)
	}
	return &CompleteLayerUploadOutput{RegistryId: &r.Account, RepositoryName: &r.Name, UploadId: in.UploadId, LayerDigest: &digest}, nil
}
