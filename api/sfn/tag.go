package sfn

import (
	"context"

	"anthill/workflows"
)

func (d door) tagResource(_ context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	if err := d.workflows.SetTags(*in.ResourceArn, tagsOf(in.Tags)); err != nil {
		return nil, errorOf(err)
	}
	return &TagResourceOutput{}, nil
}

func (d door) untagResource(_ context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	if err := d.workflows.RemoveTags(*in.ResourceArn, in.TagKeys); err != nil {
		return nil, errorOf(err)
	}
	return &UntagResourceOutput{}, nil
}

func (d door) listTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	tags, err := d.workflows.Tags(*in.ResourceArn)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &ListTagsForResourceOutput{Tags: []Tag{}}
	for _, t := range tags {
		out.Tags = append(out.Tags, Tag{Key: &t.Key, Value: &t.Value})
	}
	return out, nil
}

func tagsOf(list []Tag) []workflows.Tag {
	var out []workflows.Tag
	for _, t := range list {
		out = append(out, workflows.Tag{Key: val(t.Key), Value: val(t.Value)})
	}
	return out
}
