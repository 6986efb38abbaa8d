package workflows

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/fault"
	"anthill/value"
)

// mockFile is a MockConfigFile.json as Step Functions Local had it (developer guide, "Using mocked service integrations").
type mockFile struct {
	StateMachines map[string]struct {
		TestCases map[string]map[string]string // test case / state / mocked response
	}
	MockedResponses map[string]map[string]mockedResponse // name / invocations: "0", "1-3"
}

// mockedResponse is the outcome of some invocations of a state; one field is set.
type mockedResponse struct {
	Return jsontext.Value
	Throw  *struct{ Error, Cause string }
}

// CheckMocks says what is wrong with a MockConfigFile.json, as a fault of kind Invalid.
func CheckMocks(data []byte) error {
	_, err := parseMocks(data)
	return err
}

func badMocks(format string, args ...any) error {
	return fault.Invalidf("workflows.mocks", "mock configuration", "Invalid mock configuration: "+format, args...)
}

// parseMocks reads a file and holds it against the rules.
func parseMocks(data []byte) (*mockFile, error) {
	f := new(mockFile)
	if err := json.Unmarshal(data, f, json.RejectUnknownMembers(true)); err != nil {
		return nil, badMocks("%v", err)
	}
	for name, responses := range f.MockedResponses {
		taken := map[int]string{}
		for key, r := range responses {
			from, to, ok := invocations(key)
			if !ok {
				return nil, badMocks("%q of MockedResponses.%s must be the number of an invocation, or a range of them such as 1-3", key, name)
			}
			for i := from; i <= to && to-from < 10000; i++ {
				if taken[i] != "" {
					return nil, badMocks("MockedResponses.%s has invocation %d twice: %q and %q", name, i, taken[i], key)
				}
				taken[i] = key
			}
			if (r.Return == nil) == (r.Throw == nil) {
				return nil, badMocks("%q of MockedResponses.%s must have either Return or Throw", key, name)
			}
			if r.Throw != nil && r.Throw.Error == "" {
				return nil, badMocks("Throw of %q of MockedResponses.%s must have an Error", key, name)
			}
		}
	}
	for machine, m := range f.StateMachines {
		for test, states := range m.TestCases {
			for state, response := range states {
				if _, ok := f.MockedResponses[response]; !ok {
					return nil, badMocks("state %q of test case %s#%s names the mocked response %q, which is missing in MockedResponses", state, machine, test, response)
				}
			}
		}
	}
	return f, nil
}

// invocations reads "3" or "1-3".
func invocations(key string) (from, to int, ok bool) {
	first, last, isRange := strings.Cut(key, "-")
	from, err := strconv.Atoi(first)
	to = from
	if isRange && err == nil {
		to, err = strconv.Atoi(last)
	}
	return from, to, err == nil && from >= 0 && from <= to
}

// testCase takes a test case off the ARN that an execution is started with: "stateMachineArn#TestCase".
func (s *Service) testCase(op, target string) (machine, test string, err error) {
	machine, test, found := strings.Cut(target, "#")
	if !found || s.c.Mocks == nil {
		return target, "", nil
	}
	f, err := s.mocks()
	if err != nil {
		return "", "", fault.In(op, err)
	}
	t, err := s.Resolve(machine)
	if err != nil {
		return "", "", err
	}
	if _, ok := f.StateMachines[t.Machine.Name].TestCases[test]; !ok {
		return "", "", badMocks("there is no test case %q of the state machine %q", test, t.Machine.Name)
	}
	return machine, test, nil
}

// mocks reads the file again, so that it may be changed between executions.
func (s *Service) mocks() (*mockFile, error) {
	data, err := s.c.Mocks()
	if err != nil {
		return nil, badMocks("%v", err)
	}
	return parseMocks(data)
}

// mockCounts is how often the states of executions were mocked: each execution with its distributed Maps' children.
type mockCounts struct {
	mu struct {
		sync.Mutex
		calls map[string]map[string]int // execution ARN / state
	}
}

// next gives the number of this invocation of a state.
func (c *mockCounts) next(executionARN, state string, attempt int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.calls == nil {
		c.mu.calls = map[string]map[string]int{}
	}
	if c.mu.calls[executionARN] == nil {
		c.mu.calls[executionARN] = map[string]int{}
	}
	n := max(c.mu.calls[executionARN][state], attempt) // after a restart of the platform the retries are known
	c.mu.calls[executionARN][state] = n + 1
	return n
}

func (c *mockCounts) forget(executionARN string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.calls, executionARN)
}

// testOf is the execution that was started with the test case.
func (e *Execution) testOf() string {
	if e.TestCase == "" || e.TestOf != "" {
		return e.TestOf
	}
	return e.ARN
}

// mocked gives the integration of a task whose state has a mocked response; nil when it is done for real.
func (r *run) mocked(t *Task) Integration {
	if r.e.TestCase == "" || r.s.c.Mocks == nil {
		return nil
	}
	f, err := r.s.mocks()
	if err != nil {
		return mockedTask{err: err}
	}
	machine, _, _ := strings.Cut(r.e.MachineName, "/")
	name, ok := f.StateMachines[machine].TestCases[r.e.TestCase][t.State]
	if !ok {
		return nil
	}
	n := r.s.mocked.next(r.e.testOf(), t.State, t.Attempt)
	for key, response := range f.MockedResponses[name] {
		if from, to, ok := invocations(key); ok && from <= n && n <= to {
			return mockedTask{response: &response}
		}
	}
	return mockedTask{err: fmt.Errorf("the mocked response %q has nothing for invocation %d of state %q", name, n, t.State)}
}

// mockedTask does tasks by saying what came of them.
type mockedTask struct {
	response *mockedResponse
	err      error
}

func (m mockedTask) Do(_ context.Context, t *Task) Outcome {
	if m.err != nil {
		return FailedWith(failure.Runtime, "%v", m.err)
	}
	out := Outcome{}
	if m.response.Throw != nil {
		out.Failure = &failure.Failure{Name: m.response.Throw.Error, Cause: m.response.Throw.Cause}
	} else {
		v, err := value.ParseBytes(m.response.Return)
		if err != nil {
			return FailedWith(failure.Runtime, "%v", err)
		}
		if out.Output = v.Compact(); t.Resource.Kind == asl.LambdaFunction && v.Kind() == value.Object && !v.Get("Payload").IsAbsent() {
			out.Output = v.Get("Payload").Compact() // the result of a function's own ARN is its payload
		}
	}
	if t.Resource.Pattern != asl.RequestResponse && !t.Submitted {
		submitted := out.Output
		if submitted.IsAbsent() {
			submitted = value.OfObject()
		}
		if err := t.Submit(submitted, t.Scheduled); err != nil {
			return Outcome{Left: true}
		}
	}
	return out
}
