package workflows

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"anthill/arn"
	"anthill/asl"
	"anthill/asl/failure"
	"anthill/asl/interp"
	"anthill/fault"
	"anthill/uuid"
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
	Trace      bool // what HTTP tasks send and are answered is in the result's Inspection
	Mock       *Mock
	// CheckMock is asked whether the mocked result of a Task is what its service could answer; nil does not ask.
	CheckMock func(asl.Resource, value.Value) error

	Retries     *int64  // retrierRetryCount
	CausedBy    string  // errorCausedByState; "" for none
	FailedItems *int64  // mapIterationFailureCount
	ReaderData  *string // mapItemReaderData
}

// Mock is the outcome that a Task, Map or Parallel state is said to have. Exactly one field must be set.
type Mock struct {
	Result *string
	Error  *MockError
}

// MockError is a mocked failure. Name must be set.
type MockError struct{ Name, Cause *string }

// TestResult is what became of a state that was tried.
type TestResult = interp.TestResult

const (
	// aloneName is what AWS calls a state whose definition has no name.
	aloneName = "StateName"
	// longestTest is how long a state may take (API reference, TestState).
	longestTest = 5 * time.Minute
)

// test is one call of TestState.
type test struct {
	s     *Service
	scope Scope
	in    TestInput
	state *asl.State
	mock  value.Value // the mocked result; Absent for none
	sent  []value.Member
}

const opTestState = "workflows.TestState"

// refusef is a request that AWS refuses with a ValidationException.
func refusef(format string, args ...any) error {
	return fault.Invalidf(opTestState, "request", format, args...)
}

// TestState tries one state with an input, without an execution (API reference, TestState). It takes as long as the state
// does, five minutes at most.
func (s *Service) TestState(ctx context.Context, sc Scope, in TestInput) (*TestResult, error) {
	if in.RoleARN != "" && !isRole(in.RoleARN) {
		return nil, fault.Invalidf(opTestState, "arn", "Invalid Role Arn: '%s'", in.RoleARN)
	}
	m, state, err := stateToTest(in.Definition, in.StateName)
	if err != nil {
		return nil, err
	}
	t := &test{s: s, scope: sc, in: in, state: state}
	if in.Mock == nil {
		err = t.checkReal()
	} else {
		err = t.checkMock()
	}
	if err != nil {
		return nil, err
	}
	c := interp.TestConfig{Machine: m, State: state, Identity: testIdentity(sc, in.RoleARN), ReaderData: in.ReaderData}
	rand.Read(c.Seed[:])
	if in.Retries != nil {
		c.Retries = *in.Retries
	}
	if in.FailedItems != nil {
		c.FailedItems = *in.FailedItems
	}
	if c.Input, err = parseInput(opTestState, in.Input); err != nil {
		return nil, err
	}
	if c.Variables, err = objectOf("Variables", in.Variables); err != nil {
		return nil, err
	}
	if c.Context, err = objectOf("Context object", in.Context); err != nil {
		return nil, err
	}
	if why := badContext(c.Context); why != "" {
		return nil, refusef("Invalid Context object provided: %s", why)
	}
	return t.try(ctx, interp.NewTest(c, time.Now()))
}

// isRole reports whether a text is the ARN of a role.
func isRole(text string) bool {
	a, err := arn.Parse(text)
	return err == nil && a.Service == "iam" && strings.HasPrefix(a.Resource, "role/")
}

// try takes the state to its end.
func (t *test) try(ctx context.Context, x *interp.Test) (*TestResult, error) {
	ctx, cancel := context.WithTimeout(ctx, longestTest)
	defer cancel()
	switch {
	case !x.Until().IsZero():
		if err := sleep(ctx, time.Until(x.Until())); err == nil {
			x.Elapsed()
		} else if err := t.late(ctx, x); err != nil {
			return nil, err
		}
	case !x.Wants():
	case t.in.FailedItems != nil && *t.in.FailedItems > int64(x.Items()):
		return nil, refusef("Map iteration failure count must be less than or equal to the number of Map iterations")
	case t.in.Mock == nil:
		if err := t.perform(ctx, x); err != nil {
			return nil, err
		}
	case t.in.Mock.Error != nil:
		x.Fail(*t.in.Mock.Error.Name, valueOf(t.in.Mock.Error.Cause))
	default:
		x.Succeed(t.mock)
	}
	r := x.Result()
	r.Inspection = append(r.Inspection, t.sent...)
	return &r, nil
}

