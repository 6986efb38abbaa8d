package workflows

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
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

// Integration does the tasks of one kind of resource.
type Integration interface {
	// Do does t and gives its outcome. It may block as long as the task takes; ctx ends when nobody wants the task any more.
	Do(ctx context.Context, t *Task) Outcome
}

// Checker is an Integration that looks at a task's parameters before the task is scheduled.
type Checker interface {
	// Check says in AWS's words what is wrong with them; nil when they can be used. It is a function of its argument.
	Check(parameters value.Value) (wrong []string)
}

// Task is one attempt of a task.
type Task struct {
	*interp.RunTask
	Scope     Scope
	Execution string // the execution's ARN
	RoleARN   string // of the state machine
	RequestID string // the same whenever this attempt is asked for: a service can tell that it did it already
	// Recovered says that the platform went down after the task was scheduled: it may have been handed over.
	Recovered bool
	// Inspected says that TestState wants to see what was sent and answered; Secrets that it may see secrets too.
	Inspected, Secrets bool

	r       *run
	origin  *origin   // whose trace it belongs to
	fetched bool      // a worker has it
	begun   time.Time // when it was begun to be done
	wanted  wanted
}

// Outcome is how a task ended.
type Outcome struct {
	Output  value.Value
	Failure *failure.Failure
	Stage   interp.Stage // how far a failed task came
	Started time.Time    // when it was handed over; zero when that is not known
	Open    bool         // it has not ended: an answer with its token will
	Side    []byte       // a record for the execution's stream
	Release func()       // called once the outcome is durable; may be nil
	Left    bool         // the platform is stopping; nothing is known

	// Inspection is what TestState shows of an HTTP task when it is Inspected: "request" and "response".
	Inspection []value.Member
}

// FailedWith makes the outcome of a task that failed.
func FailedWith(name, format string, args ...any) Outcome {
	return Outcome{Failure: failure.New(name, format, args...)}
}

// Submit records that the service has accepted the task (.sync, .waitForTaskToken) and returns when that is durable.
func (t *Task) Submit(output value.Value, started time.Time) error {
	told := make(chan error, 1)
	t.r.s.spawn(t.r.deliver(message{in: interp.TaskSubmission{Task: t.RunTask.Task, Output: output, Started: started}, after: func(err error) { told <- err }}))
	return <-told
}

// end says that nobody wants the task any more.
func (t *Task) end() {
	t.wanted.end()
	if t.Resource.Kind == asl.Activity {
		if a, ok := t.r.s.activity(t.Resource.ARN); ok {
			a.drop(waiting{t.Execution, t.RunTask.Task})
		}
	}
}

func (r *run) newTask(e *interp.RunTask, recovered bool) *Task {
	t := &Task{RunTask: e, Execution: r.e.ARN, RoleARN: r.e.RoleARN, Scope: r.scope, Recovered: recovered, r: r, origin: &r.origin}
	if text := e.Credentials.Get("RoleArn").Text(); text != "" {
		if role, err := arn.Parse(text); err == nil && role.Account != "" {
			t.Scope.Account = role.Account // the task is done as that role, in its account
		}
	}
	t.RequestID = r.requestID(e.Task)
	t.wanted.of = r.s.ctx
	return t
}

// requestID is the same whenever a task is asked for: it is made of what the execution's history has.
func (r *run) requestID(task uint64) string {
	b := make([]byte, 0, 256)
	b = append(b, r.e.ARN...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.e.Started.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, task)
	h := sha256.Sum256(b)
	return uuid.Of([16]byte(h[:16]))
}

// perform does a task and brings its outcome. What the execution does next, it does too.
func (r *run) perform(t *Task) work {
	by := r.mocked(t)
	turn := by == nil && t.callsFunction() && !t.Submitted
	if by == nil {
		by = r.s.integration(t.Resource)
	}
	if turn && !r.s.turns.take(&t.wanted, r.e.MachineARN) {
		return nil // nobody wants it any more
	}
	if t.Resource.Kind != asl.Activity {
		r.watch(t)
	}
	out := by.Do(&t.wanted, t)
	if turn {
		r.s.turns.give()
	}
	if out.Left || out.Open || r.s.ctx.Err() != nil {
		r.over(t)
		return nil // an answer will come, or the next start of the platform finds out
	}
	if out.Started.IsZero() {
		out.Started = t.begun
	}
	m := message{of: t, side: out.Side, release: out.Release}
	if f := out.Failure; f != nil {
		m.in = interp.TaskFailure{Task: t.RunTask.Task, Error: f.Name, Cause: f.Cause, Started: out.Started, Stage: out.Stage}
	} else {
		m.in = interp.TaskOutput{Task: t.RunTask.Task, Output: out.Output, Started: out.Started}
	}
	return r.deliver(m)
}

