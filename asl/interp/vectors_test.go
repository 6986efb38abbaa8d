package interp_test

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/value"
)

// TestVectors runs the language cases recorded from AWS, when they lie beside the checkout or ANTHILL_SHARED names their
// place. Each is a definition and an input with the outcome that AWS gave.
func TestVectors(t *testing.T) {
	shared := os.Getenv("ANTHILL_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	files, _ := filepath.Glob(filepath.Join(shared, "conformance", "vectors", "*.jsonl"))
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
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			vector, err := value.Parse(lines.Text())
			if err != nil {
				t.Fatal(err)
			}
			id := vector.Get("id").Text()
			t.Run(id[strings.LastIndex(id, "::")+2:], func(t *testing.T) { runVector(t, vector) })
		}
	}
}

func runVector(t *testing.T, vector value.Value) {
	m, problems := asl.Parse(vector.Get("definition").String(), asl.Options{Express: vector.Get("type").Text() == "EXPRESS"})
	if m == nil {
		t.Fatal(problems)
	}
	x := newExecution(m)
	run(t, x, vector.Get("input"))
	masked := vector.Get("masked").Bool() || vector.Get("time_sensitive").Bool() || strings.Contains(vector.Get("expected_output").String(), "generated-uuid")
	if got, want := x.Status().String(), vector.Get("expected_status").Text(); got != want {
		t.Fatalf("status %s, want %s\n%v", got, want, x.Failure())
	}
	if want := vector.Get("expected_output"); !want.IsAbsent() && !matches(x.Output(), want, masked) {
		t.Errorf("output\n%s\nwant\n%s", x.Output(), want)
	}
	fail := x.Failure()
	if want := vector.Get("expected_error"); !want.IsAbsent() && fail.Name != want.Text() {
		t.Errorf("error %q, want %q", fail.Name, want.Text())
	}
	if want := vector.Get("expected_cause"); !want.IsAbsent() && !matches(value.OfString(fail.Cause), want, masked) {
		t.Errorf("cause\n%s\nwant\n%s", fail.Cause, want.Text())
	}
}

var identity = interp.Identity{
	ID: "arn:aws:states:us-east-1:111111111111:execution:machine:run", Name: "run",
	RoleARN:        "arn:aws:iam::111111111111:role/role",
	StateMachineID: "arn:aws:states:us-east-1:111111111111:stateMachine:machine", StateMachineName: "machine",
}

func newExecution(m *asl.Machine) *interp.Execution { return interp.New(m, identity) }

var epoch = time.Date(2025, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

// run starts x and lets it run to its end; timers fire when they are due, tasks are not answered.
func run(t testing.TB, x *interp.Execution, input value.Value) []interp.Event {
	now := epoch
	events := x.Decide(interp.Start{Input: input, Seed: [16]byte{1}}, now)
	for !x.Done() {
		var first *interp.Timer
		for _, e := range x.Pending() {
			if timer, ok := e.(*interp.Timer); ok && (first == nil || timer.At.Before(first.At)) {
				first = timer
			}
		}
		if first == nil {
			t.Fatalf("stuck: owes %v", x.Pending())
		}
		now = first.At
		events = append(events, x.Decide(interp.TimerFired{Timer: first.Timer}, now)...)
	}
	return events
}

var placeholder = regexp.MustCompile(`<[^<>]*>`)

// matches compares as the recordings ask for: 1 and 1.0 differ; in masked cases placeholders stand for any text.
func matches(got, want value.Value, masked bool) bool {
	if masked && want.Kind() == value.String {
		w := want.Text()
		if w == "date" || strings.HasSuffix(w, "-time") || w == "snf_role_arn" || w == "timestamp" || w == "generated-uuid" {
			return got.Kind() == value.String
		}
		parts := placeholder.Split(w, -1)
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`).MatchString(plainText(got))
	}
	if got.Kind() != want.Kind() || got.Len() != want.Len() {
		return false
	}
	switch got.Kind() {
	case value.Object:
		for k, v := range want.Members() {
			if !matches(got.Get(k), v, masked) {
				return false
			}
		}
		return true
	case value.Array:
		for i, v := range want.Items() {
			if !matches(got.Index(i), v, masked) {
				return false
			}
		}
		return true
	}
	return got.String() == want.String()
}

func plainText(v value.Value) string {
	if v.Kind() == value.String {
		return v.Text()
	}
	return v.String()
}
