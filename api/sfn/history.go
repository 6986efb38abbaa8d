package sfn

import (
	"context"

	"anthill/api/protocol"
	"anthill/arn"
	"anthill/asl"
	"anthill/value"
	"anthill/workflows"
)

func (d door) getExecutionHistory(_ context.Context, in *GetExecutionHistoryInput) (*GetExecutionHistoryOutput, error) {
	events, next, err := d.workflows.Events(workflows.History{Execution: *in.ExecutionArn, Reverse: val(in.ReverseOrder), Limit: int(val(in.MaxResults)), After: val(in.NextToken)})
	if err != nil {
		return nil, errorOf(err)
	}
	e, err := d.workflows.Get(*in.ExecutionArn)
	if err != nil {
		return nil, errorOf(err)
	}
	p := projection{of: e, data: in.IncludeExecutionData == nil || *in.IncludeExecutionData}
	if a, err := arn.Parse(e.ARN); err == nil {
		p.region = a.Region
	}
	out := &GetExecutionHistoryOutput{Events: make([]HistoryEvent, 0, len(events)), NextToken: protocol.Optional(next)}
	for i := range events {
		out.Events = append(out.Events, p.event(&events[i]))
	}
	return out, nil
}

// projection shows events of one execution as AWS does.
type projection struct {
	of     *workflows.Execution
	region string
	data   bool // includeExecutionData
	silent bool // without data, do not even say that it is left out
}

// payload is an input, output or parameters, and its details.
func (p *projection) payload(v value.Value) (*string, *HistoryEventExecutionDataDetails) {
	if v.IsAbsent() {
		return nil, nil
	}
	if !p.data {
		if p.silent {
			return nil, nil
		}
		return nil, &HistoryEventExecutionDataDetails{Truncated: ptr(true)}
	}
	return ptr(v.Raw()), &HistoryEventExecutionDataDetails{Truncated: ptr(false)}
}

// text is an input or output without details.
func (p *projection) text(v value.Value) *string {
	s, _ := p.payload(v)
	return s
}

// event is one event with the details of its type (API reference, HistoryEvent).
func (p *projection) event(e *workflows.Event) HistoryEvent {
	kind := e.Type.String()
	h := HistoryEvent{Timestamp: &e.Time, Type: &kind, Id: &e.ID, PreviousEventId: &e.Prev}
	name, cause := protocol.Optional(e.Error), protocol.Optional(e.Cause)
	res, _ := asl.ParseResource(e.Resource)
	of, resource := ptr(res.Type()), ptr(res.Name())
	input, details := p.payload(e.Payload)
	switch kind {
	case "ExecutionStarted":
		h.ExecutionStartedEventDetails = &ExecutionStartedEventDetails{Input: input, InputDetails: details, RoleArn: protocol.Optional(p.of.RoleARN),
			StateMachineAliasArn: protocol.Optional(p.of.AliasARN), StateMachineVersionArn: protocol.Optional(p.of.VersionARN)}
	case "ExecutionSucceeded":
		h.ExecutionSucceededEventDetails = &ExecutionSucceededEventDetails{Output: input, OutputDetails: details}
	case "ExecutionFailed":
		h.ExecutionFailedEventDetails = &ExecutionFailedEventDetails{Error: name, Cause: cause}
	case "ExecutionTimedOut":
		h.ExecutionTimedOutEventDetails = &ExecutionTimedOutEventDetails{Error: name, Cause: cause}
	case "ExecutionAborted":
		h.ExecutionAbortedEventDetails = &ExecutionAbortedEventDetails{Error: name, Cause: cause}
	case "ExecutionRedriven":
		h.ExecutionRedrivenEventDetails = &ExecutionRedrivenEventDetails{RedriveCount: ptr(int32(e.Index))}
	case "PassStateEntered", "TaskStateEntered", "ChoiceStateEntered", "WaitStateEntered", "SucceedStateEntered", "FailStateEntered",
		"ParallelStateEntered", "MapStateEntered":
		h.StateEnteredEventDetails = &StateEnteredEventDetails{Name: &e.Name, Input: input, InputDetails: details}
	case "PassStateExited", "TaskStateExited", "ChoiceStateExited", "WaitStateExited", "SucceedStateExited", "ParallelStateExited", "MapStateExited":
		h.StateExitedEventDetails = &StateExitedEventDetails{Name: &e.Name, Output: input, OutputDetails: details}
		p.assigned(h.StateExitedEventDetails, e)
	case "EvaluationFailed":
		h.EvaluationFailedEventDetails = &EvaluationFailedEventDetails{Error: name, Cause: cause, Location: protocol.Optional(e.Location), State: &e.Name}
	case "TaskScheduled":
		h.TaskScheduledEventDetails = &TaskScheduledEventDetails{ResourceType: of, Resource: resource, Region: &p.region, Parameters: input,
			TimeoutInSeconds: protocol.Optional(e.Timeout), HeartbeatInSeconds: protocol.Optional(e.Heartbeat), TaskCredentials: credentials(e)}
		if input == nil {
			h.TaskScheduledEventDetails.Parameters = ptr("")
		}
	case "TaskStarted":
		h.TaskStartedEventDetails = &TaskStartedEventDetails{ResourceType: of, Resource: resource}
	case "TaskStartFailed":
		h.TaskStartFailedEventDetails = &TaskStartFailedEventDetails{ResourceType: of, Resource: resource, Error: name, Cause: cause}
	case "TaskSubmitted":
		h.TaskSubmittedEventDetails = &TaskSubmittedEventDetails{ResourceType: of, Resource: resource, Output: input, OutputDetails: details}
	case "TaskSubmitFailed":
		h.TaskSubmitFailedEventDetails = &TaskSubmitFailedEventDetails{ResourceType: of, Resource: resource, Error: name, Cause: cause}
	case "TaskSucceeded":
		h.TaskSucceededEventDetails = &TaskSucceededEventDetails{ResourceType: of, Resource: resource, Output: input, OutputDetails: details}
	case "TaskFailed":
		h.TaskFailedEventDetails = &TaskFailedEventDetails{ResourceType: of, Resource: resource, Error: name, Cause: cause}
	case "TaskTimedOut":
		h.TaskTimedOutEventDetails = &TaskTimedOutEventDetails{ResourceType: of, Resource: resource, Error: name, Cause: cause}
	default:
		p.rest(&h, e, input, details)
	}
	return h
}

