package ecr

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"anthill/api/protocol"
	"anthill/arn"
	"anthill/registry"
)

func (d door) createRepository(ctx context.Context, in *CreateRepositoryInput) (*CreateRepositoryOutput, error) {
	c := protocol.CallOf(ctx)
	if in.RegistryId != nil && *in.RegistryId != c.Account {
		return nil, invalid("registryId", "The registry must be the caller's own")
	}
	if e := in.EncryptionConfiguration; e != nil && *e.EncryptionType != "AES256" {
		return nil, protocol.Fail("InvalidParameterException", "EncryptionConfiguration with "+*e.EncryptionType+" is not supported by Anthill; remove it from the request.")
	}
	exclusions, err := exclusionsOf(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters)
	if err != nil {
		return nil, err
	}
	r := registry.Repository{Ref: ref(ctx, nil, in.RepositoryName), Mutability: protocol.Value(in.ImageTagMutability), Exclusions: exclusions, Tags: tagsIn(nil, in.Tags)}
	if in.ImageScanningConfiguration != nil {
		r.ScanOnPush = protocol.Value(in.ImageScanningConfiguration.ScanOnPush)
	}
	made, err := d.s.Create(r)
	if err != nil {
		return nil, translate(err)
	}
	return &CreateRepositoryOutput{Repository: repositoryOf(ctx, made)}, nil
}

// exclusionsOf takes the patterns that a mutability with exclusions needs and the others may not have.
func exclusionsOf(mutability *string, filters []ImageTagMutabilityExclusionFilter) (patterns []string, err error) {
	with := strings.HasSuffix(protocol.Value(mutability), "_WITH_EXCLUSION")
	if with != (len(filters) > 0) {
		return nil, invalid("imageTagMutabilityExclusionFilters", "Exclusion filters go with MUTABLE_WITH_EXCLUSION and IMMUTABLE_WITH_EXCLUSION only")
	}
	for _, f := range filters {
		patterns = append(patterns, protocol.Value(f.Filter))
	}
	return patterns, nil
}

func filtersOf(patterns []string) (out []ImageTagMutabilityExclusionFilter) {
	for _, p := range patterns {
		out = append(out, ImageTagMutabilityExclusionFilter{FilterType: new("WILDCARD"), Filter: &p})
	}
	return out
}

func repositoryOf(ctx context.Context, r *registry.Repository) *Repository {
	return &Repository{RepositoryArn: new(r.Ref.ARN()), RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, RepositoryUri: new(uri(ctx, r.Ref)), CreatedAt: &r.Created,
		ImageTagMutability: &r.Mutability, ImageTagMutabilityExclusionFilters: filtersOf(r.Exclusions),
		ImageScanningConfiguration: &ImageScanningConfiguration{ScanOnPush: &r.ScanOnPush}, EncryptionConfiguration: &EncryptionConfiguration{EncryptionType: new("AES256")}}
}

func (d door) describeRepositories(ctx context.Context, in *DescribeRepositoriesInput) (*DescribeRepositoriesOutput, error) {
	out := &DescribeRepositoriesOutput{Repositories: []Repository{}}
	if in.RepositoryNames != nil {
		for _, name := range in.RepositoryNames {
			r, err := d.s.Repository(ref(ctx, in.RegistryId, &name))
			if err != nil {
				return nil, translate(err)
			}
			out.Repositories = append(out.Repositories, *repositoryOf(ctx, r))
		}
		return out, nil
	}
	c := protocol.CallOf(ctx)
	all, err := d.s.Repositories(cmp.Or(protocol.Value(in.RegistryId), c.Account), c.Region)
	if err != nil {
		return nil, translate(err)
	}
	part, next, err := page(all, in.NextToken, in.MaxResults)
	for i := range part {
		out.Repositories = append(out.Repositories, *repositoryOf(ctx, &part[i]))
	}
	out.NextToken = next
	return out, err
}

func (d door) deleteRepository(ctx context.Context, in *DeleteRepositoryInput) (*DeleteRepositoryOutput, error) {
	r, err := d.s.Delete(ref(ctx, in.RegistryId, in.RepositoryName), protocol.Value(in.Force))
	if err != nil {
		return nil, translate(err)
	}
	return &DeleteRepositoryOutput{Repository: repositoryOf(ctx, r)}, nil
}

func (d door) putImageTagMutability(ctx context.Context, in *PutImageTagMutabilityInput) (*PutImageTagMutabilityOutput, error) {
	exclusions, err := exclusionsOf(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters)
	if err != nil {
		return nil, err
	}
	r, err := d.s.Update(ref(ctx, in.RegistryId, in.RepositoryName), func(r *registry.Repository) error {
		r.Mutability, r.Exclusions = *in.ImageTagMutability, exclusions
		return nil
	})
	if err != nil {
		return nil, translate(err)
	}
	return &PutImageTagMutabilityOutput{RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, ImageTagMutability: &r.Mutability,
		ImageTagMutabilityExclusionFilters: filtersOf(r.Exclusions)}, nil
}

// putImageScanningConfiguration records what is asked: nothing is scanned here.
func (d door) putImageScanningConfiguration(ctx context.Context, in *PutImageScanningConfigurationInput) (*PutImageScanningConfigurationOutput, error) {
	r, err := d.s.Update(ref(ctx, in.RegistryId, in.RepositoryName), func(r *registry.Repository) error {
		r.ScanOnPush = protocol.Value(in.ImageScanningConfiguration.ScanOnPush)
		return nil
	})
	if err != nil {
		return nil, translate(err)
	}
	return &PutImageScanningConfigurationOutput{RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, ImageScanningConfiguration: &ImageScanningConfiguration{ScanOnPush: &r.ScanOnPush}}, nil
}

