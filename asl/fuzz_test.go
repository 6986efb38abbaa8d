package asl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"anthill/asl"
)

// FuzzParse shows that no text makes Parse panic, and that what it takes it takes again from its own printing.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range txtar.Parse(text).Files {
			f.Add(string(part.Data))
			f.Add(`{"StartAt": "A", "States": ` + string(part.Data) + `}`)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, problems := asl.Parse(text, asl.Options{})
		if m == nil {
			if len(problems.Errors()) == 0 || problems.String() == "" {
				t.Fatal("refused without a problem")
			}
			return
		}
		if again, problems := asl.Parse(m.Definition().String(), asl.Options{}); again == nil {
			t.Fatalf("refused when printed: %s", problems)
		}
		m.VariableReferences()
	})
}

// TestBigDefinitions shows that a definition of 1 MB, a path of 10,000 steps and flows nested without end are dealt with.
func TestBigDefinitions(t *testing.T) {
	big := `{"StartAt": "A", "Comment": "` + strings.Repeat("x", asl.MaxDefinition) + `", "States": {"A": {"Type": "Succeed"}}}`
	if m, _ := asl.Parse(big, asl.Options{}); m != nil {
		t.Error("a definition of more than 1 MB is taken")
	}
	many := `{"StartAt": "S", "States": {"S": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "S"}], "Default": "S"}` +
		strings.Repeat(`, "x": "comment"`, 30000) + `}}`
	if _, problems := asl.Parse(many, asl.Options{}); len(problems) != 1 {
		t.Error(problems)
	}
	path := `{"StartAt": "A", "States": {"A": {"Type": "Pass", "InputPath": "$` + strings.Repeat(".a", 10000) + `", "End": true}}}`
	asl.Parse(path, asl.Options{})
	nested := strings.Repeat(`{"StartAt": "A", "States": {"A": {"Type": "Parallel", "End": true, "Branches": [`, 200) + strings.Repeat(`]}}}`, 200)
	if m, problems := asl.Parse(nested, asl.Options{}); m != nil || !strings.Contains(problems.String(), "TOO_DEEPLY_NESTED") {
		t.Error(problems)
	}
}
