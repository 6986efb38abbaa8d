package interp_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/value"
)

// TestHistories runs the machines whose histories were recorded from AWS, when they are there, with the outcomes of their
// tasks as recorded, and compares types, ids, previousEventIds, names and payloads.
func TestHistories(t *testing.T) {
	shared := os.Getenv("ANTHILL_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	files, _ := filepath.Glob(filepath.Join(shared, "conformance", "stepfunctions", "*.jsonl"))
	if len(files) == 0 {
		t.Skip("no recorded cases here")
	}
	for _, file := range files {
		fh, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer fh.Close()
		lines := bufio.NewScanner(fh)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			c := value.MustParse(lines.Text())
			if h, ok := recordedHistory(c); ok {
				id := c.Get("id").Text()
				name := id[strings.LastIndex(id, "::")+2:]
				t.Run(name, func(t *testing.T) {
					for what, why := range apart {
						if strings.HasPrefix(name, what) {
							t.Skip(why)
						}
					}
					h.run(t)
				})
			}
		}
	}
}

// apart is the recordings that this test cannot follow, by the beginning of their name.
var apart = map[string]string{
	"test_wait_timestamp":                          "the recorder has masked the instants of the input",
	"test_activity_task_on_deleted":                "the driver refuses the task",
	"test_invoke_with_headers[singleStringHeader]": "the driver refuses the task",
	"test_stop_execution":                          "somebody stops the execution",
	"test_parallel_state_nested":                   "the recorder has left out events of the inner state",
	"test_service_lambda_map_timeout":              "four tasks time out at one instant, in an order of AWS's own",
	"test_map_state_config_distributed_reentrant":  "recorded in May 2024; since November 2024 AWS names MapRunStarted before MapStateExited",
	"test_map_state_label":                         "not dated, and its neighbours' answers are not AWS's",
}

// recorded is one machine with the one history that AWS gave of it.
type recorded struct {
	definition string
	express    bool
	events     []value.Value
}

var token = regexp.MustCompile(`\$\{[^}]*\}`)

// withoutTokens puts texts for the tokens of a case.
func withoutTokens(s string) string {
	return token.ReplaceAllStringFunc(s, func(t string) string {
		switch {
		case strings.Contains(t, "FunctionArn"):
			return "arn:aws:lambda:us-east-1:111111111111:function:f"
		case strings.Contains(t, "activityArn"):
			return "arn:aws:states:us-east-1:111111111111:activity:a"
		}
		return "x"
	})
}

func recordedHistory(c value.Value) (h recorded, ok bool) {
	machines, histories := 0, 0
	for _, s := range c.Get("steps").Items() {
		if s.Get("op").Text() == "CreateStateMachine" {
			machines++
			h.definition = withoutTokens(s.Get("params").Get("definition").Text())
			h.express = s.Get("params").Get("type").Text() == "EXPRESS"
		}
	}
	for _, e := range c.Get("expected").Items() {
		if list := e.Get("events"); list.Len() > 2 && list.Index(0).Get("type").Text() == "ExecutionStarted" {
			histories++
			h.events = list.Slice()
		}
	}
	return h, machines == 1 && histories == 1
}

// details is the details of a recorded event.
func details(e value.Value) value.Value {
	for k, v := range e.Members() {
		if strings.HasSuffix(k, "EventDetails") {
			return v
		}
	}
	return value.Value{}
}

// payload is a recorded payload as JSON: the recorder has parsed objects.
func payload(v value.Value) value.Value {
	if v.Kind() == value.String {
		if p, err := value.Parse(v.Text()); err == nil {
			return p
		}
	}
	return v
}

func (h recorded) next(prev int64, types ...string) (value.Value, bool) {
	for _, e := range h.events {
		if n, _ := e.Get("previousEventId").Int(); n == prev && slices.Contains(types, e.Get("type").Text()) {
			return e, true
		}
	}
	return value.Value{}, false
}

func (h recorded) run(t *testing.T) {
	m, problems := asl.Parse(h.definition, asl.Options{Express: h.express})
	if m == nil {
		t.Skip(problems)
	}
	x := newExecution(m)
	now := epoch
	events := x.Decide(interp.Start{Input: payload(details(h.events[0]).Get("input")), Seed: [16]byte{1}}, now)
	for rounds := 0; !x.Done(); rounds++ {
		if rounds > 1000 {
			t.Fatal("no end")
		}
		in := h.outcome(x, events)
		if in == nil {
			var first *interp.Timer
			for _, e := range x.Pending() {
				if timer, ok := e.(*interp.Timer); ok && (first == nil || timer.At.Before(first.At)) {
					first = timer
				}
			}
			if first == nil {
				break
			}
			now = first.At
			in = interp.TimerFired{Timer: first.Timer}
		}
		events = append(events, x.Decide(in, now)...)
	}
	h.compare(t, events)
}

