package workflows

import (
	"fmt"
	"hash/fnv"

	"anthill/arn"
	"anthill/asl/interp"
	"anthill/logs"
)

// Levels of a loggingConfiguration (developer guide, "Using CloudWatch Logs to log execution history").
const (
	logOff   = "OFF"
	logError = "ERROR"
	logFatal = "FATAL"
)

// fatal are the events that level FATAL writes; failures those that ERROR writes besides.
func fatal(t interp.Type) bool {
	return t == interp.ExecutionFailed || t == interp.ExecutionTimedOut || t == interp.ExecutionAborted
}

func failureEvent(t interp.Type) bool {
	switch t {
	case interp.FailStateEntered, interp.EvaluationFailed,
		interp.TaskStateAborted, interp.WaitStateAborted, interp.ParallelStateAborted, interp.MapStateAborted,
		interp.LambdaFunctionScheduleFailed, interp.LambdaFunctionStartFailed, interp.LambdaFunctionFailed, interp.LambdaFunctionTimedOut,
		interp.ActivityScheduleFailed, interp.ActivityFailed, interp.ActivityTimedOut,
		interp.TaskStartFailed, interp.TaskSubmitFailed, interp.TaskFailed, interp.TaskTimedOut,
		interp.ParallelStateFailed, interp.MapStateFailed, interp.MapIterationFailed, interp.MapIterationAborted,
		interp.MapRunFailed, interp.MapRunAborted:
		return true
	}
	return fatal(t)
}

// logged reports whether a level writes events of type t.
func (l *Logging) logged(t interp.Type) bool {
	switch l.Level {
	case "", logOff:
		return false
	case logFatal:
		return fatal(t)
	case logError:
		return failureEvent(t)
	}
	return true
}

// logEvents writes events that are durable to the log group of the execution's revision. It waits for no disk.
func (r *run) logEvents(events []interp.Event) {
	if len(r.logging.Groups) == 0 || r.s.c.Logs == nil || r.s.c.LogLine == nil {
		return
	}
	group, err := arn.Parse(r.logging.Groups[0])
	if err != nil {
		return
	}
	var lines []logs.Line
	for i := range events {
		e := &events[i]
		if e.Type.Hidden() || !r.logging.logged(e.Type) {
			continue
		}
		lines = append(lines, logs.Line{Group: logs.NameOf(r.logging.Groups[0]), Stream: r.logStream(), Account: group.Account, Region: group.Region,
			Time: e.Time, Text: r.s.c.LogLine(&r.e, e, r.logging.IncludeExecutionData)})
	}
	if len(lines) > 0 {
		r.s.c.Logs.Write(lines)
	}
}

// logStream names the stream of an execution as AWS does: by machine, minute and eight hexadecimal digits.
func (r *run) logStream() string {
	h := fnv.New32a()
	h.Write([]byte(r.e.ARN))
	return fmt.Sprintf("states/%s/%s/%08x", r.e.MachineName, r.e.Started.UTC().Format("2006-01-02-15-04"), h.Sum32())
}

// hasLogGroup reports whether the log group that a destination's ARN names is there.
func (s *Service) hasLogGroup(destination string) bool {
	a, err := arn.Parse(destination)
	if err != nil || s.c.Logs == nil {
		return false
	}
	_, err = s.c.Logs.Group(logs.Place{Account: a.Account, Region: a.Region}, logs.NameOf(destination))
	return err == nil
}
