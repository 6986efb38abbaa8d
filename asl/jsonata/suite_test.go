package jsonata_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/asl/jsonata"
	"anthill/value"
)

// suiteCase is one case of JSONata's own test suite, as testdata/jsonata-suite-2.0.6.jsonl has it.
type suiteCase struct {
	ID       string
	Expr     string
	Data     json.RawMessage
	Bindings map[string]json.RawMessage
	Want     struct {
		Value json.RawMessage
		Undef bool
		Code  *string
	}
	Depth int
}

// TestSuite passes JSONata's own test suite: values, undefined, and error codes.
func TestSuite(t *testing.T) {
	files := []string{"testdata/jsonata-suite-2.0.6.jsonl"}
	for _, dir := range []string{os.Getenv("ANTHILL_SHARED"), "../../../shared"} {
		if path := filepath.Join(dir, "jsonata", "cases-v2.0.6.jsonl"); dir != "" {
			if _, err := os.Stat(path); err == nil {
				files = append(files, path)
				break
			}
		}
	}
	for _, file := range files {
		passed, total := 0, 0
		for _, c := range readSuite(t, file) {
			total++
			if t.Run(c.ID, func(t *testing.T) { c.check(t) }) {
				passed++
			}
		}
		t.Logf("%s: passed %d of %d cases", file, passed, total)
		if total < 1625 {
			t.Errorf("%s has %d cases, want 1625", file, total)
		}
	}
}

func readSuite(t testing.TB, file string) []suiteCase {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []suiteCase
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		var c suiteCase
		// Half a surrogate pair cannot be in a Go string; as an escape of JSONata's own it means the same.
		line := bytes.ReplaceAll(sc.Bytes(), []byte(`\ud800'`), []byte(`\\ud800'`))
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

func (c suiteCase) env() jsonata.Env {
	env := jsonata.Env{Now: time.Date(2024, 3, 5, 10, 20, 30, 0, time.UTC), Limits: jsonata.Limits{Levels: c.Depth}}
	if c.Data != nil {
		env.Input = value.MustParse(string(c.Data))
	}
	for name, v := range c.Bindings {
		if env.Bindings == nil {
			env.Bindings = map[string]value.Value{}
		}
		env.Bindings[name] = value.MustParse(string(v))
	}
	return env
}

func (c suiteCase) check(t *testing.T) {
	expr, err := jsonata.Compile(c.Expr)
	var got value.Value
	if err == nil {
		got, err = expr.Eval(c.env())
	}
	var fault *jsonata.Error
	if err != nil && !errors.As(err, &fault) {
		t.Fatalf("%s: error is no *Error: %v", c.Expr, err)
	}
	switch {
	case c.Want.Undef:
		if err != nil || !got.IsAbsent() {
			t.Errorf("%s\n got %v, %v\nwant undefined", c.Expr, got, err)
		}
	case c.Want.Value != nil:
		if want := value.MustParse(string(c.Want.Value)); err != nil || !alike(got, want) {
			t.Errorf("%s\n got %v, %v\nwant %v", c.Expr, got, err, want)
		}
	case err == nil:
		t.Errorf("%s\n got %v\nwant an error", c.Expr, got)
	case c.Want.Code != nil && fault.Code != *c.Want.Code:
		t.Errorf("%s\n got %v\nwant %s", c.Expr, err, *c.Want.Code)
	}
}

// alike compares as the suite's own runner does: numbers may differ in the last digit.
func alike(a, b value.Value) bool {
	if a.Kind() == value.Number && b.Kind() == value.Number {
		x, y := a.Float(), b.Float()
		return x == y || math.Abs(x-y) <= 1e-15*math.Abs(y)
	}
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false
	}
	switch a.Kind() {
	case value.Array:
		for i, x := range a.Items() {
			if !alike(x, b.Index(i)) {
				return false
			}
		}
		return true
	case value.Object:
		for k, x := range a.Members() {
			if !alike(x, b.Get(k)) {
				return false
			}
		}
		return true
	}
	return strings.Compare(a.String(), b.String()) == 0
}
