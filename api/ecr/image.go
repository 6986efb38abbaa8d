package ecr

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/registry"
)

// wants reports whether a filter by tag status ("TAGGED", "UNTAGGED", "ANY") lets an image through.
func wants(status *string, img *registry.Image) bool {
	switch protocol.Value(status) {
	case "TAGGED":
		return len(img.Tags) > 0
	case "UNTAGGED":
		return len(img.Tags) == 0
	}
	return true
}

func (d door) listImages(ctx context.Context, in *ListImagesInput) (*ListImagesOutput, error) {
	all, err := d.s.Images(ref(ctx, in.RegistryId, in.RepositoryName))
	if err != nil {
		return nil, translate(err)
	}
	ids := []ImageIdentifier{}
	for i := range all {
		img := &all[i]
		if in.Filter != nil && (!wants(in.Filter.TagStatus, img) || protocol.Value(in.Filter.ImageStatus) == "ARCHIVED") {
			continue
		}
		if len(img.Tags) == 0 {
			ids = append(ids, ImageIdentifier{ImageDigest: &img.Digest})
		}
		for _, tag := range img.Tags {
			ids = append(ids, ImageIdentifier{ImageDigest: &img.Digest, ImageTag: &tag})
		}
	}
	part, next, err := page(ids, in.NextToken, in.MaxResults)
	return &ListImagesOutput{ImageIds: part, NextToken: next}, err
}

func (d door) describeImages(ctx context.Context, in *DescribeImagesInput) (*DescribeImagesOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	out := &DescribeImagesOutput{ImageDetails: []ImageDetail{}}
	if in.ImageIds != nil {
		for _, id := range in.ImageIds {
			img, err := d.one(r, &id)
			if err != nil {
				return nil, err
			}
			out.ImageDetails = append(out.ImageDetails, *detailOf(r, img))
		}
		return out, nil
	}
	all, err := d.s.Images(r)
	if err != nil {
		return nil, translate(err)
	}
	all = slices.DeleteFunc(all, func(img registry.Image) bool {
		return in.Filter != nil && (!wants(in.Filter.TagStatus, &img) || protocol.Value(in.Filter.ImageStatus) == "ARCHIVED")
	})
	part, next, err := page(all, in.NextToken, in.MaxResults)
	for i := range part {
		out.ImageDetails = append(out.ImageDetails, *detailOf(r, &part[i]))
	}
	out.NextToken = next
	return out, err
}

func detailOf(r registry.Ref, img *registry.Image) *ImageDetail {
	return &ImageDetail{RegistryId: &r.Account, RepositoryName: &r.Name, ImageDigest: &img.Digest, ImageTags: img.Tags, ImageSizeInBytes: &img.Size, ImagePushedAt: &img.Pushed,
		ImageManifestMediaType: &img.MediaType, ArtifactMediaType: protocol.Optional(img.Artifact), SubjectManifestDigest: protocol.Optional(img.Subject), ImageStatus: new("ACTIVE"),
		LastRecordedPullTime: protocol.Optional(img.Pulled)}
}

// find gives the image that an identifier means, or why there is none (API reference, ImageFailure).
func (d door) find(r registry.Ref, id *ImageIdentifier) (*registry.Image, *ImageFailure, error) {
	failed := func(code, reason string) (*registry.Image, *ImageFailure, error) {
		return nil, &ImageFailure{ImageId: id, FailureCode: &code, FailureReason: &reason}, nil
	}
	name := protocol.Value(id.ImageDigest)
	switch {
	case name == "" && id.ImageTag == nil:
		return failed("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
	case name == "":
		name = *id.ImageTag
	case !registry.ValidDigest(name):
		return failed("InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")
	}
	img, err := d.s.Image(r, name)
	switch f := fault.Of(err); {
	case err == nil && id.ImageDigest != nil && id.ImageTag != nil && !slices.Contains(img.Tags, *id.ImageTag):
		return failed("ImageTagDoesNotMatchDigest", "The image tag does not match the image digest")
	case err == nil:
		return img, nil, nil
	case f.Kind == fault.NotFound && f.Noun == "image":
		return failed("ImageNotFound", "Requested image not found")
	}
	return nil, nil, err
}

func (d door) batchGetImage(ctx context.Context, in *BatchGetImageInput) (*BatchGetImageOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	if _, err := d.s.Repository(r); err != nil {
		return nil, translate(err)
	}
	out := &BatchGetImageOutput{Images: []Image{}, Failures: []ImageFailure{}}
	for _, id := range in.ImageIds {
		img, failure, err := d.find(r, &id)
		if err != nil {
			return nil, translate(err)
		}
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		raw, err := d.s.Raw(img)
		if err != nil {
			return nil, err
		}
		out.Images = append(out.Images, *imageOf(r, img, id.ImageTag, string(raw)))
	}
	return out, nil
}

func imageOf(r registry.Ref, img *registry.Image, tag *string, raw string) *Image {
	return &Image{RegistryId: &r.Account, RepositoryName: &r.Name, ImageId: &ImageIdentifier{ImageDigest: &img.Digest, ImageTag: tag},
		ImageManifest: &raw, ImageManifestMediaType: &img.MediaType}
}

// batchDeleteImage removes images by digest, and tags by tag: with its last tag an image goes too (API reference).
func (d door) batchDeleteImage(ctx context.Context, in *BatchDeleteImageInput) (*BatchDeleteImageOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	if _, err := d.s.Repository(r); err != nil {
		return nil, translate(err)
	}
	out := &BatchDeleteImageOutput{ImageIds: []ImageIdentifier{}, Failures: []ImageFailure{}}
	for _, id := range in.ImageIds {
		img, failure, err := d.find(r, &id)
		if err == nil && failure == nil {
			failure, err = d.remove(r, img, &id, out)
		}
		if err != nil {
			return nil, translate(err)
		}
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
		}
	}
	return out, nil
}

