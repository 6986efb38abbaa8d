package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/lab/iris"
	"anthill/latency"
)

const (
	probeName    = "sfn-probe-lambda"
	triggerName  = "sfn-trigger-lambda"
	workflowName = "Pheromone-Experiment-Workflow"
)

// Experiment is one of the course's two, repeated.
type Experiment struct {
	Kind        string   `json:"kind"` // CHAIN or PARALLEL
	Repetitions int      `json:"repetitions"`
	Executions  []string `json:"executions"`
	// Traced says that the platform's own trace was read, with nanoseconds and handlers; otherwise it is GetExecutionHistory.
	Traced       bool             `json:"traced"`
	Example      latency.Overhead `json:"example"` // the median execution
	Metrics      []Metric         `json:"metrics"`
	SharedStamps bool             `json:"shared_stamps"`
	trace        *latency.Trace
}

// Metric is one row of a table over all repetitions.
type Metric struct {
	Name  string          `json:"name"`
	Notes string          `json:"notes"`
	D     latency.Summary `json:"distribution"`
	AWS   float64         `json:"aws_ms,omitempty"` // the course's figure; 0 when it has none
	// Percents are the same for a row whose unit is a percentage; then D is empty.
	Percent *PercentSummary `json:"percent,omitempty"`
	Shared  bool            `json:"shared_stamp,omitempty"` // of two events stamped in one decision: no result
	values  []time.Duration
}

// PercentSummary is a distribution of percentages.
type PercentSummary struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	AWS float64 `json:"aws"`
}

func (s *session) createProbe(ctx context.Context) error {
	source, err := courseFile("sfn_probe_lambda.py")
	if err != nil {
		return err
	}
	code, err := iris.Deployment(map[string][]byte{"lambda_function.py": source})
	if err != nil {
		return fault.In("lab.createProbe", err)
	}
	s.page.probeARN, err = s.createFunction(ctx, probeName, code, nil)
	return err
}

// workflow is step 5.
func (s *session) workflow(ctx context.Context) error {
	machineARN, err := s.createMachine(ctx)
	if err != nil {
		return err
	}
	source, err := courseFile("sfn_trigger_lambda.py")
	if err != nil {
		return err
	}
	source = bytes.ReplaceAll(source, []byte("ARN_OF_Pheromone-Experiment-Workflow_HERE"), []byte(machineARN))
	code, err := iris.Deployment(map[string][]byte{"lambda_function.py": source})
	if err != nil {
		return fault.In("lab.workflow", err)
	}
	arn, err := s.createFunction(ctx, triggerName, code, map[string]any{"Timeout": 30, "MemorySize": 256})
	if err != nil {
		return err
	}
	url, err := s.createAPI(ctx, "SFN Experiment Trigger", "experiment", "dev", arn)
	if err != nil {
		return err
	}
	s.say("trigger: %s", url)
	s.page.triggerURL = url
	if s.result.Chain, err = s.experiment(ctx, "CHAIN", url); err != nil {
		return err
	}
	s.chainMetrics(&s.result.Chain)
	s.result.Parallel, err = s.experiment(ctx, "PARALLEL", url)
	s.parallelMetrics(&s.result.Parallel)
	for _, e := range []Experiment{s.result.Chain, s.result.Parallel} {
		for _, m := range e.Metrics {
			if m.AWS > 0 && !m.Shared && m.Percent == nil {
				s.say("%s: %s: median %s, p95 %s (n = %d); on AWS %s", e.Kind, m.Name, ms(m.D.P50), ms(m.D.P95), m.D.N, ms(m.AWS))
			}
		}
	}
	return err
}

// createMachine makes the course's workflow, verbatim but for the function's ARN, in the place of one that is there.
func (s *session) createMachine(ctx context.Context) (string, error) {
	definition, err := courseFile(workflowName + ".asl.json")
	if err != nil {
		return "", err
	}
	definition = bytes.ReplaceAll(definition, []byte("REPLACE_ME_WITH_PROBE_LAMBDA_ARN"), []byte(s.page.probeARN))
	in := map[string]any{"name": workflowName, "definition": string(definition), "roleArn": role, "type": "STANDARD"}
	var out struct{ StateMachineArn string }
	err = s.aws.call(ctx, "states", "POST", "/", "AWSStepFunctions.CreateStateMachine", in, &out)
	if fault.Is(err, fault.Exists) || fault.Of(err).Reason == "StateMachineAlreadyExists" {
		arn := "arn:aws:states:" + s.aws.region + ":000000000000:stateMachine:" + workflowName
		return arn, s.aws.call(ctx, "states", "POST", "/", "AWSStepFunctions.UpdateStateMachine",
			map[string]any{"stateMachineArn": arn, "definition": string(definition), "roleArn": role}, nil)
	}
	return out.StateMachineArn, err
}