// outcome is the recorded outcome that comes first of the tasks that x owes.
func (h recorded) outcome(x *interp.Execution, events []interp.Event) (in interp.Input) {
	var at int64
	for _, e := range x.Pending() {
		id := int64(0)
		for i := range events {
			if events[i].Seq == e.Key().Seq {
				id = events[i].ID
			}
		}
		var got interp.Input
		var where value.Value
		switch e := e.(type) {
		case *interp.RunMap:
			if f, ok := h.next(id, "MapRunFailed"); ok {
				got, where = interp.MapRunFailure{MapRun: e.MapRun, Error: details(f).Get("error").Text(), Cause: details(f).Get("cause").Text()}, f
				break
			}
			for _, exit := range h.events {
				if n, _ := exit.Get("id").Int(); n > id && exit.Get("type").Text() == "MapStateExited" {
					got, where = interp.MapRunOutput{MapRun: e.MapRun, Output: payload(details(exit).Get("output"))}, exit
					break
				}
			}
		case *interp.RunTask:
			got, where = h.taskOutcome(id, e)
		}
		if got == nil {
			continue
		}
		if n, _ := where.Get("id").Int(); in == nil || n < at {
			in, at = got, n
		}
	}
	return in
}

func (h recorded) taskOutcome(scheduled int64, e *interp.RunTask) (interp.Input, value.Value) {
	started, ok := h.next(scheduled, "TaskStarted", "LambdaFunctionStarted", "ActivityStarted")
	if !ok {
		return nil, started
	}
	if !e.Started {
		return interp.TaskStart{Task: e.Task, Worker: details(started).Get("workerName").Text()}, started
	}
	after, _ := started.Get("id").Int()
	if submitted, ok := h.next(after, "TaskSubmitted"); ok {
		if !e.Submitted {
			return interp.TaskSubmission{Task: e.Task, Output: payload(details(submitted).Get("output"))}, submitted
		}
		after, _ = submitted.Get("id").Int()
	}
	if f, ok := h.next(after, "TaskFailed", "LambdaFunctionFailed", "ActivityFailed"); ok {
		d := details(f)
		return interp.TaskFailure{Task: e.Task, Error: d.Get("error").Text(), Cause: plainText(d.Get("cause"))}, f
	}
	if f, ok := h.next(after, "TaskSucceeded", "LambdaFunctionSucceeded", "ActivitySucceeded"); ok {
		return interp.TaskOutput{Task: e.Task, Output: payload(details(f).Get("output"))}, f
	}
	return nil, started
}

func (h recorded) compare(t *testing.T, events []interp.Event) {
	shown := slices.DeleteFunc(slices.Clone(events), func(e interp.Event) bool { return e.Type.Hidden() })
	parallel := false
	for _, w := range h.events {
		parallel = parallel || w.Get("id").Kind() == value.Array
	}
	if parallel {
		shown = slices.DeleteFunc(shown, func(e interp.Event) bool { return e.Type == interp.ParallelStateSucceeded })
	}
	var b strings.Builder
	bad := len(shown) != len(h.events)
	for i := range max(len(shown), len(h.events)) {
		got, want := "", ""
		if i < len(shown) {
			e := &shown[i]
			got = fmt.Sprintf("%d<-%d %s %s", e.ID, e.Prev, e.Type, e.Name)
		}
		var w value.Value
		if i < len(h.events) {
			w = h.events[i]
			d := details(w)
			name := d.Get("name").Text() + d.Get("state").Text() + d.Get("workerName").Text()
			want = fmt.Sprintf("%s<-%s %s %s", w.Get("id"), w.Get("previousEventId"), w.Get("type").Text(), name)
		}
		mark := ""
		if got != want && !(parallel && strings.Contains(want, "[")) {
			bad, mark = true, "  <<<<"
		}
		fmt.Fprintf(&b, "%-60s %s%s\n", got, want, mark)
		if mark == "" && i < len(shown) && i < len(h.events) {
			if why := differs(&shown[i], details(w)); why != "" && !parallel {
				bad = true
				fmt.Fprintf(&b, "      %s\n", why)
			}
		}
	}
	if bad {
		t.Errorf("\n%s", b.String())
	}
}

// differs says how an event is not the recorded one.
func differs(e *interp.Event, d value.Value) string {
	for _, field := range []string{"input", "output"} {
		want := d.Get(field)
		switch {
		case want.IsAbsent() || e.Type == interp.TaskSubmitted || e.Type == interp.TaskSucceeded || e.Type == interp.LambdaFunctionScheduled:
		case want.Kind() == value.String && strings.HasPrefix(want.Text(), "["):
			if !matches(value.OfString(e.Payload.Raw()), want, true) {
				return field + " " + e.Payload.Raw() + " want " + want.Text()
			}
		case strings.Contains(want.String(), "<stack_trace>"): // cut out by the recorder
		case !matches(e.Payload, payload(want), true):
			return field + " " + e.Payload.Raw() + " want " + want.String()
		}
	}
	for name, want := range d.Get("assignedVariables").Members() {
		found := false
		for _, v := range e.Assigned {
			found = found || v.Name == name && matches(v.Value, payload(want), true)
		}
		if !found {
			return fmt.Sprintf("variable %s is not %s in %v", name, want, e.Assigned)
		}
	}
	for _, x := range []struct {
		field string
		got   value.Value
	}{{"error", value.OfString(e.Error)}, {"cause", value.OfString(e.Cause)}, {"location", value.OfString(e.Location)},
		{"length", value.OfInt(int64(e.Index))}, {"index", value.OfInt(int64(e.Index))},
		{"timeoutInSeconds", value.OfInt(e.Timeout)}, {"heartbeatInSeconds", value.OfInt(e.Heartbeat)}} {
		if want := d.Get(x.field); !want.IsAbsent() && want.Kind() != value.Object && !matches(x.got, want, true) {
			return x.field + " " + x.got.String() + " want " + want.String()
		}
	}
	return ""
}
