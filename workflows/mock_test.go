package workflows_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/workflows"
)

func TestMockConfigurationsAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		`{"StateMachines":{"m":{"TestCases":{"t":{"S":"r"}}}},"MockedResponses":{"r":{"0":{"Return":1},"1-2":{"Throw":{"Error":"E"}}}}}`: "",
		`{`:                     "unexpected EOF",
		`{"MockedResponse":{}}`: `unknown object member name "MockedResponse"`,
		`{"StateMachines":{"m":{"TestCases":{"t":{"S":"r"}}}}}`:                         `state "S" of test case m#t names the mocked response "r", which is missing in MockedResponses`,
		`{"MockedResponses":{"r":{"first":{"Return":1}}}}`:                              `"first" of MockedResponses.r must be the number of an invocation, or a range of them such as 1-3`,
		`{"MockedResponses":{"r":{"2-1":{"Return":1}}}}`:                                `"2-1" of MockedResponses.r must be`,
		`{"MockedResponses":{"r":{"0-2":{"Return":1},"2":{"Return":1}}}}`:               `MockedResponses.r has invocation 2 twice`,
		`{"MockedResponses":{"r":{"0":{}}}}`:                                            `"0" of MockedResponses.r must have either Return or Throw`,
		`{"MockedResponses":{"r":{"0":{"Return":1,"Throw":{"Error":"E","Cause":""}}}}}`: `must have either Return or Throw`,
		`{"MockedResponses":{"r":{"0":{"Throw":{"Cause":"c"}}}}}`:                       `Throw of "0" of MockedResponses.r must have an Error`,
	} {
		err := workflows.CheckMocks([]byte(text))
		if want == "" && err != nil || want != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Detail, want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A test case answers the tasks of the states that it names, invocation by invocation; the others are done for real.
func TestMockedExecutions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		h.mocks = `{"StateMachines":{"m":{"TestCases":{"Happy":{"Get":"ok","Wait":"sent"},"Retried":{"Get":"flaky","Wait":"sent"},"Short":{"Get":"once","Wait":"sent"},"Fails":{"Get":"ok","Wait":"lost"}}}},
			"MockedResponses":{"ok":{"0":{"Return":{"StatusCode":200,"Payload":{"n":1}}}},"flaky":{"0-1":{"Throw":{"Error":"Lambda.TooManyRequestsException","Cause":"busy"}},"2":{"Return":{"Payload":"third"}}},
			"once":{"0":{"Throw":{"Error":"Lambda.TooManyRequestsException","Cause":"busy"}}},"sent":{"0":{"Return":"answer"}},"lost":{"0":{"Throw":{"Error":"Lost","Cause":"why"}}}}}`
		m := h.machine("m", `{"StartAt":"Get","States":{
			"Get":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:nobody","ResultPath":"$.got","Retry":[{"ErrorEquals":["Lambda.TooManyRequestsException"],"MaxAttempts":3,"IntervalSeconds":1}],"Next":"Wait"},
			"Wait":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"QueueUrl":"q","MessageBody.$":"$$.Task.Token"},"ResultPath":"$.answer","End":true}}}`)
		for test, want := range map[string][]string{
			"Happy": {"SUCCEEDED", `{"got":{"n":1},"answer":"answer"}`}, "Retried": {"SUCCEEDED", `{"got":"third","answer":"answer"}`},
			"Short": {"FAILED", "States.Runtime"}, "Fails": {"FAILED", "Lost"},
		} {
			input := "{}"
			e, err := h.Start(t.Context(), workflows.StartInput{Target: m.ARN + "#" + test, Input: &input})
			h.check(err)
			time.Sleep(time.Minute)
			h.wantEnd(e.ARN, want...)
			if types := h.types(e.ARN); want[0] == "SUCCEEDED" && !strings.Contains(types, "TaskScheduled TaskStarted TaskSubmitted TaskSucceeded") {
				t.Errorf("%s: %s", test, types)
			}
		}
		if _, err := h.Start(t.Context(), workflows.StartInput{Target: m.ARN + "#None"}); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Detail, `no test case "None" of the state machine "m"`) {
			t.Errorf("a test case that is not there: %v", err)
		}
	})
}
