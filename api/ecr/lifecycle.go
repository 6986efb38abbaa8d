package ecr

import (
	"context"
	"slices"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/registry"
)

// lifecycleError is what AWS says of a policy that is none, or is not there.
func lifecycleError(err error) error {
	f := fault.Of(err)
	if f.Noun != "lifecycle policy" {
		return translate(err)
	}
	switch f.Kind {
	case fault.Invalid, fault.Unsupported:
		return invalid("LifecyclePolicyText", "Lifecycle policy validation failure: "+f.Detail)
	case fault.NotFound:
		return &LifecyclePolicyNotFoundException{Message: f.Detail}
	}
	return translate(err)
}

// putLifecyclePolicy keeps a policy, which is followed within the hour (AWS: within a day).
func (d door) putLifecyclePolicy(ctx context.Context, in *PutLifecyclePolicyInput) (*PutLifecyclePolicyOutput, error) {
	if _, err := registry.ParseLifecycle(*in.LifecyclePolicyText); err != nil {
		return nil, lifecycleError(err)
	}
	r, err := d.s.Update(ref(ctx, in.RegistryId, in.RepositoryName), func(r *registry.Repository) error { r.Lifecycle = *in.LifecyclePolicyText; return nil })
	if err != nil {
		return nil, translate(err)
	}
	return &PutLifecyclePolicyOutput{RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, LifecyclePolicyText: &r.Lifecycle}, nil
}

func (d door) getLifecyclePolicy(ctx context.Context, in *GetLifecyclePolicyInput) (*GetLifecyclePolicyOutput, error) {
	r, err := d.s.Repository(ref(ctx, in.RegistryId, in.RepositoryName))
	if err != nil {
		return nil, translate(err)
	}
	if r.Lifecycle == "" {
		return nil, lifecycleError(registry.NoLifecycle(r.Ref))
	}
	return &GetLifecyclePolicyOutput{RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, LifecyclePolicyText: &r.Lifecycle,
		LastEvaluatedAt: protocol.Optional(r.Evaluated)}, nil
}

func (d door) deleteLifecyclePolicy(ctx context.Context, in *DeleteLifecyclePolicyInput) (*DeleteLifecyclePolicyOutput, error) {
	var was registry.Repository
	r, err := d.s.Update(ref(ctx, in.RegistryId, in.RepositoryName), func(r *registry.Repository) error {
		was, r.Lifecycle = *r, ""
		return nil
	})
	if err != nil {
		return nil, translate(err)
	}
	if was.Lifecycle == "" {
		return nil, lifecycleError(registry.NoLifecycle(r.Ref))
	}
	return &DeleteLifecyclePolicyOutput{RegistryId: &r.Ref.Account, RepositoryName: &r.Ref.Name, LifecyclePolicyText: &was.Lifecycle,
		LastEvaluatedAt: protocol.Optional(was.Evaluated)}, nil
}

// startLifecyclePolicyPreview evaluates a policy at once; AWS takes its time, and so answers that it is under way.
func (d door) startLifecyclePolicyPreview(ctx context.Context, in *StartLifecyclePolicyPreviewInput) (*StartLifecyclePolicyPreviewOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	p, err := d.s.StartPreview(r, protocol.Value(in.LifecyclePolicyText))
	if err != nil {
		return nil, lifecycleError(err)
	}
	return &StartLifecyclePolicyPreviewOutput{RegistryId: &r.Account, RepositoryName: &r.Name, LifecyclePolicyText: &p.Policy, Status: new("IN_PROGRESS")}, nil
}

func (d door) getLifecyclePolicyPreview(ctx context.Context, in *GetLifecyclePolicyPreviewInput) (*GetLifecyclePolicyPreviewOutput, error) {
	r := ref(ctx, in.RegistryId, in.RepositoryName)
	p, err := d.s.Preview(r)
	if f := fault.Of(err); err != nil && f.Noun == "preview" {
		return nil, &LifecyclePolicyPreviewNotFoundException{Message: f.Detail}
	}
	if err != nil {
		return nil, translate(err)
	}
	results := []LifecyclePolicyPreviewResult{}
	for i := range p.Expiring {
		e := &p.Expiring[i]
		e.Image.Tags = e.Tags
		asked := in.ImageIds == nil || slices.ContainsFunc(in.ImageIds, func(id ImageIdentifier) bool {
			return (id.ImageDigest == nil || *id.ImageDigest == e.Image.Digest) && (id.ImageTag == nil || slices.Contains(e.Tags, *id.ImageTag))
		})
		if !asked || in.Filter != nil && !wants(in.Filter.TagStatus, &e.Image) {
			continue
		}
		results = append(results, LifecyclePolicyPreviewResult{ImageDigest: &e.Image.Digest, ImageTags: append([]string{}, e.Tags...), ImagePushedAt: &e.Image.Pushed,
			Action: &LifecyclePolicyRuleAction{Type: new("EXPIRE")}, AppliedRulePriority: new(int32(e.Priority)), StorageClass: new("STANDARD")})
	}
	out := &GetLifecyclePolicyPreviewOutput{RegistryId: &r.Account, RepositoryName: &r.Name, LifecyclePolicyText: &p.Policy, Status: new("COMPLETE"),
		Summary: &LifecyclePolicyPreviewSummary{ExpiringImageTotalCount: new(int32(len(p.Expiring)))}}
	out.PreviewResults, out.NextToken, err = page(results, in.NextToken, in.MaxResults)
	return out, err
}