// callsFunction reports whether the task waits for a function.
func (t *Task) callsFunction() bool {
	return t.Resource.Kind == asl.LambdaFunction || t.Resource.Type() == "lambda"
}

// callsByARN reports whether the task's function is one that the definition names, called as the execution itself.
func (t *Task) callsByARN() bool {
	return t.Resource.Kind == asl.LambdaFunction && t.r != nil && t.Scope == t.r.scope
}

// integration finds who does tasks of a resource.
func (s *Service) integration(res asl.Resource) Integration {
	switch res.Kind {
	case asl.LambdaFunction:
		return lambdaTask{s}
	case asl.Activity:
		return activityTask{s}
	}
	if i := s.c.Integrations[res.Type()]; i != nil {
		return i
	}
	switch res.Type() {
	case "lambda":
		return lambdaInvoke{s}
	case "states":
		return nestedExecution{s}
	}
	if res.Kind == asl.SDK && s.c.SDK != nil {
		return s.c.SDK
	}
	if res.Kind == asl.Service && s.c.Services != nil {
		return s.c.Services
	}
	return missing{}
}

// refuse asks the integration of a resource whether it takes a task's parameters; "" is yes.
func (s *Service) refuse(res asl.Resource, parameters value.Value) string {
	if res.Kind == asl.Activity {
		if _, ok := s.activity(res.ARN); !ok {
			return "The activity " + res.ARN + " does not exist."
		}
		return ""
	}
	if c, ok := s.integration(res).(Checker); ok {
		if wrong := c.Check(parameters); len(wrong) > 0 {
			return "The Parameters '" + parameters.Compact().String() + "' could not be used to start the Task: [" + strings.Join(wrong, ", ") + "]"
		}
	}
	return ""
}

// missing stands for services that nobody serves here.
type missing struct{}

func (missing) Do(_ context.Context, t *Task) Outcome {
	return FailedWith(failure.TaskFailed, "The service %q is not part of this platform, and no endpoint is configured for it (resource %s).", t.Resource.Service, t.Resource.ARN)
}

// makeTaskToken makes a token that names its execution, so that whoever brings it needs no table.
func makeTaskToken(executionARN string, task uint64, random [16]byte) string {
	b := append([]byte{0, 1}, random[:]...)
	b = binary.AppendUvarint(b, task)
	return base64.StdEncoding.EncodeToString(append(b, executionARN...))
}

// taskOf gives the execution and the task that a token names.
func taskOf(token string) (executionARN string, task uint64, ok bool) {
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(b) < 20 || b[0] != 0 || b[1] != 1 {
		return "", 0, false
	}
	task, n := binary.Uvarint(b[18:])
	if n <= 0 || !arn.Is(string(b[18+n:])) {
		return "", 0, false
	}
	return string(b[18+n:]), task, true
}

// SendSuccess answers the task that token stands for; it returns when that is durable.
func (s *Service) SendSuccess(ctx context.Context, token, output string) error {
	const op = "workflows.SendSuccess"
	v, err := value.Parse(output)
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "output", Detail: "Invalid Output: '" + jacksonMessage(output, err) + "'"}
	}
	return s.sendAnswer(ctx, op, token, func(t *Task) interp.Input { return interp.TaskOutput{Task: t.RunTask.Task, Output: v} })
}

// SendFailure fails the task that token stands for; it returns when that is durable.
func (s *Service) SendFailure(ctx context.Context, token, errorName, cause string) error {
	return s.sendAnswer(ctx, "workflows.SendFailure", token, func(t *Task) interp.Input {
		return interp.TaskFailure{Task: t.RunTask.Task, Error: errorName, Cause: cause}
	})
}

// SendHeartbeat gives a sign of life of the task that token stands for.
func (s *Service) SendHeartbeat(ctx context.Context, token string) error {
	return s.sendAnswer(ctx, "workflows.SendHeartbeat", token, func(t *Task) interp.Input { return interp.Heartbeat{Task: t.RunTask.Task} })
}

func (s *Service) sendAnswer(ctx context.Context, op, token string, reply func(*Task) interp.Input) error {
	executionARN, task, ok := taskOf(token)
	if !ok {
		return badToken(op)
	}
	return fault.In(op, s.tell(ctx, executionARN, message{task: task, token: token, reply: reply}))
}
