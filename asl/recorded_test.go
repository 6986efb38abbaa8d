package asl_test

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"anthill/asl"
	"anthill/value"
)

// recordings gives the recorded programs of a file, when they lie beside the checkout or ANTHILL_SHARED names their place.
func recordings(t *testing.T, pattern string) []value.Value {
	t.Helper()
	shared := os.Getenv("ANTHILL_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	files, _ := filepath.Glob(filepath.Join(shared, "conformance", "stepfunctions", pattern))
	if len(files) == 0 {
		t.Skip("no recorded cases here")
	}
	var out []value.Value
	for _, file := range files {
		fh, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer fh.Close()
		lines := bufio.NewScanner(fh)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			out = append(out, value.MustParse(lines.Text()))
		}
	}
	return out
}

var token = regexp.MustCompile(`\$\{[^}]*\}`)

func withoutTokens(s string) string {
	return token.ReplaceAllStringFunc(s, func(t string) string {
		switch {
		case strings.Contains(t, "unctionArn") || strings.Contains(t, "split"):
			return "arn:aws:lambda:us-east-1:111111111111:function:f"
		case strings.Contains(t, "activityArn"):
			return "arn:aws:states:us-east-1:111111111111:activity:a"
		}
		return "x"
	})
}

// TestRecordedDefinitions parses every definition that AWS took or refused, and compares its words where they were
// recorded.
func TestRecordedDefinitions(t *testing.T) {
	for _, c := range append(recordings(t, "*.jsonl"), recordings(t, "../extra/stepfunctions.jsonl")...) {
		if strings.Contains(c.Get("id").Text(), "/test_state/") {
			continue
		}
		expected := c.Get("expected").String()
		for _, s := range c.Get("steps").Items() {
			op := s.Get("op").Text()
			def := s.Get("params").Get("definition")
			if op != "CreateStateMachine" || def.Kind() != value.String {
				continue
			}
			_, problems := asl.Parse(withoutTokens(def.Text()), asl.Options{Express: s.Get("params").Get("type").Text() == "EXPRESS"})
			refused := len(problems.Errors()) > 0
			recorded := strings.Contains(expected, "InvalidDefinition") && !s.Get("expect_error").IsAbsent() || strings.Contains(expected, "Invalid State Machine Definition")
			switch {
			case refused && !recorded:
				t.Errorf("%s: AWS takes it, not so we: %s", c.Get("id").Text(), problems)
			case !refused && recorded:
				t.Errorf("%s: AWS refuses it, we do not", c.Get("id").Text())
			case refused && !strings.Contains(strings.ReplaceAll(expected, "<partition>", "aws"), quotedJSON(problems.String())) && token.FindString(def.Text()) == "":
				t.Errorf("%s: other words: %s\n%s", c.Get("id").Text(), problems, expected)
			}
		}
	}
}

func quotedJSON(s string) string {
	q := value.OfString(s).String()
	return q[1 : len(q)-1]
}

// TestRecordedDiagnostics compares what ValidateStateMachineDefinition says.
func TestRecordedDiagnostics(t *testing.T) {
	for _, c := range recordings(t, "sfn_api_validation.jsonl") {
		want := c.Get("expected").Get("validation_response").Get("diagnostics")
		for _, s := range c.Get("steps").Items() {
			if s.Get("op").Text() != "ValidateStateMachineDefinition" || want.IsAbsent() {
				continue
			}
			_, problems := asl.Parse(s.Get("params").Get("definition").Text(), asl.Options{Express: s.Get("params").Get("type").Text() == "EXPRESS"})
			var got []value.Value
			for _, p := range problems {
				got = append(got, value.OfObject(
					value.Member{Key: "severity", Value: value.OfString(p.Severity.String())},
					value.Member{Key: "code", Value: value.OfString(p.Code)},
					value.Member{Key: "message", Value: value.OfString(p.Message)},
					value.Member{Key: "location", Value: value.OfString(p.Location)}))
			}
			if !value.Equal(value.OfArray(got...), want) {
				t.Errorf("%s:\n%s\nwant\n%s", c.Get("id").Text(), value.OfArray(got...), want)
			}
		}
	}
}

// TestRecordedVariables compares variableReferences of DescribeStateMachine.
func TestRecordedVariables(t *testing.T) {
	for _, c := range recordings(t, "sfn_api_variable_references.jsonl") {
		for _, s := range c.Get("steps").Items() {
			if s.Get("op").Text() != "CreateStateMachine" {
				continue
			}
			m, problems := asl.Parse(s.Get("params").Get("definition").Text(), asl.Options{})
			if m == nil {
				t.Fatal(problems)
			}
			got := value.MustParse("{}")
			for _, r := range m.VariableReferences() {
				var names []value.Value
				for _, n := range r.Variables {
					names = append(names, value.OfString(n))
				}
				got = got.With(r.State, value.OfArray(names...))
			}
			for k, e := range c.Get("expected").Members() {
				if want := e.Get("variableReferences"); !want.IsAbsent() && !value.Equal(got, want) {
					t.Errorf("%s %s: %s, want %s", c.Get("id").Text(), k, got, want)
				}
			}
		}
	}
}
