package interp_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/value"
)

// TestRecordedStates tries the states that were tried on AWS with TestState and a mocked outcome, when the recordings are
// there.
func TestRecordedStates(t *testing.T) {
	shared := os.Getenv("ANTHILL_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	fh, err := os.Open(filepath.Join(shared, "conformance", "stepfunctions", "test_state.jsonl"))
	if err != nil {
		t.Skip("no recorded cases here")
	}
	defer fh.Close()
	lines := bufio.NewScanner(fh)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		c := value.MustParse(lines.Text())
		id := c.Get("id").Text()
		keys := map[string]string{}
		for _, s := range c.Get("steps").Items() {
			if s.Get("op").Text() == "match" {
				keys[strings.Trim(s.Get("value").Text(), "${}")] = s.Get("key").Text()
			}
		}
		for _, s := range c.Get("steps").Items() {
			want := c.Get("expected").Get(keys[s.Get("id").Text()])
			if s.Get("op").Text() != "TestState" || want.Get("status").IsAbsent() {
				continue
			}
			t.Run(id[strings.LastIndex(id, "::")+2:]+"/"+keys[s.Get("id").Text()], func(t *testing.T) { tryState(t, s.Get("params"), want) })
		}
	}
}

func tryState(t *testing.T, p, want value.Value) {
	text := withoutTokens(p.Get("definition").Text())
	name := p.Get("stateName").Text()
	var m *asl.Machine
	var problems asl.Problems
	if name == "" {
		name = "StateName"
		m, problems = asl.ParseState(text, name, asl.Options{})
	} else {
		m, problems = asl.Parse(text, asl.Options{})
	}
	if m == nil {
		t.Fatal(problems)
	}
	who := identity
	who.ID = "arn:aws:states:us-east-1:111111111111:express:machine:run"
	config := interp.TestConfig{Machine: m, Identity: who, Input: parsed(p.Get("input"), "{}"), Context: parsed(p.Get("context"), ""),
		Variables: parsed(p.Get("variables"), "")}
	if data := p.Get("stateConfiguration").Get("mapItemReaderData"); !data.IsAbsent() {
		text := data.Text()
		config.ReaderData = &text
	}
	config.FailedItems, _ = p.Get("stateConfiguration").Get("mapIterationFailureCount").Int()
	for _, s := range m.All() {
		if s.Name == name {
			config.State = s
		}
	}
	test := interp.NewTest(config, epoch)
	if test.Wants() {
		mock := p.Get("mock")
		switch {
		case mock.IsAbsent():
			t.Skip("calls a function")
		case !mock.Get("result").IsAbsent():
			test.Succeed(parsed(mock.Get("result"), ""))
		default:
			test.Fail(mock.Get("errorOutput").Get("error").Text(), mock.Get("errorOutput").Get("cause").Text())
		}
	}
	r := test.Result()
	if r.Status != want.Get("status").Text() || r.Error != want.Get("error").Text() || r.Cause != want.Get("cause").Text() || r.Next != want.Get("nextState").Text() {
		t.Errorf("%s %q %q %q, want %s", r.Status, r.Error, r.Cause, r.Next, want)
	}
	shown := func(got, want value.Value) bool {
		if want.Kind() == value.String && !strings.HasPrefix(want.Text(), "{") {
			return got.Raw() == want.Text() || matches(got, want, true)
		}
		return matches(got, payload(want), true)
	}
	if out := want.Get("output"); out.IsAbsent() != r.Output.IsAbsent() || !out.IsAbsent() && !shown(r.Output, out) {
		t.Errorf("output %s, want %s", r.Output.Raw(), out)
	}
	if p.Get("inspectionLevel").Text() == "INFO" || p.Get("inspectionLevel").IsAbsent() {
		return
	}
	inspected := want.Get("inspectionData")
	seen := map[string]bool{}
	for _, m := range r.Inspection {
		seen[m.Key] = true
		if w := inspected.Get(m.Key); w.IsAbsent() || !shown(m.Value, w) && !(w.Kind() == value.Number && value.Equal(m.Value, w)) {
			t.Errorf("%s is %s, want %s", m.Key, m.Value.Raw(), w)
		}
	}
	for k := range inspected.Members() {
		if !seen[k] {
			t.Errorf("no %s", k)
		}
	}
}

func parsed(v value.Value, otherwise string) value.Value {
	if v.Kind() != value.String {
		if otherwise == "" {
			return value.Value{}
		}
		return value.MustParse(otherwise)
	}
	out, _ := value.Parse(withoutTokens(v.Text()))
	return out
}