// experiment triggers one kind of execution again and again, and reads what happened in each.
func (s *session) experiment(ctx context.Context, kind, url string) (Experiment, error) {
	e := Experiment{Kind: kind, Repetitions: s.Repetitions, Traced: true}
	dir := filepath.Join(s.Out, "executions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return e, fault.In("lab.experiment", err)
	}
	for i := -s.WarmUp; i < s.Repetitions; i++ {
		s.live("%s: execution %d of %d", kind, max(i+1, 0), s.Repetitions)
		arn, err := s.trigger(ctx, kind, url)
		if err != nil {
			return e, err
		}
		if err := s.finished(ctx, arn); err != nil {
			return e, err
		}
		if i < 0 {
			continue
		}
		t, raw, traced, err := s.trace(ctx, arn)
		if err != nil {
			return e, err
		}
		e.Traced = e.Traced && traced
		e.Executions = append(e.Executions, arn)
		s.page.overheads = append(s.page.overheads, runOf{kind, t, latency.Overheads(t)})
		if i == 0 {
			if err := os.WriteFile(filepath.Join(dir, strings.ToLower(kind)+".json"), raw, 0o644); err != nil {
				return e, fault.In("lab.experiment", err)
			}
		}
	}
	return e, nil
}

// runOf is one counted execution.
type runOf struct {
	kind     string
	trace    *latency.Trace
	overhead latency.Overhead
}

// trigger starts an execution through the course's API and gives its ARN.
func (s *session) trigger(ctx context.Context, kind, url string) (string, error) {
	a, _, err := s.aws.post(ctx, url, []byte(`{"experiment_type": "`+kind+`"}`), nil)
	if err != nil {
		return "", err
	}
	var out struct {
		ARN string `json:"execution_arn"`
	}
	if a.status != 202 || json.Unmarshal(a.body, &out) != nil || out.ARN == "" {
		return "", &fault.Error{Kind: fault.Internal, Op: "lab.trigger", Noun: "function", Name: triggerName,
			Detail: fmt.Sprintf("answered %d %s instead of 202 with an execution_arn", a.status, a.body)}
	}
	return out.ARN, nil
}