func (d door) batchGetRepositoryScanningConfiguration(ctx context.Context, in *BatchGetRepositoryScanningConfigurationInput) (*BatchGetRepositoryScanningConfigurationOutput, error) {
	out := &BatchGetRepositoryScanningConfigurationOutput{ScanningConfigurations: []RepositoryScanningConfiguration{}, Failures: []RepositoryScanningConfigurationFailure{}}
	for _, name := range in.RepositoryNames {
		r, err := d.s.Repository(ref(ctx, nil, &name))
		if err != nil {
			out.Failures = append(out.Failures, RepositoryScanningConfigurationFailure{RepositoryName: &name, FailureCode: new("REPOSITORY_NOT_FOUND"), FailureReason: new("REPOSITORY_NOT_FOUND")})
			continue
		}
		frequency := "MANUAL"
		if r.ScanOnPush {
			frequency = "SCAN_ON_PUSH"
		}
		out.ScanningConfigurations = append(out.ScanningConfigurations, RepositoryScanningConfiguration{RepositoryArn: new(r.Ref.ARN()), RepositoryName: &name,
			ScanOnPush: &r.ScanOnPush, ScanFrequency: &frequency, AppliedScanFilters: []ScanningRepositoryFilter{}})
	}
	return out, nil
}

// object refuses a text that is no JSON object.
func object(member, text, constraint string) error {
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil || len(o) == 0 {
		return invalid(member, constraint)
	}
	return nil
}

func (d door) setRepositoryPolicy(ctx context.Context, in *SetRepositoryPolicyInput) (*SetRepositoryPolicyOutput, error) {
	if err := object("PolicyText", *in.PolicyText, "Invalid repository policy provided"); err != nil {
		return nil, err
	}
	r, err := d.s.Update(ref(ctx, in.RegistryId, in.RepositoryName), func(r *registry.Repository) error { r.Policy = *in.PolicyText; return nil })
	if err != nil {
		return nil, translate(err)
	}
	return &SetRepositoryPolicyOutput{RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, PolicyText: &r.Policy}, nil
}

func noPolicy(r registry.Ref) error {
	return &RepositoryPolicyNotFoundException{Message: fmt.Sprintf("Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", r.Name, r.Account)}
}

func (d door) getRepositoryPolicy(ctx context.Context, in *GetRepositoryPolicyInput) (*GetRepositoryPolicyOutput, error) {
	r, err := d.s.Repository(ref(ctx, in.RegistryId, in.RepositoryName))
	if err != nil {
		return nil, translate(err)
	}
	if r.Policy == "" {
		return nil, noPolicy(r.Ref)
	}
	return &GetRepositoryPolicyOutput{RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, PolicyText: &r.Policy}, nil
}

func (d door) deleteRepositoryPolicy(ctx context.Context, in *DeleteRepositoryPolicyInput) (*DeleteRepositoryPolicyOutput, error) {
	was := ""
	r, err := d.s.Update(ref(ctx, in.RegistryId, in.RepositoryName), func(r *registry.Repository) error { was, r.Policy = r.Policy, ""; return nil })
	if err != nil {
		return nil, translate(err)
	}
	if was == "" {
		return nil, noPolicy(r.Ref)
	}
	return &DeleteRepositoryPolicyOutput{RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, PolicyText: &was}, nil
}

// tagsIn puts tags in the place of those with the same keys.
func tagsIn(have map[string]string, more []Tag) map[string]string {
	for _, t := range more {
		if have == nil {
			have = map[string]string{}
		}
		have[protocol.Value(t.Key)] = protocol.Value(t.Value)
	}
	return have
}

// resource finds the repository that an ARN names.
func resource(ctx context.Context, text *string) (registry.Ref, error) {
	a, err := arn.Parse(protocol.Value(text))
	name, ok := strings.CutPrefix(a.Resource, "repository/")
	if err != nil || !ok || a.Service != "ecr" {
		return registry.Ref{}, invalid("resourceArn", "Invalid ARN")
	}
	return registry.Ref{Account: a.Account, Region: a.Region, Name: name}, nil
}

const maxTags = 50 // of a resource (ECR user guide, "Tagging a private repository")

func (d door) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	r, err := resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	_, err = d.s.Update(r, func(r *registry.Repository) error {
		if r.Tags = tagsIn(r.Tags, in.Tags); len(r.Tags) > maxTags {
			return &TooManyTagsException{Message: "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a repository is 50."}
		}
		return nil
	})
	return answer(&TagResourceOutput{}, err)
}

func (d door) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	r, err := resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	_, err = d.s.Update(r, func(r *registry.Repository) error {
		for _, k := range in.TagKeys {
			delete(r.Tags, k)
		}
		return nil
	})
	return answer(&UntagResourceOutput{}, err)
}

func (d door) listTagsForResource(ctx context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	at, err := resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	r, err := d.s.Repository(at)
	if err != nil {
		return nil, translate(err)
	}
	out := &ListTagsForResourceOutput{Tags: []Tag{}}
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: &k, Value: new(r.Tags[k])})
	}
	return out, nil
}
