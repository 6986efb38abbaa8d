package workflows_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/fault"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/store"
	"anthill/value"
	"anthill/workflows"
)

// queue does tasks of a service for tests: it answers their arguments, fails with what they name, or takes an hour.
type queue struct{}

func (queue) Do(ctx context.Context, t *workflows.Task) workflows.Outcome {
	if name := t.Arguments.Get("Fail").Text(); name != "" {
		return workflows.Outcome{Failure: failure.New(name, "no %s", t.State)}
	}
	if t.Arguments.Get("Slow").Bool() {
		select {
		case <-ctx.Done():
			return workflows.Outcome{Left: true}
		case <-time.After(time.Hour):
		}
	}
	return workflows.Outcome{Output: value.OfObject(value.Member{Key: "Sent", Value: t.Arguments})}
}

func newService(t *testing.T) *workflows.Service {
	t.Helper()
	db, err := disk.Open("data", disk.Options{FS: disk.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := workflows.Open(t.Context(), workflows.Config{Store: store.Open(db), History: history.Open(db),
		Integrations: map[string]workflows.Integration{"sqs": queue{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		db.Close()
	})
	return s
}

var scope = workflows.Scope{Account: "123456789012", Region: "us-east-1"}

func text(s string) *string { return &s }
func count(n int64) *int64  { return &n }

// shown is a result as JSON.
func shown(r *workflows.TestResult) value.Value {
	str := value.OfString
	out := value.OfObject(value.Member{Key: "status", Value: str(r.Status)})
	if !r.Output.IsAbsent() {
		out = out.With("output", r.Output)
	}
	for _, f := range []struct{ name, text string }{{"error", r.Error}, {"cause", r.Cause}, {"next", r.Next}} {
		if f.text != "" {
			out = out.With(f.name, str(f.text))
		}
	}
	return out.With("seen", value.OfObject(r.Inspection...))
}

const (
	role     = "arn:aws:iam::123456789012:role/r"
	send     = `{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "QueryLanguage": "JSONata", "Arguments": "{% $states.input %}", "End": true}`
	aMap     = `{"Type": "Map", "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}, "End": true}`
	branches = `{"Type": "Parallel", "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}, {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}], "End": true}`
	wide     = `{"Type": "Map", "Label": "m", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}, "End": true`
	retried  = `{"Type": "Task", "QueryLanguage": "JSONata", "Resource": "arn:aws:states:::sqs:sendMessage", "Arguments": {"QueueUrl": "q", "MessageBody": "m", "Fail": "Busy"},
		"Retry": [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 2}],
		"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Clean", "Output": "{% $states.errorOutput.Error %}"}], "End": true}`
)

// TestStatesAreTried shows what becomes of a state, and what inspectionData says of it.
func TestStatesAreTried(t *testing.T) {
	s := newService(t)
	for _, c := range []struct {
		name string
		in   workflows.TestInput
		want string
	}{
		{"variables are shown with those that were given", workflows.TestInput{Variables: text(`{"a": 1, "b": 2}`), Definition: `{"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"b": "{% $a + 2 %}"}, "Output": "{% $b %}", "Next": "Z"}`},
			`{"status": "SUCCEEDED", "output": 2, "next": "Z", "seen": {"input": {}, "variables": {"a": 1, "b": 3}}}`},
		{"a task is really done", workflows.TestInput{Definition: send, RoleARN: role, Input: text(`{"MessageBody":"m"}`)},
			`{"status": "SUCCEEDED", "output": {"Sent":{"MessageBody":"m"}}, "seen": {"input": {"MessageBody":"m"}, "afterArguments": {"MessageBody":"m"}, "result": {"Sent":{"MessageBody":"m"}}}}`},
		{"a failed task is to be tried again", workflows.TestInput{Definition: retried, RoleARN: role},
			`{"status": "RETRIABLE", "error": "Busy", "cause": "no StateName", "seen": {"input": {}, "afterArguments": {"QueueUrl": "q", "MessageBody": "m", "Fail": "Busy"}, "errorDetails": {"retryIndex": 1, "retryBackoffIntervalSeconds": 2}}}`},
		{"the second time later", workflows.TestInput{Definition: retried, Retries: count(1), Mock: &workflows.Mock{Error: &workflows.MockError{Name: text("Busy")}}},
			`{"status": "RETRIABLE", "error": "Busy", "seen": {"input": {}, "afterArguments": {"QueueUrl": "q", "MessageBody": "m", "Fail": "Busy"}, "errorDetails": {"retryIndex": 1, "retryBackoffIntervalSeconds": 6}}}`},
		{"and caught when its attempts are used up", workflows.TestInput{Definition: retried, Retries: count(2), Mock: &workflows.Mock{Error: &workflows.MockError{Name: text("Busy")}}},
			`{"status": "CAUGHT_ERROR", "error": "Busy", "output": "Busy", "next": "Clean", "seen": {"input": {}, "afterArguments": {"QueueUrl": "q", "MessageBody": "m", "Fail": "Busy"}, "errorDetails": {"catchIndex": 0}}}`},
		{"a given task token is the task's", workflows.TestInput{Context: text(`{"Task": {"Token": "given"}}`), Mock: &workflows.Mock{Result: text(`1`)},
			Definition: `{"Type": "Task", "QueryLanguage": "JSONata", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Arguments": {"QueueUrl": "q", "MessageBody": "{% $states.context.Task.Token %}"}, "End": true}`},
			`{"status": "SUCCEEDED", "output": 1, "seen": {"input": {}, "afterArguments": {"QueueUrl": "q", "MessageBody": "given"}, "result": 1}}`},
		{"the inputs of iterations", workflows.TestInput{Input: text(`{"l": [1,2]}`), Mock: &workflows.Mock{Result: text(`[0,0]`)},
			Definition: aMap[:len(aMap)-1] + `, "QueryLanguage": "JSONata", "Items": "{% $states.input.l %}", "ItemSelector": {"n": "{% $states.context.Map.Item.Value %}"}}`},
			`{"status": "SUCCEEDED", "output": [0,0], "seen": {"input": {"l": [1,2]}, "afterItemSelector": [{"n":1},{"n":2}], "maxConcurrency": 0}}`},
		{"batches", workflows.TestInput{Input: text(`[1,2,3]`), Mock: &workflows.Mock{Result: text(`[0,0]`)},
			Definition: wide + `, "QueryLanguage": "JSONata", "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"k": 1}}}`},
			`{"status": "SUCCEEDED", "output": [0,0], "seen": {"input": [1,2,3], "afterItemBatcher": [{"Items":[1,2],"BatchInput":{"k":1}},{"Items":[3],"BatchInput":{"k":1}}], "maxConcurrency": 0}}`},
		{"items that a reader found in a CSV file", workflows.TestInput{ReaderData: text("a,b\n1,2\n3\n5,6,7\n"), Mock: &workflows.Mock{Result: text(`[]`)},
			Definition: wide + `, "QueryLanguage": "JSONata", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": 2},
				"Arguments": {"Bucket": "b", "Key": "k"}}, "ItemSelector": "{% $states.context.Map.Item.Value %}"}`},
			`{"status": "SUCCEEDED", "output": [], "seen": {"input": {}, "afterItemSelector": [{"a":"1","b":"2"},{"a":"3","b":""}], "maxConcurrency": 0}}`},
		{"items inside of a JSON file", workflows.TestInput{ReaderData: text(`{"x": {"y": [7,8]}}`), FailedItems: count(2), Mock: &workflows.Mock{Result: text(`[]`)},
			Definition: wide + `, "QueryLanguage": "JSONata", "ToleratedFailurePercentage": 50, "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/x/y"}, "Arguments": {"Bucket": "b", "Key": "k"}}}`},
			`{"status": "FAILED", "error": "States.ExceedToleratedFailureThreshold", "cause": "The specified tolerated failure threshold was exceeded",
				"seen": {"input": {}, "afterItemsPointer": [7,8], "maxConcurrency": 0, "toleratedFailurePercentage": 50}}`},
		{"a reader that cannot read", workflows.TestInput{ReaderData: text(`nothing`), Mock: &workflows.Mock{Result: text(`[]`)},
			Definition: wide + `, "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "b", "Key": "k"}},
				"Catch": [{"ErrorEquals": ["States.ItemReaderFailed"], "ResultPath": null, "Next": "Clean"}]}`},
			`{"status": "CAUGHT_ERROR", "error": "States.ItemReaderFailed", "cause": "Attempting to parse the data of the ItemReader as JSON failed: unexpected character 'n' at byte 0", "output": {}, "next": "Clean",
				"seen": {"input": {}, "afterInputPath": {}, "errorDetails": {"catchIndex": 0}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := s.TestState(t.Context(), scope, c.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(r); !value.Equal(got, value.MustParse(c.want)) {
				t.Errorf("got  %s\nwant %s", got, value.MustParse(c.want))
			}
		})
	}
}

// TestStatesAreRefused holds what TestState does not take, in AWS's words where they are known.
func TestStatesAreRefused(t *testing.T) {
	s := newService(t)
	result := func(s string) *workflows.Mock { return &workflows.Mock{Result: &s} }
	task := `{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "End": true}`
	noMock := func(field string) string {
		return "TestState does not support " + field + " when a mock is not specified."
	}
	for _, c := range []struct {
		in         workflows.TestInput
		noun, want string
	}{
		{workflows.TestInput{Definition: aMap}, "definition", "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"},
		{workflows.TestInput{Definition: task}, "request", "RoleArn must be specified when testing a Task state"},
		{workflows.TestInput{Definition: `{"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": true}`, RoleARN: role}, "definition",
			"TestState API does not support Activity tasks, .sync or .waitForTaskToken service integration patterns when a mock is not specified."},
		{workflows.TestInput{Definition: task, RoleARN: "arn:aws:iam::123456789012:user/r"}, "arn", "Invalid Role Arn: 'arn:aws:iam::123456789012:user/r'"},
		{workflows.TestInput{Definition: task, FailedItems: count(0)}, "request", noMock("MapIterationFailureCount")},
		{workflows.TestInput{Definition: task, Retries: count(0)}, "request", noMock("RetrierRetryCount")},
		{workflows.TestInput{Definition: task, ReaderData: text("[]")}, "request", noMock("MapItemReaderData")},
		{workflows.TestInput{Definition: task, CausedBy: "A"}, "request", noMock("ErrorCausedByState")},
		{workflows.TestInput{Definition: task, Context: text("{}")}, "request", noMock("Context")},
		{workflows.TestInput{Definition: task, Mock: &workflows.Mock{}}, "request", "A test mock should have only one of the following fields: [result, errorOutput]."},
		{workflows.TestInput{Definition: task, Mock: &workflows.Mock{Error: &workflows.MockError{Cause: text("c")}}}, "request", "Mocked errorOutput must have an error."},
		{workflows.TestInput{Definition: task, Mock: result(`{}`), Secrets: true}, "request", "TestState does not support RevealSecrets when a mock is specified."},
		{workflows.TestInput{Definition: `{"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "B"}]}`, Mock: result(`{}`)}, "request", "State type 'Choice' is not supported when a mock is specified"},
		{workflows.TestInput{Definition: task, Mock: result(`nothing`)}, "request", "Mocked result must be valid JSON"},
		{workflows.TestInput{Definition: branches, Mock: result(`[1]`)}, "request", "Mocked result must contain the same number of items as number of Parallel branches."},
		{workflows.TestInput{Definition: branches, Mock: result(`{}`)}, "request", "Mocked result must be an array."},
		{workflows.TestInput{Definition: aMap, Mock: result(`{}`)}, "request", "Mocked result must be an array."},
		{workflows.TestInput{Definition: aMap, Input: text(`[1]`), Mock: result(`[1]`), FailedItems: count(2)}, "request", "Map iteration failure count must be less than or equal to the number of Map iterations"},
		{workflows.TestInput{Definition: aMap, Input: text(`[1]`), Mock: result(`[1]`), CausedBy: "B"}, "request", "State 'B' of ErrorCausedByState not found in definition"},
		{workflows.TestInput{Definition: task, StateName: "A"}, "definition", "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Field 'Type' is not supported at /, SCHEMA_VALIDATION_FAILED: Field 'Resource' is not supported at /, SCHEMA_VALIDATION_FAILED: Field 'Parameters' is not supported at /, SCHEMA_VALIDATION_FAILED: Field 'End' is not supported at /, SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /'"},
		{workflows.TestInput{Definition: `{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}`, StateName: "B"}, "request", "State not found in definition"},
		{workflows.TestInput{Definition: task, Mock: result(`{}`), Context: text(`[]`)}, "request", "Invalid Context object provided: must be an object"},
		{workflows.TestInput{Definition: task, Mock: result(`{}`), Context: text(`{"Pokedex": {}}`)}, "request", "Invalid Context object provided: Field 'Pokedex' is not allowed"},
		{workflows.TestInput{Definition: task, Mock: result(`{}`), Context: text(`{"State": {"RetryCount": "1"}}`)}, "request", "Invalid Context object provided: State.RetryCount must be a number"},
		{workflows.TestInput{Definition: task, Mock: result(`{}`), Context: text(`{"Map": {"Item": {"Index": "1"}}}`)}, "request", "Invalid Context object provided: Map.Item.Index must be a number"},
		{workflows.TestInput{Definition: `{"Type": "Succeed"}`, Input: text(`{`)}, "execution input", "Invalid State Machine Execution Input: 'Unexpected end-of-input'"},
		{workflows.TestInput{Definition: task, Mock: result(`{"MessageId": 1}`), CheckMock: func(_ asl.Resource, v value.Value) error { return errors.New("no " + v.String()) }}, "request",
			`Mock result schema validation error: no {"MessageId":1}`},
	} {
		_, err := s.TestState(t.Context(), scope, c.in)
		if err == nil {
			t.Errorf("taken, want %s", c.want)
			continue
		}
		if f := fault.Of(err); f.Kind != fault.Invalid || f.Noun != c.noun || f.Detail != c.want {
			t.Errorf("%s: %s\nwant %s: %s", f.Noun, f.Detail, c.noun, c.want)
		}
	}
}

// TestStatesTakeTheirTime shows that waits last and that nothing lasts longer than five minutes.
func TestStatesTakeTheirTime(t *testing.T) {
	slow := send[:len(send)-1] + `, "TimeoutSeconds": 7}`
	for _, c := range []struct {
		name, definition, input string
		took                    time.Duration
		status, failed          string
	}{
		{"a wait", `{"Type": "Wait", "Seconds": 30, "End": true}`, `{}`, 30 * time.Second, "SUCCEEDED", ""},
		{"no wait", `{"Type": "Wait", "Seconds": 0, "End": true}`, `{}`, 0, "SUCCEEDED", ""},
		{"a long wait", `{"Type": "Wait", "Seconds": 3600, "End": true}`, `{}`, 5 * time.Minute, "FAILED", "States.Timeout"},
		{"a long task", send, `{"Slow": true}`, 5 * time.Minute, "FAILED", "States.Timeout"},
		{"a task with a limit", slow, `{"Slow": true}`, 7 * time.Second, "FAILED", "States.Timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				begun := time.Now()
				r, err := s.TestState(t.Context(), scope, workflows.TestInput{Definition: c.definition, Input: &c.input, RoleARN: role})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took != c.took || r.Status != c.status || r.Error != c.failed {
					t.Errorf("%s %s after %v, want %s %s after %v", r.Status, r.Error, took, c.status, c.failed, c.took)
				}
			})
		})
	}
}
