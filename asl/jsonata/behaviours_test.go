package jsonata_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"anthill/asl/jsonata"
	"anthill/value"
)

// TestBehaviours runs testdata/behaviours: a line is an expression, = and its result, or ! and its error's code. A line
// that is a JSON document of its own is the input from there on; a blank line takes it away; # begins a comment.
// All is in the dialect of Step Functions.
func TestBehaviours(t *testing.T) {
	files, _ := filepath.Glob("testdata/behaviours/*.txt")
	if len(files) == 0 {
		t.Fatal("no behaviours")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			var input value.Value
			for i, line := range strings.Split(string(text), "\n") {
				line = strings.TrimSpace(line)
				if line == "" || line[0] == '#' {
					if line == "" {
						input = value.Value{}
					}
					continue
				}
				eq, bang := strings.LastIndex(line, " = "), strings.LastIndex(line, " ! ")
				if doc, err := value.Parse(line); err == nil && eq < 0 {
					input = doc
					continue
				}
				at := max(eq, bang)
				checkBehaviour(t, i+1, strings.TrimSpace(line[:at]), line[at+1], strings.TrimSpace(line[at+3:]), input)
			}
		})
	}
}

func checkBehaviour(t *testing.T, line int, expr string, sign byte, want string, input value.Value) {
	var got value.Value
	e, err := jsonata.CompileStates(expr)
	if err == nil {
		got, err = e.Eval(jsonata.Env{Input: input})
	}
	var fault *jsonata.Error
	switch {
	case sign == '!' && (!errors.As(err, &fault) || fault.Code != want):
		t.Errorf("line %d: %s\n got %v, %v\nwant error %s", line, expr, got, err, want)
	case sign == '=' && err != nil:
		t.Errorf("line %d: %s\n got %v\nwant %s", line, expr, err, want)
	case sign == '=' && want == "undefined" && !got.IsAbsent():
		t.Errorf("line %d: %s\n got %s\nwant undefined", line, expr, got)
	case sign == '=' && want != "undefined" && got.String() != want:
		t.Errorf("line %d: %s\n got %s\nwant %s", line, expr, got, want)
	}
}
