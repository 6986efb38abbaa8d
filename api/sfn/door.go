package sfn

import (
	"context"
	"time"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/workflows"
)

// door turns calls into the service's own terms.
type door struct{ workflows *workflows.Service }

// New gives the operations that are built.
func New(w *workflows.Service) Operations {
	d := door{w}
	return Operations{
		CreateStateMachine: d.createStateMachine, UpdateStateMachine: d.updateStateMachine, DescribeStateMachine: d.describeStateMachine,
		ListStateMachines: d.listStateMachines, DeleteStateMachine: d.deleteStateMachine,
		DescribeStateMachineForExecution: d.describeStateMachineForExecution, ValidateStateMachineDefinition: d.validateStateMachineDefinition,
		PublishStateMachineVersion: d.publishStateMachineVersion, ListStateMachineVersions: d.listStateMachineVersions,
		DeleteStateMachineVersion: d.deleteStateMachineVersion,
		CreateStateMachineAlias:   d.createStateMachineAlias, UpdateStateMachineAlias: d.updateStateMachineAlias,
		DescribeStateMachineAlias: d.describeStateMachineAlias, ListStateMachineAliases: d.listStateMachineAliases,
		DeleteStateMachineAlias: d.deleteStateMachineAlias,
		StartExecution:          d.startExecution, StartSyncExecution: d.startSyncExecution, StopExecution: d.stopExecution,
		RedriveExecution:  d.redriveExecution,
		DescribeExecution: d.describeExecution, ListExecutions: d.listExecutions, GetExecutionHistory: d.getExecutionHistory,
		TagResource: d.tagResource, UntagResource: d.untagResource, ListTagsForResource: d.listTagsForResource,
		CreateActivity: d.createActivity, DescribeActivity: d.describeActivity, ListActivities: d.listActivities,
		DeleteActivity: d.deleteActivity, GetActivityTask: d.getActivityTask,
		SendTaskSuccess: d.sendTaskSuccess, SendTaskFailure: d.sendTaskFailure, SendTaskHeartbeat: d.sendTaskHeartbeat, TestState: d.testState,
		DescribeMapRun: d.describeMapRun, ListMapRuns: d.listMapRuns, UpdateMapRun: d.updateMapRun,
	}
}

// scopeOf is whose machines the call is about.
func scopeOf(ctx context.Context) workflows.Scope {
	c := protocol.CallOf(ctx)
	return workflows.Scope{Account: c.Account, Region: c.Region}
}

// errorOf is the AWS error of a fault. The service's Detail is AWS's own message.
func errorOf(err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	switch f.Kind {
	case fault.NotFound:
		switch f.Noun {
		case "state machine":
			return &StateMachineDoesNotExist{Message: f.Detail}
		case "execution":
			return &ExecutionDoesNotExist{Message: f.Detail}
		case "activity":
			return &ActivityDoesNotExist{Message: f.Detail}
		}
		return &ResourceNotFound{Message: f.Detail}
	case fault.Exists:
		if f.Noun == "execution" {
			return &ExecutionAlreadyExists{Message: f.Detail}
		}
		return &StateMachineAlreadyExists{Message: f.Detail}
	case fault.Conflict:
		if f.Noun == "redrive" {
			return &ExecutionNotRedrivable{Message: f.Detail}
		}
		return &ConflictException{Message: f.Detail}
	case fault.Unsupported:
		return &StateMachineTypeNotSupported{Message: f.Detail}
	case fault.Timeout:
		return &TaskTimedOut{Message: f.Detail}
	case fault.TooLarge:
		return &TooManyTags{Message: f.Detail}
	case fault.Invalid:
		return invalidOf(f)
	}
	return err
}

// invalidOf is the error of a request that can never succeed.
func invalidOf(f *fault.Error) error {
	switch f.Noun {
	case "name":
		return &InvalidName{Message: f.Detail}
	case "arn":
		return &InvalidArn{Message: f.Detail}
	case "definition":
		return &InvalidDefinition{Message: f.Detail}
	case "execution input":
		return &InvalidExecutionInput{Message: f.Detail}
	case "output":
		return &InvalidOutput{Message: f.Detail}
	case "token":
		return &InvalidToken{Message: f.Detail}
	case "logging":
		return &InvalidLoggingConfiguration{Message: f.Detail}
	}
	return protocol.Fail("ValidationException", f.Detail)
}

func ptr[T any](v T) *T { return &v }

// date is nil for no instant.
func date(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// val is *p, or the zero value.
func val[T any](p *T) T { return protocol.Value(p) }