func (d door) remove(r registry.Ref, img *registry.Image, id *ImageIdentifier, out *BatchDeleteImageOutput) (*ImageFailure, error) {
	if id.ImageTag != nil && len(img.Tags) > 1 {
		if err := d.s.Untag(r, *id.ImageTag); err != nil {
			return nil, err
		}
		out.ImageIds = append(out.ImageIds, ImageIdentifier{ImageDigest: &img.Digest, ImageTag: id.ImageTag})
		return nil, nil
	}
	err := d.s.DeleteImage(r, img.Digest)
	if f := fault.Of(err); err != nil && f.Reason == registry.ReasonReferenced {
		return &ImageFailure{ImageId: id, FailureCode: new("ImageReferencedByManifestList"), FailureReason: &f.Detail}, nil
	}
	if err != nil {
		return nil, err
	}
	if len(img.Tags) == 0 {
		out.ImageIds = append(out.ImageIds, ImageIdentifier{ImageDigest: &img.Digest})
	}
	for _, tag := range img.Tags {
		out.ImageIds = append(out.ImageIds, ImageIdentifier{ImageDigest: &img.Digest, ImageTag: &tag})
	}
	return nil, nil
}

func (d door) putImage(ctx context.Context, in *PutImageInput) (*PutImageOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	raw := *in.ImageManifest
	m, err := registry.ParseManifest([]byte(raw), protocol.Value(in.ImageManifestMediaType))
	if err != nil {
		return nil, invalid("ImageManifest", "Invalid image manifest provided: "+fault.Of(err).Detail)
	}
	if in.ImageDigest != nil && *in.ImageDigest != m.Digest {
		return nil, &ImageDigestDoesNotMatchException{Message: fmt.Sprintf("The image digest '%s' does not match the digest '%s' of the manifest", *in.ImageDigest, m.Digest)}
	}
	img, fresh, err := d.s.PutImage(r, protocol.Value(in.ImageTag), m, []byte(raw))
	if err != nil {
		return nil, translate(err)
	}
	if !fresh {
		return nil, &ImageAlreadyExistsException{Message: fmt.Sprintf("Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'",
			m.Digest, cmp.Or(protocol.Value(in.ImageTag), "null"), r.Name, r.Account)}
	}
	return &PutImageOutput{Image: imageOf(r, img, in.ImageTag, raw)}, nil
}

func (d door) listImageReferrers(ctx context.Context, in *ListImageReferrersInput) (*ListImageReferrersOutput, error) {
	all, err := d.s.Referrers(ref(ctx, in.RegistryId, in.RepositoryName), protocol.Value(in.SubjectId.ImageDigest))
	if err != nil {
		return nil, translate(err)
	}
	out := &ListImageReferrersOutput{Referrers: []ImageReferrer{}}
	for i := range all {
		img := &all[i]
		if in.Filter != nil && len(in.Filter.ArtifactTypes) > 0 && !slices.ContainsFunc(in.Filter.ArtifactTypes, func(t string) bool { return strings.EqualFold(t, img.Artifact) }) {
			continue
		}
		out.Referrers = append(out.Referrers, ImageReferrer{Digest: &img.Digest, MediaType: &img.MediaType, ArtifactType: protocol.Optional(img.Artifact), Size: &img.Length, Annotations: img.Annotations})
	}
	out.Referrers, out.NextToken, err = page(out.Referrers, in.NextToken, in.MaxResults)
	return out, err
}

// one finds the image that a request is about.
func (d door) one(r registry.Ref, id *ImageIdentifier) (*registry.Image, error) {
	img, failure, err := d.find(r, id)
	if err != nil {
		return nil, translate(err)
	}
	if failure != nil {
		return nil, noImage(r, id)
	}
	return img, nil
}

func noImage(r registry.Ref, id *ImageIdentifier) error {
	return &ImageNotFoundException{Message: fmt.Sprintf("The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
		cmp.Or(protocol.Value(id.ImageDigest), "null"), cmp.Or(protocol.Value(id.ImageTag), "null"), r.Name, r.Account)}
}

// describeImageReplicationStatus tells that an image is replicated nowhere.
func (d door) describeImageReplicationStatus(ctx context.Context, in *DescribeImageReplicationStatusInput) (*DescribeImageReplicationStatusOutput, error) {
	if _, err := d.one(ref(ctx, in.RegistryId, in.RepositoryName), in.ImageId); err != nil {
		return nil, err
	}
	return &DescribeImageReplicationStatusOutput{RepositoryName: in.RepositoryName, ImageId: in.ImageId, ReplicationStatuses: []ImageReplicationStatus{}}, nil
}

// describeImageScanFindings finds no scan: nothing is scanned here.
func (d door) describeImageScanFindings(ctx context.Context, in *DescribeImageScanFindingsInput) (*DescribeImageScanFindingsOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	if _, err := d.one(r, in.ImageId); err != nil {
		return nil, err
	}
	return nil, &ScanNotFoundException{Message: fmt.Sprintf("Image scan does not exist for the image with '{imageDigest:'%s', imageTag:'%s'}' in the repository with name '%s' in the registry with id '%s'",
		cmp.Or(protocol.Value(in.ImageId.ImageDigest), "null"), cmp.Or(protocol.Value(in.ImageId.ImageTag), "null"), r.Name, r.Account)}
}