func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// sleep returns when d is over, or with an error when ctx is.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// late fails the state because it took too long, unless the caller has gone.
func (t *test) late(ctx context.Context, x *interp.Test) error {
	if ctx.Err() != context.DeadlineExceeded {
		return &fault.Error{Kind: fault.Canceled, Op: opTestState, Noun: "state", Name: t.state.Name, Err: ctx.Err()}
	}
	x.Fail(failure.Timeout, "")
	return nil
}

// perform does the task that the state calls for.
func (t *test) perform(ctx context.Context, x *interp.Test) error {
	id := uuid.New()
	task := &Task{RunTask: x.Task(), Scope: t.scope, RoleARN: t.in.RoleARN, RequestID: id, Inspected: t.in.Trace, Secrets: t.in.Secrets,
		origin: &origin{e: &Execution{ARN: id, Started: time.Now()}}} // it belongs to no execution: a trace of its own
	if task.Timeout > 0 && time.Duration(task.Timeout)*time.Second < longestTest {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(task.Timeout)*time.Second)
		defer cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := t.s.integration(task.Resource).Do(ctx, task)
	if out.Release != nil {
		defer out.Release()
	}
	t.sent = out.Inspection
	switch {
	case ctx.Err() != nil:
		return t.late(ctx, x)
	case out.Left || out.Open:
		return &fault.Error{Kind: fault.Canceled, Op: opTestState, Noun: "state", Name: task.State}
	case out.Failure != nil:
		x.Fail(out.Failure.Name, out.Failure.Cause)
	default:
		x.Succeed(out.Output)
	}
	return nil
}

// stateToTest parses the definition and finds the state in it.
func stateToTest(definition, name string) (*asl.Machine, *asl.State, error) {
	var m *asl.Machine
	var problems asl.Problems
	if name == "" {
		name = aloneName
		m, problems = asl.ParseState(definition, aloneName, asl.Options{})
	} else {
		m, problems = asl.Parse(definition, asl.Options{})
	}
	if m == nil || len(problems.Errors()) > 0 {
		return nil, nil, noDefinition("%s", problems.String())
	}
	i := slices.IndexFunc(m.All(), func(s *asl.State) bool { return s.Name == name })
	if i < 0 {
		return nil, nil, refusef("State not found in definition")
	}
	return m, m.All()[i], nil
}

// noDefinition is a definition that TestState does not take.
func noDefinition(format string, args ...any) error {
	return fault.Invalidf(opTestState, "definition", format, args...)
}

// checkReal refuses what AWS refuses without a mock.
func (t *test) checkReal() error {
	in, s := &t.in, t.state
	for _, only := range []struct {
		name string
		set  bool
	}{
		{"MapIterationFailureCount", in.FailedItems != nil}, {"MapItemReaderData", in.ReaderData != nil}, {"RetrierRetryCount", in.Retries != nil},
		{"ErrorCausedByState", in.CausedBy != ""}, {"Context", in.Context != nil},
	} {
		if only.set {
			return refusef("TestState does not support %s when a mock is not specified.", only.name)
		}
	}
	switch {
	case s.Type == asl.Map || s.Type == asl.Parallel:
		return noDefinition("TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]")
	case s.Type != asl.Task:
	case s.Task.Resource.Kind == asl.Activity || s.Task.Resource.Pattern != asl.RequestResponse:
		return noDefinition("TestState API does not support Activity tasks, .sync or .waitForTaskToken service integration patterns when a mock is not specified.")
	case in.RoleARN == "":
		return refusef("RoleArn must be specified when testing a Task state")
	}
	return nil
}

