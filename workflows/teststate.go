package workflows

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/fault"
	"anthill/value"
)

// TestInput is what TestState is given. Nil texts are absent.
type TestInput struct {
	Definition string // of a state, or of a machine when StateName is set
	StateName  string
	RoleARN    string
	Input      *string
	Variables  *string
	Context    *string
	Secrets    bool // revealSecrets
	Mock       *Mock
	// CheckMock is asked whether the mocked result of a Task is what its service could answer; nil does not ask.
	CheckMock func(asl.Resource, value.Value) error

	Retries      int64  // retrierRetryCount
	CausedBy     string // errorCausedByState
	FailedItems  *int64 // mapIterationFailureCount
	MapItemsRead *string
}

// Mock is the outcome that a Task, Map or Parallel state is said to have. Exactly one field is set.
type Mock struct {
	Result *string
	Error  *struct{ Name, Cause string }
}

// TestResult is what became of a state that was tried.
type TestResult = interp.TestResult

// aloneName is what AWS calls a state whose definition has no name.
const aloneName = "StateName"

// TestState tries one state with an input, without an execution.
func (s *Service) TestState(ctx context.Context, sc Scope, in TestInput) (*TestResult, error) {
	const op = "workflows.TestState"
	invalid := func(format string, args ...any) (*TestResult, error) {
		return nil, fault.Invalidf(op, "request", format, args...)
	}
	m, state, err := stateToTest(op, in.Definition, in.StateName)
	if err != nil {
		return nil, err
	}
	if in.Mock != nil {
		if err := checkMock(op, &in, state); err != nil {
			return nil, err
		}
	} else {
		switch {
		case in.FailedItems != nil:
			return invalid("TestState does not support MapIterationFailureCount when a mock is not specified.")
		case state.Type == asl.Map || state.Type == asl.Parallel:
			return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "definition",
				Detail: "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"}
		case state.Type == asl.Task && in.RoleARN == "":
			return invalid("RoleArn must be specified when testing a Task state")
		}
	}
	input, err := parseInput(op, in.Input)
	if err != nil {
		return nil, err
	}
	c := interp.TestConfig{Machine: m, State: state, Identity: testIdentity(sc, in.RoleARN), Input: input, Retries: in.Retries}
	rand.Read(c.Seed[:])
	if c.Variables, err = optionalJSON(op, "variables", in.Variables); err != nil {
		return nil, err
	}
	if c.ReaderData, err = optionalJSON(op, "mapItemReaderData", in.MapItemsRead); err != nil {
		return nil, err
	}
	if c.Context, err = optionalJSON(op, "context", in.Context); err != nil {
		return nil, err
	}
	if why := badContext(c.Context); why != "" {
		return invalid("Invalid Context object provided: %s", why)
	}
	if in.FailedItems != nil {
		c.FailedItems = *in.FailedItems
	}
	t := interp.NewTest(c, time.Now())
	if t.Wants() {
		if err := s.outcome(ctx, sc, op, t, &in); err != nil {
			return nil, err
		}
	}
	r := t.Result()
	return &r, nil
}

// stateToTest parses the definition and finds the state in it.
func stateToTest(op, definition, name string) (*asl.Machine, *asl.State, error) {
	parse := func() (*asl.Machine, asl.Problems) { return asl.Parse(definition, asl.Options{}) }
	if name == "" {
		name = aloneName
		parse = func() (*asl.Machine, asl.Problems) { return asl.ParseState(definition, aloneName, asl.Options{}) }
	}
	m, problems := parse()
	if m == nil || len(problems.Errors()) > 0 {
		return nil, nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "definition", Detail: problems.String()}
	}
	i := slices.IndexFunc(m.All(), func(s *asl.State) bool { return s.Name == name })
	if i < 0 {
		return nil, nil, fault.Invalidf(op, "request", "State not found in definition")
	}
	return m, m.All()[i], nil
}

