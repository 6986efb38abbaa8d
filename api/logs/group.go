package logs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"anthill/logs"
)

func groupOf(g *logs.Group) LogGroup {
	out := LogGroup{LogGroupName: &g.Name, CreationTime: &g.Created, MetricFilterCount: new(int32(len(g.Metrics))), Arn: new(g.ARN() + ":*"),
		LogGroupArn: new(g.ARN()), StoredBytes: new(int64(0)), LogGroupClass: &g.Class}
	if g.Retention > 0 {
		out.RetentionInDays = new(int32(g.Retention))
	}
	return out
}

// retentions are the periods that AWS offers, in days.
func retentions() []int32 {
	return []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

func (d *door) groups(o *Operations) {
	o.CreateLogGroup = func(ctx context.Context, in *CreateLogGroupInput) (*CreateLogGroupOutput, error) {
		switch {
		case in.KmsKeyId != nil:
			return nil, refuse("kmsKeyId")
		case in.DeletionProtectionEnabled != nil && *in.DeletionProtectionEnabled:
			return nil, refuse("deletionProtectionEnabled")
		}
		return none[CreateLogGroupOutput](d.s.CreateGroup(logs.Group{Place: place(ctx), Name: *in.LogGroupName, Class: value(in.LogGroupClass), Tags: in.Tags}))
	}
	o.DeleteLogGroup = func(ctx context.Context, in *DeleteLogGroupInput) (*DeleteLogGroupOutput, error) {
		return none[DeleteLogGroupOutput](d.s.DeleteGroup(place(ctx), *in.LogGroupName))
	}
	o.DescribeLogGroups = func(ctx context.Context, in *DescribeLogGroupsInput) (*DescribeLogGroupsOutput, error) {
		if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
			return nil, bad("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
		}
		prefix := hasPrefix(in.LogGroupNamePrefix)
		all := d.s.Groups(place(ctx), func(g *logs.Group) bool {
			return prefix(g.Name) && strings.Contains(g.Name, value(in.LogGroupNamePattern)) && (in.LogGroupClass == nil || *in.LogGroupClass == g.Class) &&
				(len(in.LogGroupIdentifiers) == 0 || slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool { return logs.NameOf(id) == g.Name }))
		})
		var out DescribeLogGroupsOutput
		var err error
		out.LogGroups, out.NextToken, err = page(collect(all, groupOf), in.NextToken, in.Limit, 50)
		return answer(&out, err)
	}
	o.PutRetentionPolicy = func(ctx context.Context, in *PutRetentionPolicyInput) (*PutRetentionPolicyOutput, error) {
		if !slices.Contains(retentions(), *in.RetentionInDays) {
			return nil, bad("Specified retentionInDays is not a valid value")
		}
		return none[PutRetentionPolicyOutput](d.s.Update(place(ctx), *in.LogGroupName, func(g *logs.Group) error {
			g.Retention = int(*in.RetentionInDays)
			return nil
		}))
	}
	o.DeleteRetentionPolicy = func(ctx context.Context, in *DeleteRetentionPolicyInput) (*DeleteRetentionPolicyOutput, error) {
		return none[DeleteRetentionPolicyOutput](d.s.Update(place(ctx), *in.LogGroupName, func(g *logs.Group) error { g.Retention = 0; return nil }))
	}
}

// tag and untag change a group's tags.
func (d *door) tag(ctx context.Context, group string, tags map[string]string) error {
	return d.s.Update(place(ctx), group, func(g *logs.Group) error {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		maps.Copy(g.Tags, tags)
		return nil
	})
}

func (d *door) untag(ctx context.Context, group string, keys []string) error {
	return d.s.Update(place(ctx), group, func(g *logs.Group) error {
		maps.DeleteFunc(g.Tags, func(k, _ string) bool { return slices.Contains(keys, k) })
		return nil
	})
}

func (d *door) tagsOf(ctx context.Context, group string) (map[string]string, error) {
	g, err := d.s.Group(place(ctx), group)
	if g.Tags == nil {
		g.Tags = map[string]string{}
	}
	return g.Tags, err
}

func (d *door) tags(o *Operations) {
	o.TagLogGroup = func(ctx context.Context, in *TagLogGroupInput) (*TagLogGroupOutput, error) {
		return none[TagLogGroupOutput](d.tag(ctx, *in.LogGroupName, in.Tags))
	}
	o.UntagLogGroup = func(ctx context.Context, in *UntagLogGroupInput) (*UntagLogGroupOutput, error) {
		return none[UntagLogGroupOutput](d.untag(ctx, *in.LogGroupName, in.Tags))
	}
	o.ListTagsLogGroup = func(ctx context.Context, in *ListTagsLogGroupInput) (*ListTagsLogGroupOutput, error) {
		tags, err := d.tagsOf(ctx, *in.LogGroupName)
		return answer(&ListTagsLogGroupOutput{Tags: tags}, err)
	}
	o.TagResource = func(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
		return none[TagResourceOutput](d.tag(ctx, *in.ResourceArn, in.Tags))
	}
	o.UntagResource = func(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
		return none[UntagResourceOutput](d.untag(ctx, *in.ResourceArn, in.TagKeys))
	}
	o.ListTagsForResource = func(ctx context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
		tags, err := d.tagsOf(ctx, *in.ResourceArn)
		return answer(&ListTagsForResourceOutput{Tags: tags}, err)
	}
}
