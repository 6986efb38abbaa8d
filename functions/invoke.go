package functions

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"anthill/fault"
	"anthill/sandbox"
	"anthill/uuid"
)

// Mode is how an invocation is waited for.
type Mode uint8

const (
	Sync   Mode = iota // wait for the outcome
	Queued             // accept durably, run later, retry
	DryRun             // check only
)

// Limits of payloads, in bytes (AWS: Lambda quotas).
const (
	maxSyncPayload   = 6 << 20
	maxQueuedPayload = 1 << 20
)

// Limits of what goes to a function beside its payload, in bytes.
const (
	maxTrace         = 4096 // a longer trace header is no trace header
	maxClientContext = 3583 // encoded (AWS: Invoke)
)

// Invocation is a request to run a function.
type Invocation struct {
	Ref
	Callee        *Callee // instead of Ref, for a function that is called again and again
	Checked       bool    // Payload is JSON for certain
	Mode          Mode
	RequestID     string // "" makes one
	Payload       []byte // JSON; empty means {}
	Arrived       int64  // when its request came in by a door, nanoseconds since 1970; 0 means now
	TraceID       string
	ClientContext string
	LogTail       bool
	ForceCold     bool   // start a fresh environment for it, whatever is idle: for cold-start experiments
	Method        string // with ForceCold: how to start it, as sandbox.Invocation.Method
	// Keep asks that the outcome stay with its environment until Result.Release is called. Callers that must flush
	// the outcome before it is safe set it; for the others Invoke has released already and Release does nothing.
	Keep bool
	// Stream takes the pieces of an answer while the function still runs, as sandbox.Invocation.Stream does, with the
	// version that gives it.
	Stream func(version, contentType string, piece []byte)
}

// Result is an invocation's outcome, with the version that ran.
type Result struct {
	*sandbox.Result
	ExecutedVersion string
	FunctionARN     string // of what ran, qualified as it was invoked
	TraceID         string // X-Amzn-Trace-Id value that the function saw, but for its lineage
}

// Invoke runs a function. Unknown functions, throttling and broken requests are faults (noun "function"). A queued or
// dry invocation's Result has a request id and no outcome.
func (s *Service) Invoke(ctx context.Context, inv Invocation) (*Result, error) {
	const op = "functions.Invoke"
	t, err := s.called(op, &inv)
	if err != nil {
		return nil, err
	}
	if err := checkPayload(op, &inv); err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodedLen(len(inv.ClientContext)) > maxClientContext {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: noun, Name: inv.Name, Reason: ReasonContent,
			Detail: fmt.Sprintf("Client context must be at most %d bytes.", maxClientContext)}
	}
	if inv.RequestID == "" {
		inv.RequestID = uuid.New()
	}
	if inv.TraceID == "" || len(inv.TraceID) > maxTrace {
		inv.TraceID = newTraceID()
	}
	if len(inv.Payload) == 0 {
		inv.Payload = []byte("{}")
	}
	if inv.Arrived <= 0 {
		inv.Arrived = time.Now().UnixNano()
	}
	switch inv.Mode {
	case DryRun:
		return answered(t, inv.RequestID), nil
	case Sync:
		if err := t.recursive(op, inv.TraceID); err != nil {
			return nil, err
		}
	case Queued: // a loop is ended by the queue
		if err := s.queue.accept(t, &inv); err != nil {
			return nil, fault.In(op, err)
		}
		return answered(t, inv.RequestID), nil
	}
	return s.run(ctx, t.pick(), &inv)
}

// run takes a concurrency slot and runs inv in an environment of t.
func (s *Service) run(ctx context.Context, t *target, inv *Invocation) (*Result, error) {
	const op = "functions.Invoke"
	if t.unready != nil {
		return nil, t.unready
	}
	if err := s.ready(ctx, op, t); err != nil {
		return nil, err
	}
	held, reason := t.gauge.take()
	if reason != "" {
		return nil, &fault.Error{Kind: fault.Throttled, Op: op, Noun: noun, Name: t.spec.FunctionName, Reason: reason, Detail: "Rate Exceeded."}
	}
	var stream func(string, []byte)
	if inv.Stream != nil {
		stream = func(kind string, piece []byte) { inv.Stream(t.spec.Version, kind, piece) }
	}
	trace := inv.TraceID + t.first
	if strings.Contains(inv.TraceID, "Lineage=") || strings.Contains(inv.TraceID, "%") {
		_, trace = lineage(inv.TraceID, t.name)
	}
	out, err := s.c.Pool.Invoke(ctx, t.spec, sandbox.Invocation{Stream: stream, RequestID: inv.RequestID, Payload: inv.Payload, InvokedARN: t.arn,
		TraceID: trace, ClientContext: inv.ClientContext, LogTail: inv.LogTail, Keep: inv.Keep, ForceCold: inv.ForceCold, Method: inv.Method})
	t.gauge.give(held)
	if err != nil {
		return nil, fault.In(op, err)
	}
	out.Phases.Arrived = inv.Arrived
	s.recorder.add(t.alias, inv, out)
	if out.Unrestored && inv.Mode == Sync { // of a queued one it is an outcome like any other
		out.Release()
		return nil, unrestored(op, t.spec.FunctionName, out)
	}
	if !inv.Keep {
		out.Release()
		out.Release = func() {}
	}
	return &Result{Result: out, ExecutedVersion: t.spec.Version, FunctionARN: t.arn, TraceID: inv.TraceID}, nil
}