// rest is event for functions, activities and maps.
func (p *projection) rest(h *HistoryEvent, e *workflows.Event, input *string, details *HistoryEventExecutionDataDetails) {
	name, cause := protocol.Optional(e.Error), protocol.Optional(e.Cause)
	index := ptr(int32(e.Index))
	switch *h.Type {
	case "LambdaFunctionScheduled":
		h.LambdaFunctionScheduledEventDetails = &LambdaFunctionScheduledEventDetails{Resource: &e.Resource, Input: input, InputDetails: details,
			TimeoutInSeconds: protocol.Optional(e.Timeout), TaskCredentials: credentials(e)}
	case "LambdaFunctionScheduleFailed":
		h.LambdaFunctionScheduleFailedEventDetails = &LambdaFunctionScheduleFailedEventDetails{Error: name, Cause: cause}
	case "LambdaFunctionStartFailed":
		h.LambdaFunctionStartFailedEventDetails = &LambdaFunctionStartFailedEventDetails{Error: name, Cause: cause}
	case "LambdaFunctionSucceeded":
		h.LambdaFunctionSucceededEventDetails = &LambdaFunctionSucceededEventDetails{Output: input, OutputDetails: details}
	case "LambdaFunctionFailed":
		h.LambdaFunctionFailedEventDetails = &LambdaFunctionFailedEventDetails{Error: name, Cause: cause}
	case "LambdaFunctionTimedOut":
		h.LambdaFunctionTimedOutEventDetails = &LambdaFunctionTimedOutEventDetails{Error: name, Cause: cause}
	case "ActivityScheduled":
		h.ActivityScheduledEventDetails = &ActivityScheduledEventDetails{Resource: &e.Resource, Input: input, InputDetails: details,
			TimeoutInSeconds: protocol.Optional(e.Timeout), HeartbeatInSeconds: protocol.Optional(e.Heartbeat)}
	case "ActivityScheduleFailed":
		h.ActivityScheduleFailedEventDetails = &ActivityScheduleFailedEventDetails{Error: name, Cause: cause}
	case "ActivityStarted":
		h.ActivityStartedEventDetails = &ActivityStartedEventDetails{WorkerName: protocol.Optional(e.Name)}
	case "ActivitySucceeded":
		h.ActivitySucceededEventDetails = &ActivitySucceededEventDetails{Output: input, OutputDetails: details}
	case "ActivityFailed":
		h.ActivityFailedEventDetails = &ActivityFailedEventDetails{Error: name, Cause: cause}
	case "ActivityTimedOut":
		h.ActivityTimedOutEventDetails = &ActivityTimedOutEventDetails{Error: name, Cause: cause}
	case "MapStateStarted":
		h.MapStateStartedEventDetails = &MapStateStartedEventDetails{Length: index}
	case "MapIterationStarted":
		h.MapIterationStartedEventDetails = &MapIterationEventDetails{Name: &e.Name, Index: index}
	case "MapIterationSucceeded":
		h.MapIterationSucceededEventDetails = &MapIterationEventDetails{Name: &e.Name, Index: index}
	case "MapIterationFailed":
		h.MapIterationFailedEventDetails = &MapIterationEventDetails{Name: &e.Name, Index: index}
	case "MapIterationAborted":
		h.MapIterationAbortedEventDetails = &MapIterationEventDetails{Name: &e.Name, Index: index}
	case "MapRunStarted":
		h.MapRunStartedEventDetails = &MapRunStartedEventDetails{MapRunArn: &e.Resource}
	case "MapRunFailed":
		h.MapRunFailedEventDetails = &MapRunFailedEventDetails{Error: name, Cause: cause}
	case "MapRunRedriven":
		h.MapRunRedrivenEventDetails = &MapRunRedrivenEventDetails{MapRunArn: &e.Resource, RedriveCount: index}
	}
}

// assigned shows the variables that a state assigned, as JSON texts.
func (p *projection) assigned(d *StateExitedEventDetails, e *workflows.Event) {
	if len(e.Assigned) == 0 || !p.data && p.silent {
		return
	}
	d.AssignedVariablesDetails = &AssignedVariablesDetails{Truncated: ptr(!p.data)}
	if !p.data {
		return
	}
	d.AssignedVariables = map[string]string{}
	for _, v := range e.Assigned {
		d.AssignedVariables[v.Name] = v.Value.String()
	}
}

func credentials(e *workflows.Event) *TaskCredentials {
	if e.Credentials.IsAbsent() {
		return nil
	}
	return &TaskCredentials{RoleArn: ptr(e.Credentials.Get("RoleArn").Text())}
}
