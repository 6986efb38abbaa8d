package sfn

import (
	"context"

	"anthill/api/protocol"
	"anthill/workflows"
)

func (d door) describeMapRun(_ context.Context, in *DescribeMapRunInput) (*DescribeMapRunOutput, error) {
	m, err := d.workflows.MapRun(*in.MapRunArn)
	if err != nil {
		return nil, errorOf(err)
	}
	items, executions := MapRunItemCounts(countsOf(m.Items)), countsOf(m.Executions)
	return &DescribeMapRunOutput{MapRunArn: &m.ARN, ExecutionArn: &m.Execution, Status: ptr(string(m.Status)), StartDate: &m.Started, StopDate: date(m.Stopped),
		MaxConcurrency: ptr(int32(m.MaxConcurrency)), ToleratedFailureCount: &m.ToleratedCount, ToleratedFailurePercentage: &m.ToleratedShare,
		ItemCounts: &items, ExecutionCounts: &executions, RedriveCount: ptr(int32(m.Redrives)), RedriveDate: date(m.Redriven)}, nil
}

func countsOf(c workflows.Counts) MapRunExecutionCounts {
	return MapRunExecutionCounts{Pending: &c.Pending, Running: &c.Running, Succeeded: &c.Succeeded, Failed: &c.Failed, TimedOut: &c.TimedOut,
		Aborted: &c.Aborted, Total: &c.Total, ResultsWritten: &c.ResultsWritten, FailuresNotRedrivable: ptr(int64(0)), PendingRedrive: ptr(int64(0))}
}

func (d door) listMapRuns(_ context.Context, in *ListMapRunsInput) (*ListMapRunsOutput, error) {
	list, err := d.workflows.MapRuns(*in.ExecutionArn)
	if err != nil {
		return nil, errorOf(err)
	}
	page, next, err := workflows.Page(list, int(val(in.MaxResults)), val(in.NextToken), func(m *workflows.MapRun) string { return m.ARN })
	if err != nil {
		return nil, errorOf(err)
	}
	out := &ListMapRunsOutput{MapRuns: []MapRunListItem{}, NextToken: protocol.Optional(next)}
	for _, m := range page {
		out.MapRuns = append(out.MapRuns, MapRunListItem{ExecutionArn: &m.Execution, MapRunArn: &m.ARN, StateMachineArn: &m.MachineARN, StartDate: &m.Started, StopDate: date(m.Stopped)})
	}
	return out, nil
}

func (d door) updateMapRun(_ context.Context, in *UpdateMapRunInput) (*UpdateMapRunOutput, error) {
	l := workflows.MapRunLimits{ToleratedCount: in.ToleratedFailureCount, ToleratedShare: in.ToleratedFailurePercentage}
	if in.MaxConcurrency != nil {
		l.MaxConcurrency = ptr(int64(*in.MaxConcurrency))
	}
	if err := d.workflows.UpdateMapRun(*in.MapRunArn, l); err != nil {
		return nil, errorOf(err)
	}
	return &UpdateMapRunOutput{}, nil
}
