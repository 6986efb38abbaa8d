package lambda

import (
	"context"

	"anthill/arn"
	"anthill/functions"
)

// taggableOf finds the function that an ARN names. Layers and code signing configurations carry no tags here.
func taggableOf(ctx context.Context, resource *string) (functions.Ref, error) {
	if a, err := arn.Parse(*resource); err == nil && a.Split()[0] != "function" {
		return functions.Ref{}, &InvalidParameterValueException{Type: "User", Message: "Anthill keeps tags of functions only."}
	}
	r, err := refOf(ctx, resource, nil)
	return r, errorOf(err)
}

func (d door) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	r, err := taggableOf(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, errorOf(d.f.Tag(r, in.Tags))
}

func (d door) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	r, err := taggableOf(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	return &UntagResourceOutput{}, errorOf(d.f.Untag(r, in.TagKeys))
}

func (d door) listTags(ctx context.Context, in *ListTagsInput) (*ListTagsOutput, error) {
	r, err := taggableOf(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	tags, err := d.f.Tags(r)
	if tags == nil {
		tags = map[string]string{}
	}
	return &ListTagsOutput{Tags: tags}, errorOf(err)
}