// Adopt finds the invocation of that id after a restart of the platform, in the environments that lived on: it waits
// while it runs. found is false when nobody knows it, which means that the machine went down with it. The outcome is
// kept until Result.Release. FunctionARN names the version, for an environment does not know by what alias it was asked.
func (s *Service) Adopt(ctx context.Context, requestID string) (r *Result, found bool, err error) {
	out, found, err := s.c.Pool.Adopt(ctx, requestID)
	if err != nil || !found {
		return nil, false, fault.In("functions.Adopt", err)
	}
	s.recorder.add("", &Invocation{}, out)
	ran := Ref{out.Spec.Account, out.Spec.Region, out.Spec.FunctionName, out.Spec.Version}
	return &Result{Result: out, ExecutedVersion: ran.Qualifier, FunctionARN: ran.ARN()}, true, nil
}

// NeverSent reports, once Adopt found nothing, whether it is certain that the invocation, which was decided on at the instant
// since, never reached an environment.
func (s *Service) NeverSent(ctx context.Context, requestID string, since time.Time) bool {
	return s.c.Pool.NeverSent(ctx, requestID, since)
}

func answered(t *target, requestID string) *Result {
	return &Result{Result: &sandbox.Result{RequestID: requestID, Release: func() {}}, ExecutedVersion: t.spec.Version, FunctionARN: t.arn}
}

// checkPayload refuses what is too large or no JSON.
func checkPayload(op string, inv *Invocation) error {
	limit, payload := maxSyncPayload, inv.Payload
	if inv.Mode == Queued {
		limit = maxQueuedPayload
	}
	if len(payload) > limit {
		return &fault.Error{Kind: fault.TooLarge, Op: op, Noun: noun,
			Detail: fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit)}
	}
	if len(payload) == 0 || inv.Checked || jsontext.Value(payload).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Op: op, Noun: noun, Reason: ReasonContent,
		Detail: "Could not parse request body into json: Could not parse payload into json: " + jsonTrouble(payload)}
}

