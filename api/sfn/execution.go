package sfn

import (
	"context"

	"anthill/api/protocol"
	"anthill/value"
	"anthill/workflows"
)

func (d door) startExecution(ctx context.Context, in *StartExecutionInput) (*StartExecutionOutput, error) {
	e, err := d.workflows.Start(ctx, workflows.StartInput{Target: *in.StateMachineArn, Name: val(in.Name), Input: in.Input, TraceHeader: traceHeader(ctx, in.TraceHeader)})
	if err != nil {
		return nil, errorOf(err)
	}
	return &StartExecutionOutput{ExecutionArn: &e.ARN, StartDate: &e.Started}, nil
}

// traceHeader is the X-Ray header that a request carries in its payload, or else as HTTP's (API reference, StartExecution:
// "The trace header can also be passed in the request payload").
func traceHeader(ctx context.Context, inPayload *string) string {
	if inPayload != nil {
		return *inPayload
	}
	return protocol.CallOf(ctx).Header.Get("X-Amzn-Trace-Id")
}

func (d door) startSyncExecution(ctx context.Context, in *StartSyncExecutionInput) (*StartSyncExecutionOutput, error) {
	r, err := d.workflows.StartSync(ctx, workflows.StartInput{Target: *in.StateMachineArn, Name: val(in.Name), Input: in.Input, TraceHeader: traceHeader(ctx, in.TraceHeader)})
	if err != nil {
		return nil, errorOf(err)
	}
	out := &StartSyncExecutionOutput{ExecutionArn: &r.ARN, StateMachineArn: &r.MachineARN, Name: &r.Name, StartDate: &r.Started, StopDate: &r.Stopped,
		Status: ptr(string(r.Status)), Error: protocol.Optional(r.Error), Cause: protocol.Optional(r.Cause), TraceHeader: protocol.Optional(r.TraceHeader), InputDetails: included(),
		BillingDetails: &BillingDetails{BilledMemoryUsedInMB: &r.BilledMB, BilledDurationInMilliseconds: &r.BilledMS}}
	out.Input, out.Output = textOf(r.Input), textOf(r.Output)
	out.OutputDetails = included() // of a failed execution too
	return out, nil
}

func (d door) stopExecution(ctx context.Context, in *StopExecutionInput) (*StopExecutionOutput, error) {
	at, err := d.workflows.Stop(ctx, *in.ExecutionArn, val(in.Error), val(in.Cause))
	if err != nil {
		return nil, errorOf(err)
	}
	return &StopExecutionOutput{StopDate: &at}, nil
}

func (d door) redriveExecution(ctx context.Context, in *RedriveExecutionInput) (*RedriveExecutionOutput, error) {
	at, err := d.workflows.Redrive(ctx, *in.ExecutionArn, val(in.ClientToken))
	if err != nil {
		return nil, errorOf(err)
	}
	return &RedriveExecutionOutput{RedriveDate: &at}, nil
}

func (d door) describeExecution(_ context.Context, in *DescribeExecutionInput) (*DescribeExecutionOutput, error) {
	describe, metadata := d.workflows.Describe, val(in.IncludedData) == "METADATA_ONLY"
	if metadata {
		describe = d.workflows.Metadata
	}
	r, err := describe(*in.ExecutionArn)
	if err != nil {
		return nil, errorOf(err)
	}
	status, reason := d.workflows.Redrivable(&r.Execution)
	out := &DescribeExecutionOutput{ExecutionArn: &r.ARN, StateMachineArn: &r.MachineARN, Name: &r.Name, Status: ptr(string(r.Status)), StartDate: &r.Started,
		StopDate: date(r.Stopped), TraceHeader: protocol.Optional(r.TraceHeader), MapRunArn: protocol.Optional(r.MapRunARN), Error: protocol.Optional(r.Error), Cause: protocol.Optional(r.Cause),
		StateMachineVersionArn: protocol.Optional(r.VersionARN), StateMachineAliasArn: protocol.Optional(r.AliasARN), RedriveCount: ptr(int32(r.Redrives)), RedriveDate: date(r.Redriven),
		RedriveStatus: &status, RedriveStatusReason: protocol.Optional(reason), Input: textOf(r.Input), Output: textOf(r.Output), InputDetails: included()}
	if r.Status == workflows.Succeeded {
		out.OutputDetails = included()
	}
	if metadata {
		out.Input, out.Output = nil, nil
		out.InputDetails = &CloudWatchEventsExecutionDataDetails{Included: ptr(false)}
	}
	return out, nil
}

func included() *CloudWatchEventsExecutionDataDetails {
	return &CloudWatchEventsExecutionDataDetails{Included: ptr(true)}
}

func textOf(v value.Value) *string {
	if v.IsAbsent() {
		return nil
	}
	return ptr(v.Raw())
}

func (d door) listExecutions(_ context.Context, in *ListExecutionsInput) (*ListExecutionsOutput, error) {
	l := workflows.Listing{MachineARN: val(in.StateMachineArn), MapRunARN: val(in.MapRunArn), Status: workflows.Status(val(in.StatusFilter)),
		Limit: int(val(in.MaxResults)), After: val(in.NextToken)}
	if in.RedriveFilter != nil {
		l.Redriven = ptr(*in.RedriveFilter == "REDRIVEN")
	}
	page, next, err := d.workflows.List(l)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &ListExecutionsOutput{Executions: []ExecutionListItem{}, NextToken: protocol.Optional(next)}
	for _, e := range page {
		out.Executions = append(out.Executions, ExecutionListItem{ExecutionArn: &e.ARN, StateMachineArn: &e.MachineARN, Name: &e.Name, Status: ptr(string(e.Status)),
			StartDate: &e.Started, StopDate: date(e.Stopped), MapRunArn: protocol.Optional(e.MapRunARN), ItemCount: protocol.Optional(int32(e.ItemCount)),
			StateMachineVersionArn: protocol.Optional(e.VersionARN), StateMachineAliasArn: protocol.Optional(e.AliasARN), RedriveCount: ptr(int32(e.Redrives)), RedriveDate: date(e.Redriven)})
	}
	return out, nil
}
