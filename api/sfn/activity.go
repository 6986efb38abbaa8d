package sfn

import (
	"context"

	"anthill/api/protocol"
	"anthill/workflows"
)

func (d door) createActivity(ctx context.Context, in *CreateActivityInput) (*CreateActivityOutput, error) {
	a, err := d.workflows.CreateActivity(scopeOf(ctx), *in.Name, tagsOf(in.Tags), encryptionOf(in.EncryptionConfiguration))
	if err != nil {
		return nil, errorOf(err)
	}
	return &CreateActivityOutput{ActivityArn: &a.ARN, CreationDate: &a.Created}, nil
}

func (d door) describeActivity(_ context.Context, in *DescribeActivityInput) (*DescribeActivityOutput, error) {
	a, err := d.workflows.Activity(*in.ActivityArn)
	if err != nil {
		return nil, errorOf(err)
	}
	return &DescribeActivityOutput{ActivityArn: &a.ARN, Name: &a.Name, CreationDate: &a.Created, EncryptionConfiguration: encryptionTo(a.Encryption)}, nil
}

func (d door) listActivities(ctx context.Context, in *ListActivitiesInput) (*ListActivitiesOutput, error) {
	page, next, err := workflows.Page(d.workflows.Activities(scopeOf(ctx)), int(val(in.MaxResults)), val(in.NextToken), func(a workflows.Activity) string { return a.ARN })
	if err != nil {
		return nil, errorOf(err)
	}
	out := &ListActivitiesOutput{Activities: []ActivityListItem{}, NextToken: protocol.Optional(next)}
	for _, a := range page {
		out.Activities = append(out.Activities, ActivityListItem{ActivityArn: &a.ARN, Name: &a.Name, CreationDate: &a.Created})
	}
	return out, nil
}

func (d door) deleteActivity(_ context.Context, in *DeleteActivityInput) (*DeleteActivityOutput, error) {
	if err := d.workflows.DeleteActivity(*in.ActivityArn); err != nil {
		return nil, errorOf(err)
	}
	return &DeleteActivityOutput{}, nil
}

func (d door) getActivityTask(ctx context.Context, in *GetActivityTaskInput) (*GetActivityTaskOutput, error) {
	t, err := d.workflows.Fetch(ctx, *in.ActivityArn, val(in.WorkerName))
	if err != nil {
		return nil, errorOf(err)
	}
	if t == nil {
		return &GetActivityTaskOutput{}, nil
	}
	return &GetActivityTaskOutput{TaskToken: &t.Token, Input: &t.Input}, nil
}

func (d door) sendTaskSuccess(ctx context.Context, in *SendTaskSuccessInput) (*SendTaskSuccessOutput, error) {
	if err := d.workflows.SendSuccess(ctx, *in.TaskToken, *in.Output); err != nil {
		return nil, errorOf(err)
	}
	return &SendTaskSuccessOutput{}, nil
}

func (d door) sendTaskFailure(ctx context.Context, in *SendTaskFailureInput) (*SendTaskFailureOutput, error) {
	if err := d.workflows.SendFailure(ctx, *in.TaskToken, val(in.Error), val(in.Cause)); err != nil {
		return nil, errorOf(err)
	}
	return &SendTaskFailureOutput{}, nil
}

func (d door) sendTaskHeartbeat(ctx context.Context, in *SendTaskHeartbeatInput) (*SendTaskHeartbeatOutput, error) {
	if err := d.workflows.SendHeartbeat(ctx, *in.TaskToken); err != nil {
		return nil, errorOf(err)
	}
	return &SendTaskHeartbeatOutput{}, nil
}
