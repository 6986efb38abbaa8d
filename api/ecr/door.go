package ecr

import (
	"cmp"
	"context"
	"encoding/base64"
	"strconv"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/registry"
)

// door turns calls into the service's own terms.
type door struct{ s *registry.Service }

// New gives the operations that are built.
func New(s *registry.Service) Operations {
	d := door{s}
	return Operations{
		GetAuthorizationToken: d.getAuthorizationToken,
		CreateRepository:      d.createRepository, DescribeRepositories: d.describeRepositories, DeleteRepository: d.deleteRepository,
		PutImageTagMutability: d.putImageTagMutability, PutImageScanningConfiguration: d.putImageScanningConfiguration,
		BatchGetRepositoryScanningConfiguration: d.batchGetRepositoryScanningConfiguration,
		SetRepositoryPolicy:                     d.setRepositoryPolicy, GetRepositoryPolicy: d.getRepositoryPolicy, DeleteRepositoryPolicy: d.deleteRepositoryPolicy,
		PutLifecyclePolicy: d.putLifecyclePolicy, GetLifecyclePolicy: d.getLifecyclePolicy, DeleteLifecyclePolicy: d.deleteLifecyclePolicy,
		StartLifecyclePolicyPreview: d.startLifecyclePolicyPreview, GetLifecyclePolicyPreview: d.getLifecyclePolicyPreview,
		TagResource: d.tagResource, UntagResource: d.untagResource, ListTagsForResource: d.listTagsForResource,
		ListImages: d.listImages, DescribeImages: d.describeImages, BatchGetImage: d.batchGetImage, BatchDeleteImage: d.batchDeleteImage, PutImage: d.putImage,
		ListImageReferrers:          d.listImageReferrers,
		BatchCheckLayerAvailability: d.batchCheckLayerAvailability, GetDownloadUrlForLayer: d.getDownloadURLForLayer,
		InitiateLayerUpload: d.initiateLayerUpload, UploadLayerPart: d.uploadLayerPart, CompleteLayerUpload: d.completeLayerUpload,
		DescribeRegistry: d.describeRegistry, GetRegistryPolicy: d.getRegistryPolicy, PutRegistryPolicy: d.putRegistryPolicy, DeleteRegistryPolicy: d.deleteRegistryPolicy,
		GetRegistryScanningConfiguration: d.getRegistryScanningConfiguration, PutRegistryScanningConfiguration: d.putRegistryScanningConfiguration,
		PutReplicationConfiguration: d.putReplicationConfiguration, DescribeImageReplicationStatus: d.describeImageReplicationStatus,
		DescribeImageScanFindings: d.describeImageScanFindings,
		GetAccountSetting:         d.getAccountSetting, PutAccountSetting: d.putAccountSetting,
	}
}

// ref names a repository of the caller's region, in the registry that the request names or the caller's own.
func ref(ctx context.Context, registryID, name *string) registry.Ref {
	c := protocol.CallOf(ctx)
	return registry.Ref{Account: cmp.Or(protocol.Value(registryID), c.Account), Region: c.Region, Name: protocol.Value(name)}
}

// uri is what Docker calls a repository: on the host that the caller reached the platform by.
func uri(ctx context.Context, r registry.Ref) string { return protocol.CallOf(ctx).Host + "/" + r.Name }

// base is the URL that the caller reached the platform by.
func base(ctx context.Context) string {
	c := protocol.CallOf(ctx)
	if c.TLS {
		return "https://" + c.Host
	}
	return "http://" + c.Host
}

// getAuthorizationToken gives what docker login takes. It says for which account and region the login is.
func (d door) getAuthorizationToken(ctx context.Context, in *GetAuthorizationTokenInput) (*GetAuthorizationTokenOutput, error) {
	c := protocol.CallOf(ctx)
	accounts := in.RegistryIds
	if len(accounts) == 0 {
		accounts = []string{c.Account}
	}
	out := &GetAuthorizationTokenOutput{}
	for _, a := range accounts {
		password, expires := d.s.Issue(a, c.Region)
		out.AuthorizationData = append(out.AuthorizationData, AuthorizationData{ExpiresAt: &expires, ProxyEndpoint: new(base(ctx)),
			AuthorizationToken: new(base64.StdEncoding.EncodeToString([]byte("AWS:" + password)))})
	}
	return out, nil
}

// translate chooses ECR's error for a fault.
func translate(err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	switch f.Reason {
	case registry.ReasonLayers:
		return &LayersNotFoundException{Message: f.Detail}
	case registry.ReasonManifests:
		return &ReferencedImagesNotFoundException{Message: f.Detail}
	case registry.ReasonImmutable:
		return &ImageTagAlreadyExistsException{Message: f.Detail}
	case registry.ReasonDigest:
		return &InvalidLayerException{Message: f.Detail}
	}
	switch f.Kind {
	case fault.NotFound:
		switch f.Noun {
		case "image":
			return &ImageNotFoundException{Message: f.Detail}
		case "layer":
			return &LayersNotFoundException{Message: f.Detail}
		case "upload":
			return &UploadNotFoundException{Message: f.Detail}
		}
		return &RepositoryNotFoundException{Message: f.Detail}
	case fault.Exists:
		return &RepositoryAlreadyExistsException{Message: f.Detail}
	case fault.Conflict:
		return &RepositoryNotEmptyException{Message: f.Detail}
	case fault.Invalid, fault.TooLarge:
		return &InvalidParameterException{Message: f.Detail}
	}
	return err
}

// answer gives out, or ECR's error for err.
func answer[O any](out *O, err error) (*O, error) {
	if err != nil {
		return nil, translate(err)
	}
	return out, nil
}

func invalid(member, constraint string) error {
	return &InvalidParameterException{Message: "Invalid parameter at '" + member + "' failed to satisfy constraint: '" + constraint + "'"}
}

// page cuts a list at the token and after at most max items. ECR's own page holds 100.
func page[T any](all []T, token *string, max *int32) (part []T, next *string, err error) {
	from, size := 0, 100
	if max != nil {
		size = int(*max)
	}
	if token != nil {
		text, derr := base64.RawURLEncoding.DecodeString(*token)
		n, aerr := strconv.Atoi(string(text))
		if derr != nil || aerr != nil || n < 0 || n > len(all) {
			return nil, nil, invalid("nextToken", "Invalid NextToken")
		}
		from = n
	}
	to := min(from+size, len(all))
	if to < len(all) {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to))))
	}
	return append([]T{}, all[from:to]...), next, nil
}
