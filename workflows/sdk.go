package workflows

import (
	"context"

	"anthill/asl/failure"
)

// sdkTask does arn:aws:states:::aws-sdk:sfn:…: this service's own API.
type sdkTask struct{ s *Service }

func (k sdkTask) Do(ctx context.Context, t *Task) Outcome {
	return FailedWith(failure.TaskFailed, "aws-sdk:sfn:%s is not built yet", t.Resource.Action)
}

// activityMissing is the failure of a task whose activity does not exist.
func activityMissing(t *Task) *failure.Failure {
	return failure.New(failure.Runtime, "The activity %s does not exist.", t.Resource.ARN)
}