// checkMock refuses mocks that AWS refuses.
func checkMock(op string, in *TestInput, state *asl.State) error {
	switch m := in.Mock; {
	case m.Result != nil && m.Error != nil:
		return fault.Invalidf(op, "request", "A test mock should have only one of the following fields: [result, errorOutput].")
	case in.Secrets:
		return fault.Invalidf(op, "request", "TestState does not support RevealSecrets when a mock is specified.")
	case state.Type != asl.Task && state.Type != asl.Map && state.Type != asl.Parallel:
		return fault.Invalidf(op, "request", "State type '%s' is not supported when a mock is specified", state.Type)
	}
	if in.Mock.Result == nil {
		return nil
	}
	result, err := value.Parse(*in.Mock.Result)
	switch {
	case err != nil:
		return fault.Invalidf(op, "request", "Mocked result must be valid JSON")
	case state.Type == asl.Parallel && (result.Kind() != value.Array || result.Len() != len(state.Branches)):
		return fault.Invalidf(op, "request", "Mocked result must contain the same number of items as number of Parallel branches.")
	case state.Type == asl.Map && in.FailedItems != nil && *in.FailedItems > int64(result.Len()):
		return fault.Invalidf(op, "request", "Map iteration failure count must be less than or equal to the number of Map iterations")
	case state.Type == asl.Task && in.CheckMock != nil:
		if err := in.CheckMock(state.Task.Resource, result); err != nil {
			return fault.Invalidf(op, "request", "Mock result schema validation error: %s", err)
		}
	}
	return nil
}

// outcome gives the test what it wants: the mock's, or that of the task really done.
func (s *Service) outcome(ctx context.Context, sc Scope, op string, t *interp.Test, in *TestInput) error {
	if m := in.Mock; m != nil {
		if m.Error != nil {
			t.Fail(m.Error.Name, m.Error.Cause)
			return nil
		}
		result, err := value.Parse(*m.Result)
		if err != nil {
			return fault.Invalidf(op, "request", "Mocked result must be valid JSON")
		}
		t.Succeed(result)
		return nil
	}
	task := &Task{RunTask: t.Task(), Scope: sc, RoleARN: in.RoleARN, RequestID: newID()}
	if task.Resource.Pattern != asl.RequestResponse || task.Resource.Kind == asl.Activity {
		return fault.Invalidf(op, "request", "TestState does not support resource %s without a mock", task.Resource.ARN)
	}
	task.ctx, task.cancel = context.WithCancel(ctx)
	defer task.cancel()
	out := s.integration(task.Resource).Do(task.ctx, task)
	if out.Release != nil {
		defer out.Release()
	}
	switch {
	case out.Left:
		return &fault.Error{Kind: fault.Canceled, Op: op, Noun: "state", Name: task.State}
	case out.Failure != nil:
		t.Fail(out.Failure.Name, out.Failure.Cause)
	default:
		t.Succeed(out.Output)
	}
	return nil
}

// testIdentity is an execution that is not there.
func testIdentity(sc Scope, role string) interp.Identity {
	machine, name := newID(), newID()
	return interp.Identity{ID: resource(sc, "express", machine+":"+name), Name: name, RoleARN: role,
		StateMachineID: resource(sc, "stateMachine", machine), StateMachineName: machine}
}

func optionalJSON(op, field string, text *string) (value.Value, error) {
	if text == nil {
		return value.Value{}, nil
	}
	v, err := value.Parse(*text)
	if err != nil {
		return value.Value{}, fault.Invalidf(op, "request", "%s must be valid JSON: %s", field, jacksonMessage(*text, err))
	}
	return v, nil
}

// contextFields are what a context object may hold, with the kind of each; an object is followed into (developer guide,
// "Context object").
var contextFields = map[string]map[string]value.Kind{
	"Execution":    {"Id": value.String, "Input": value.Absent, "Name": value.String, "RoleArn": value.String, "StartTime": value.String, "RedriveCount": value.Number, "RedriveTime": value.String},
	"State":        {"EnteredTime": value.String, "Name": value.String, "RetryCount": value.Number},
	"StateMachine": {"Id": value.String, "Name": value.String},
	"Task":         {"Token": value.String},
	"Map":          {"Item": value.Object},
}

// badContext says what is wrong with a context object; "" for nothing.
func badContext(c value.Value) string {
	if c.IsAbsent() {
		return ""
	}
	if c.Kind() != value.Object {
		return "must be an object"
	}
	for name, part := range c.Members() {
		fields, ok := contextFields[name]
		if !ok {
			return fmt.Sprintf("Field '%s' is not allowed", name)
		}
		if part.Kind() != value.Object {
			return name + " must be an object"
		}
		for field, v := range part.Members() {
			kind, ok := fields[field]
			if !ok {
				return fmt.Sprintf("Field '%s' is not allowed", field)
			}
			if kind != value.Absent && v.Kind() != kind {
				return fmt.Sprintf("%s.%s must be %s", name, field, article(kind))
			}
		}
	}
	return ""
}

func article(k value.Kind) string {
	if strings.ContainsRune("aeiou", rune(k.String()[0])) {
		return "an " + k.String()
	}
	return "a " + k.String()
}
