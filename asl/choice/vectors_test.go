package choice_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"anthill/asl/choice"
	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/asl/template"
	"anthill/value"
)

// scope is a fixed one.
type scope struct {
	context value.Value
	vars    map[string]value.Value
}

func (s *scope) Context() value.Value             { return s.context }
func (s *scope) Variable(name string) value.Value { return s.vars[name] }
func (s *scope) Random() uint64                   { return 4 }

// TestVectors runs those recorded state machines that have Pass, Choice, Succeed and Fail states in JSONPath only, with
// an interpreter of one screen. The recordings lie beside the checkout, or where ANTHILL_SHARED says; without them the
// test has nothing to do.
func TestVectors(t *testing.T) {
	dir := os.Getenv("ANTHILL_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	files, _ := filepath.Glob(filepath.Join(dir, "conformance/vectors/*.jsonl"))
	if len(files) == 0 {
		t.Skip("no recordings")
	}
	passed, run, total := 0, 0, 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Buffer(nil, 1<<20); lines.Scan(); {
			v := value.MustParse(lines.Text())
			total++
			if !simple(v) {
				continue
			}
			run++
			if got, want := play(v), outcome(v); got == want {
				passed++
			} else {
				t.Errorf("%s\n got %s\nwant %s", v.Get("id").Text(), got, want)
			}
		}
		f.Close()
	}
	t.Logf("passed %d of %d (of %d recorded, the others need more of an interpreter)", passed, run, total)
}

// simple reports whether the little interpreter below can run the vector.
func simple(v value.Value) bool {
	d := v.Get("definition")
	text := d.String()
	for _, kind := range []string{"Task", "Map", "Parallel", "Wait"} {
		if strings.Contains(text, `"Type":"`+kind+`"`) {
			return false
		}
	}
	return !strings.Contains(text, "JSONata") && !v.Get("masked").Bool() && !v.Get("context_object").Bool() && !strings.Contains(text, "States.UUID")
}

func outcome(v value.Value) string {
	if v.Get("expected_status").Text() != "SUCCEEDED" {
		return "error " + v.Get("expected_error").Text() + ": " + v.Get("expected_cause").Text()
	}
	return canonical(v.Get("expected_output"))
}

// canonical prints v with its keys in order. Recorded text inside text is not looked into.
func canonical(v value.Value) string {
	switch v.Kind() {
	case value.Object:
		parts := make(map[string]string)
		for k, x := range v.Members() {
			parts[k] = canonical(x)
		}
		return fmt.Sprint(parts)
	case value.Array:
		var parts []string
		for _, x := range v.Slice() {
			parts = append(parts, canonical(x))
		}
		return fmt.Sprintf("%q", parts)
	}
	return v.String()
}

// play runs the machine and prints its outcome.
func play(v value.Value) string {
	def := v.Get("definition")
	data, sc := v.Get("input"), &scope{context: value.OfObject(value.Member{Key: "Execution", Value: value.OfObject(value.Member{Key: "Input", Value: v.Get("input")})}), vars: map[string]value.Value{}}
	name, id := def.Get("StartAt").Text(), 2
	for {
		s := def.Get("States").Get(name)
		out, next, err := enter(s, data, sc)
		if f, ok := err.(*failure.Failure); ok {
			cause := f.Cause
			if s.Get("Type").Text() != "Fail" || f.Name == failure.Runtime {
				cause = fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). %s", name, id, cause)
			}
			return "error " + f.Name + ": " + cause
		} else if err != nil {
			return err.Error()
		}
		if next == "" {
			return canonical(out)
		}
		name, data, id = next, out, id+2
	}
}

func enter(s, raw value.Value, sc *scope) (out value.Value, next string, err error) {
	env := jsonpath.Env{Input: raw, Scope: sc}
	if env.Input, err = selectPath(s.Get("InputPath"), &env); err != nil {
		return out, "", err
	}
	switch s.Get("Type").Text() {
	case "Fail":
		f := failure.New(s.Get("Error").Text(), "%s", s.Get("Cause").Text())
		for field, to := range map[string]*string{"ErrorPath": &f.Name, "CausePath": &f.Cause} {
			if x := s.Get(field); !x.IsAbsent() {
				e, err := template.CompileExpr(field, x.Text())
				if err != nil {
					return out, "", err
				}
				v, err := e.Eval(&env)
				if err != nil {
					return out, "", err
				}
				*to = v.Text()
			}
		}
		return out, "", f
	case "Choice":
		if next, err = choose(s, &env); err != nil {
			return out, "", err
		}
		return env.Input, next, nil
	case "Succeed":
		out, err = selectPath(s.Get("OutputPath"), &env)
		return out, "", err
	}
	result := env.Input
	if x := s.Get("Parameters"); !x.IsAbsent() {
		if result, err = fill(x, &env); err != nil {
			return out, "", err
		}
	}
	if x := s.Get("Result"); !x.IsAbsent() {
		result = x
	}
	assigned := value.Value{}
	if x := s.Get("Assign"); !x.IsAbsent() {
		if assigned, err = fill(x, &jsonpath.Env{Input: result, Scope: sc}); err != nil {
			return out, "", err
		}
	}
	merged := result
	if x := s.Get("ResultPath"); x.IsNull() {
		merged = raw
	} else if !x.IsAbsent() {
		r, err := jsonpath.CompileRef(x.Text())
		if err != nil {
			return out, "", err
		}
		if merged, err = r.Set(raw, result); err != nil {
			return out, "", err
		}
	}
	out, err = selectPath(s.Get("OutputPath"), &jsonpath.Env{Input: merged, Scope: sc})
	for k, x := range assigned.Members() {
		sc.vars[k] = x
	}
	return out, s.Get("Next").Text(), err
}

func selectPath(path value.Value, env *jsonpath.Env) (value.Value, error) {
	switch path.Kind() {
	case value.Absent:
		return env.Input, nil
	case value.Null:
		return value.OfObject(), nil
	}
	p, err := jsonpath.Compile(path.Text())
	if err != nil {
		return value.Value{}, err
	}
	return p.Eval(env)
}

func fill(v value.Value, env *jsonpath.Env) (value.Value, error) {
	t, problems := template.Compile(v)
	if problems != nil {
		return value.Value{}, fmt.Errorf("%v", problems)
	}
	return t.Eval(env)
}

func choose(s value.Value, env *jsonpath.Env) (string, error) {
	for _, x := range s.Get("Choices").Slice() {
		r, problems := choice.Compile(x)
		if problems != nil {
			return "", fmt.Errorf("%v", problems)
		}
		if ok, err := r.Eval(env); err != nil || ok {
			return x.Get("Next").Text(), err
		}
	}
	if d := s.Get("Default").Text(); d != "" {
		return d, nil
	}
	return "", failure.New(failure.NoChoiceMatched, "")
}