// finished waits until an execution succeeded.
func (s *session) finished(ctx context.Context, arn string) error {
	const op = "lab.finished"
	for deadline := time.Now().Add(2 * time.Minute); ; {
		var d struct{ Status, Error, Cause string }
		if err := s.aws.call(ctx, "states", "POST", "/", "AWSStepFunctions.DescribeExecution", map[string]any{"executionArn": arn}, &d); err != nil {
			return err
		}
		switch {
		case d.Status == "SUCCEEDED":
			return nil
		case d.Status != "RUNNING":
			return &fault.Error{Kind: fault.Internal, Op: op, Noun: "execution", Name: arn, Detail: fmt.Sprintf("ended as %s: %s %s", d.Status, d.Error, d.Cause)}
		case time.Now().After(deadline):
			return &fault.Error{Kind: fault.Timeout, Op: op, Noun: "execution", Name: arn, Detail: "was still running after two minutes"}
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// trace reads the platform's own trace of an execution, or what GetExecutionHistory tells when there is none.
func (s *session) trace(ctx context.Context, arn string) (t *latency.Trace, raw []byte, traced bool, err error) {
	return s.traceAgain(ctx, arn, 0)
}

// unmeasured reports whether a task that succeeded lacks its handler's instants.
func unmeasured(t *latency.Trace) bool {
	for _, st := range latency.Stays(t) {
		if st.Ended != 0 && (st.Task == nil || st.Task.Returned == 0) {
			return true
		}
	}
	return false
}

func (s *session) traceAgain(ctx context.Context, arn string, tries int) (t *latency.Trace, raw []byte, traced bool, err error) {
	a, err := s.aws.send(ctx, "states", "GET", "/_anthill/executions/"+url.PathEscape(arn)+"/trace", nil, nil)
	if err != nil {
		return nil, nil, false, err
	}
	if a.status == 200 {
		t, err = latency.Read(bytes.NewReader(a.body), arn)
		// The instants of the last tasks are written behind; they come a moment after the execution's end.
		if err == nil && tries < 50 && unmeasured(t) && t.Status != "RUNNING" {
			if err := pause(ctx, 20*time.Millisecond); err != nil {
				return nil, nil, false, err
			}
			return s.traceAgain(ctx, arn, tries+1)
		}
		return t, a.body, true, err
	}
	var all bytes.Buffer
	in := map[string]any{"executionArn": arn, "maxResults": 1000, "includeExecutionData": false}
	for {
		var page json.RawMessage
		if err := s.aws.call(ctx, "states", "POST", "/", "AWSStepFunctions.GetExecutionHistory", in, &page); err != nil {
			return nil, nil, false, err
		}
		all.Write(page)
		all.WriteByte('\n')
		var next struct{ NextToken string }
		if json.Unmarshal(page, &next) != nil || next.NextToken == "" {
			break
		}
		in["nextToken"] = next.NextToken
	}
	raw = bytes.Clone(all.Bytes())
	t, err = latency.Read(&all, arn)
	return t, raw, false, err
}

// of are the executions of one kind.
func (s *session) of(kind string) []runOf {
	var rs []runOf
	for _, r := range s.page.overheads {
		if r.kind == kind {
			rs = append(rs, r)
		}
	}
	return rs
}

func metric(name, notes string, aws float64, values []time.Duration) Metric {
	return Metric{Name: name, Notes: notes, AWS: aws, D: latency.Of(values).Summary(), values: values}
}

func percentMetric(name, notes string, aws float64, values []float64) Metric {
	ds := make([]time.Duration, len(values))
	for i, v := range values {
		ds[i] = latency.FromMillis(v) // percentiles do not care what the number counts
	}
	d := latency.Of(ds)
	return Metric{Name: name, Notes: notes, Percent: &PercentSummary{d.N(), latency.Millis(d.Median()), latency.Millis(d.Percentile(95)), aws}}
}

// chainMetrics fills the course's first table over all repetitions.
func (s *session) chainMetrics(e *Experiment) {
	var ab, bc, total, processing, handlerAB, handlerBC, handlerTotal []time.Duration
	var percent, handlerPercent []float64
	for _, r := range s.of("CHAIN") {
		if len(r.overhead.Chains) == 0 || len(r.overhead.Chains[0].Transitions) != 2 {
			continue
		}
		c := r.overhead.Chains[0]
		e.SharedStamps = e.SharedStamps || c.SharedStamps
		ab, bc = append(ab, c.Transitions[0].Events), append(bc, c.Transitions[1].Events)
		total, processing, percent = append(total, c.Overhead), append(processing, c.Processing), append(percent, c.Percent)
		if c.HandlerKnown {
			handlerAB, handlerBC = append(handlerAB, c.Transitions[0].Handler), append(handlerBC, c.Transitions[1].Handler)
			handlerTotal, handlerPercent = append(handlerTotal, c.Handler), append(handlerPercent, c.HandlerPercent)
		}
	}
	aws := s.result.AWS
	sum := aws.OverheadAB + aws.OverheadBC
	course := []Metric{
		metric("Overhead_AB", "T_B_start − T_A_end", aws.OverheadAB, ab),
		metric("Overhead_BC", "T_C_start − T_B_end", aws.OverheadBC, bc),
		metric("Total orchestration overhead", "Overhead_AB + Overhead_BC", sum, total),
		metric("Total internal processing time", "T_C_exit − T_A_start", aws.ChainTotal, processing),
		percentMetric("Overhead percentage", "of the processing time", 100*sum/aws.ChainTotal, percent),
	}
	for i := range course {
		course[i].Shared = e.SharedStamps && i != 3
	}
	e.Metrics = course
	if len(handlerAB) > 0 {
		e.Metrics = append(e.Metrics,
			metric("A returned → B entered", "handler to handler, clocks of one machine", aws.OverheadAB, handlerAB),
			metric("B returned → C entered", "handler to handler, clocks of one machine", aws.OverheadBC, handlerBC),
			metric("Both together", "everything that is not a handler between A and C", sum, handlerTotal),
			percentMetric("Both, percentage", "of the processing time", 100*sum/aws.ChainTotal, handlerPercent))
	}
	e.Example, e.trace = example(s.of("CHAIN"), processing)
}

// parallelMetrics fills the course's second table over all repetitions.
func (s *session) parallelMetrics(e *Experiment) {
	var delay, duration, handler, fanIn []time.Duration
	var percent, handlerPercent []float64
	for _, r := range s.of("PARALLEL") {
		if len(r.overhead.FanOuts) == 0 {
			continue
		}
		f := r.overhead.FanOuts[0]
		delay, duration, percent = append(delay, f.Delay), append(duration, f.Duration), append(percent, f.Percent)
		if f.Known {
			handler, fanIn = append(handler, f.Handler), append(fanIn, f.HandlerIn)
			handlerPercent = append(handlerPercent, 100*float64(f.Handler)/float64(max(f.Duration, 1)))
		}
	}
	aws := s.result.AWS
	e.Metrics = []Metric{
		metric("Fan-out delay", "last TaskStarted − ParallelStateEntered", aws.FanOut, delay),
		metric("Total parallel state duration", "ParallelStateExited − ParallelStateEntered", aws.ParallelTook, duration),
		percentMetric("Overhead percentage", "fan-out delay of the duration", 100*aws.FanOut/aws.ParallelTook, percent),
	}
	if len(handler) > 0 {
		e.Metrics = append(e.Metrics,
			metric("Parallel entered → last handler entered", "clocks of one machine", aws.FanOut, handler),
			percentMetric("The same, percentage", "of the duration", 100*aws.FanOut/aws.ParallelTook, handlerPercent),
			metric("Last handler returned → Parallel exited", "the fan-in; the course has no figure", 0, fanIn))
	}
	e.Example, e.trace = example(s.of("PARALLEL"), duration)
}

// example is the execution whose duration is the median one: the one that a table of single instants shows.
func example(rs []runOf, durations []time.Duration) (latency.Overhead, *latency.Trace) {
	if len(rs) == 0 || len(durations) != len(rs) {
		return latency.Overhead{}, nil
	}
	median := latency.Of(durations).Median()
	for i, d := range durations {
		if d == median {
			return rs[i].overhead, rs[i].trace
		}
	}
	return rs[0].overhead, rs[0].trace
}