// checkMock refuses mocks that AWS refuses.
func (t *test) checkMock() error {
	in, m, s := &t.in, t.in.Mock, t.state
	switch {
	case (m.Result == nil) == (m.Error == nil):
		return refusef("A test mock should have only one of the following fields: [result, errorOutput].")
	case in.Secrets:
		return refusef("TestState does not support RevealSecrets when a mock is specified.")
	case s.Type != asl.Task && s.Type != asl.Map && s.Type != asl.Parallel:
		return refusef("State type '%s' is not supported when a mock is specified", s.Type)
	case m.Error != nil && m.Error.Name == nil:
		return refusef("Mocked errorOutput must have an error.")
	case in.FailedItems != nil && s.Type != asl.Map:
		return refusef("MapIterationFailureCount is only supported for Map states")
	case in.ReaderData != nil && (s.Type != asl.Map || s.Map.Reader == nil):
		return refusef("MapItemReaderData is only supported for Map states with an ItemReader")
	case in.CausedBy != "" && s.Type == asl.Task:
		return refusef("ErrorCausedByState is only supported for Map and Parallel states")
	case in.CausedBy != "" && !contains(s, in.CausedBy):
		return refusef("State '%s' of ErrorCausedByState not found in definition", in.CausedBy)
	case m.Result == nil:
		return nil
	}
	var err error
	if t.mock, err = value.Parse(*m.Result); err != nil {
		return refusef("Mocked result must be valid JSON")
	}
	switch s.Type {
	case asl.Parallel:
		if t.mock.Kind() != value.Array {
			return refusef("Mocked result must be an array.")
		}
		if t.mock.Len() != len(s.Branches) {
			return refusef("Mocked result must contain the same number of items as number of Parallel branches.")
		}
	case asl.Map:
		if s.Map.Writer != nil && s.Map.Writer.Resource.ARN != "" {
			if t.mock.Kind() != value.Object {
				return refusef("Mocked result must be an object.")
			}
		} else if t.mock.Kind() != value.Array {
			return refusef("Mocked result must be an array.")
		}
	case asl.Task:
		if in.CheckMock != nil {
			if err := in.CheckMock(s.Task.Resource, t.mock); err != nil {
				return refusef("Mock result schema validation error: %s", err)
			}
		}
	}
	return nil
}

// contains reports whether a Map or Parallel state has a state of that name inside, at any depth.
func contains(s *asl.State, name string) bool {
	inner := s.Branches
	if s.Map != nil {
		inner = []*asl.Flow{s.Map.Processor}
	}
	for _, f := range inner {
		for _, x := range f.Order {
			if x.Name == name || contains(x, name) {
				return true
			}
		}
	}
	return false
}

// testIdentity is an execution that is not there.
func testIdentity(sc Scope, role string) interp.Identity {
	machine, name := uuid.New(), uuid.New()
	return interp.Identity{ID: resource(sc, "express", machine+":"+name), Name: name, RoleARN: role,
		StateMachineID: resource(sc, "stateMachine", machine), StateMachineName: machine}
}

// objectOf is a text that must be a JSON object; Absent when it is nil.
func objectOf(what string, text *string) (value.Value, error) {
	if text == nil {
		return value.Value{}, nil
	}
	v, err := value.Parse(*text)
	if err != nil {
		return v, refusef("Invalid %s provided: %s", what, jacksonMessage(*text, err))
	}
	if v.Kind() != value.Object {
		return v, refusef("Invalid %s provided: must be an object", what)
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

// itemFields are those of Map.Item; Absent is any kind.
var itemFields = map[string]value.Kind{"Index": value.Number, "Value": value.Absent, "Key": value.String, "Source": value.String}

// badContext says what is wrong with a context object; "" for nothing.
func badContext(c value.Value) string {
	for name, part := range c.Members() {
		fields, ok := contextFields[name]
		if !ok {
			return fmt.Sprintf("Field '%s' is not allowed", name)
		}
		if why := badFields(name, part, fields); why != "" {
			return why
		}
		if item := part.Get("Item"); name == "Map" && !item.IsAbsent() {
			if why := badFields("Map.Item", item, itemFields); why != "" {
				return why
			}
		}
	}
	return ""
}

// badFields checks one object of the context object.
func badFields(path string, v value.Value, fields map[string]value.Kind) string {
	if v.Kind() != value.Object {
		return path + " must be an object"
	}
	for field, x := range v.Members() {
		kind, ok := fields[field]
		if !ok {
			return fmt.Sprintf("Field '%s' is not allowed", field)
		}
		if kind != value.Absent && x.Kind() != kind {
			return fmt.Sprintf("%s.%s must be %s", path, field, article(kind))
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