// jsonTrouble says where payload stops being JSON, in the manner of the parser that AWS uses.
func jsonTrouble(payload []byte) string {
	var v any
	err := json.Unmarshal(payload, &v)
	at, what := len(payload), "Unexpected end-of-input"
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && int(syntax.Offset) <= len(payload) && syntax.Offset > 0 {
		at = int(syntax.Offset)
		if c := payload[at-1]; syntax.Error() != "unexpected end of JSON input" {
			what = fmt.Sprintf("Unexpected character ('%c' (code %d))", c, c)
		}
	}
	line, column := 1, 1
	for _, c := range payload[:max(at-1, 0)] {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return fmt.Sprintf("%s at [Source: (byte[])\"%.500s\"; line: %d, column: %d]", what, payload, line, column)
}

// target is what an invocation of one qualifier of one function needs to know, made when the function changes.
type target struct {
	spec  sandbox.Spec
	arn   string // as invoked
	gauge *gauge
	alias string // "" when the qualifier is none
	name  string // of the function in a trace header's lineage
	first string // what a trace header without a lineage gets
	loops bool   // it may call itself without end

	image   *Image // that it runs, when it is one
	unready error  // why it cannot be invoked now; nil when it can

	other  *target // where an alias sends a share of its traffic
	weight float64 // that share, 0 to 1
}

// pick follows an alias's routing (Lambda developer guide, "Implement Lambda canary deployments using a weighted alias").
func (t *target) pick() *target {
	if t.other != nil && mathrand.Float64() < t.weight {
		return t.other
	}
	return t
}

// Callee is a function as whoever calls it again and again keeps it: what its name means is looked up anew only after some
// function has changed. Any number of goroutines may use it.
type Callee struct {
	Ref
	known atomic.Pointer[known]
}

// known is what a name meant.
type known struct {
	*target
	edition uint64 // Service.edition before it was looked up
}

// called finds what inv is for.
func (s *Service) called(op string, inv *Invocation) (*target, error) {
	c := inv.Callee
	if c == nil {
		return s.target(op, inv.Ref)
	}
	inv.Ref = c.Ref
	edition := s.edition.Load()
	if k := c.known.Load(); k != nil && k.edition == edition {
		return k.target, nil
	}
	t, err := s.target(op, c.Ref)
	if err == nil {
		c.known.Store(&known{t, edition})
	}
	return t, err
}

// target finds what r names.
func (s *Service) target(op string, r Ref) (*target, error) {
	l, ok := s.find(r.Key())
	if !ok {
		return nil, missing(op, r)
	}
	t, ok := l.targets[r.Qualifier]
	if !ok {
		return nil, missing(op, r)
	}
	return t, nil
}

// targetsOf makes the targets of every qualifier of a function.
func (s *Service) targetsOf(l *live) map[string]*target {
	ts := make(map[string]*target, 2+len(l.Versions)+len(l.Aliases))
	add := func(qualifier, alias string, v *Version) *target {
		t := &target{spec: s.specOf(l.Function, v), arn: l.ref(qualifier).ARN(), gauge: l.gauge, alias: alias, image: v.Code.Image, unready: unready(l.Name, v),
			name: lineageName(l.Key()), first: ";Lineage=" + lineageName(l.Key()) + ":1", loops: l.RecursiveLoop == "Allow"}
		ts[qualifier] = t
		return t
	}
	add("", "", &l.Latest)
	add(Latest, "", &l.Latest)
	for _, v := range l.Versions {
		add(v.Number, "", v)
	}
	for name, a := range l.Aliases {
		v, ok := l.version(a.Version)
		if !ok {
			continue // its version was deleted; the alias then resolves to nothing, as on AWS
		}
		t := add(name, name, v)
		for number, weight := range a.Weights {
			if v, ok := l.version(number); ok {
				other := *t
				other.spec, other.image, other.unready = s.specOf(l.Function, v), v.Code.Image, unready(l.Name, v)
				t.other, t.weight = &other, weight
			}
		}
	}
	return ts
}

// specOf says what an environment of v runs.
func (s *Service) specOf(f *Function, v *Version) sandbox.Spec {
	set := &v.Settings
	digest := v.Code.Digest
	if v.Code.Image != nil {
		digest = ""
	}
	spec := sandbox.Spec{
		Key:          instanceKey(f.Key(), v),
		FunctionName: f.Name, Version: v.Number, ARN: f.Key().ARN(), Account: f.Account, Region: f.Region,
		Runtime: set.Runtime, RunsOn: set.RunsOn, Handler: set.Handler, CodeDir: s.codeDir(digest), Image: s.imageSpec(v),
		Endpoint: s.c.Endpoint,
		MemoryMB: set.MemoryMB, TmpMB: set.TmpMB, Timeout: time.Duration(set.Timeout) * time.Second,
		LogGroup: set.Logging.Group, LogFormat: set.Logging.Format,
		ApplicationLogLevel: set.Logging.ApplicationLevel, SystemLogLevel: set.Logging.SystemLevel,
		Credentials: s.credentials(f.Account, set.Role),
	}
	if s.c.LambdaCPU && f.Tags[TagCPU] != "all" || f.Tags[TagCPU] == "lambda" {
		spec.CPU = sandbox.CPUByMemory(set.MemoryMB)
	}
	if set.Environment != nil {
		spec.Environment = set.Environment.Variables
	}
	for _, l := range set.Layers {
		spec.Layers = append(spec.Layers, s.codeDir(l.Code.Digest))
	}
	if s.restores(f, v) {
		spec.InitializationType = sandbox.SnapStart
	}
	return spec
}

// credentials are what functions of that role sign their calls with.
func (s *Service) credentials(acct, role string) sandbox.Credentials {
	if s.c.Credentials != nil {
		c, err := s.c.Credentials(acct, role)
		if err == nil {
			return c
		}
		s.log.Warn("no credentials for a function's role; it gets a key that only names the account", "role", role, "err", err)
	}
	return sandbox.Credentials{AccessKeyID: acct, SecretAccessKey: "anthill", SessionToken: "anthill"}
}

// instanceKey names an instance of a version among all environments of the platform.
func instanceKey(k Key, v *Version) string { return k.path() + "/" + v.Number + "@" + v.Instance }

// newTraceID makes an X-Ray trace header for a request that came without one (X-Ray developer guide, "Tracing header").
func newTraceID() string {
	var b [20]byte
	_, _ = rand.Read(b[:])
	h := hex.EncodeToString(b[:])
	return "Root=1-" + strconv.FormatInt(time.Now().Unix(), 16) + "-" + h[:24] + ";Parent=" + h[24:40] + ";Sampled=0"
}
