package template_test

import (
	"fmt"
	"strings"
	"testing"

	"anthill/asl/jsonpath"
	"anthill/asl/template"
	"anthill/value"
)

// scope is a fixed one.
type scope struct{}

func (scope) Context() value.Value { return value.MustParse(`{"State":{"Name":"A"}}`) }
func (scope) Variable(name string) value.Value {
	if name == "v" {
		return value.MustParse(`{"x":[10,20]}`)
	}
	return value.Value{}
}
func (scope) Random() uint64 { return 0 }

func TestEval(t *testing.T) {
	env := jsonpath.Env{Input: value.MustParse(`{"a":1.0,"b":{"c":"x"},"n":null}`), Scope: scope{}}
	for _, tc := range []struct{ template, want string }{
		{`{"z.$":"$.a","y":"$.a","x":{"w.$":"$.b"},"v.$":"$$.State.Name","u.$":"$v.x[1]","t.$":"States.Format('{}', $.a)","n.$":"$.n"}`,
			`{"z":1.0,"y":"$.a","x":{"w":{"c":"x"}},"v":"A","u":20,"t":"1.0","n":null}`},
		{`[1,{"a.$":"$.a"},["$.a",{"b.$":"$.b.c"}]]`, `[1,{"a":1.0},["$.a",{"b":"x"}]]`},
		{`{"all.$":"$"}`, `{"all":{"a":1.0,"b":{"c":"x"},"n":null}}`},
		{`{"none.$":"$..zz"}`, `{"none":[]}`},
		{`{"a": 1,  "b":[ ]}`, `{"a":1,"b":[]}`}, {`"$.a"`, `"$.a"`}, {`null`, `null`}, {`{}`, `{}`},
		{`{"y.$":"$.x"}`, `States.Runtime: The JSONPath '$.x' specified for the field 'y.$' could not be found in the input '{"a":1.0,"b":{"c":"x"},"n":null}'`},
		{`{"q":[{"y.$":"$$.No"}]}`, `States.Runtime: The JSONPath '$$.No' specified for the field 'y.$' could not be found in the input '{"a":1.0,"b":{"c":"x"},"n":null}'`},
		{`{"y.$":"$w"}`, `States.Runtime: The JSONPath '$w' specified for the field 'y.$' could not be found in the input '{"a":1.0,"b":{"c":"x"},"n":null}'`},
		{`{"y.$":"States.MathAdd(1, $.b)"}`, `States.Runtime: The function 'States.MathAdd(1, $.b)' had the following error: Invalid arguments in States.MathAdd`},
	} {
		tpl, problems := template.Compile(value.MustParse(tc.template))
		if problems != nil {
			t.Errorf("%s: %v", tc.template, problems)
			continue
		}
		v, err := tpl.Eval(&env)
		got := v.String()
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s\n got %s\nwant %s", tc.template, got, tc.want)
		}
	}
}

func TestNullInput(t *testing.T) {
	e, err := template.CompileExpr("x.$", "$")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Eval(&jsonpath.Env{Input: value.NullValue}); err == nil || err.Error() != "States.Runtime: Unable to apply Path transformation to null or empty input." {
		t.Error(err)
	}
}

func TestProblems(t *testing.T) {
	_, problems := template.Compile(value.MustParse(`{"a.$":"a","b":{"c/d":[0,{"c.$":"States.No()"}]},"d.$":["$.x"],"e.$":"$.ok","f.$":"$.["}`))
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%s %s", p.At, p.Message))
	}
	want := []string{
		" The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call",
		"/b/c~1d/1 The value for the field 'c.$' must be a valid JSONPath or a valid intrinsic function call",
		" The value for the field 'd.$' must be a STRING that contains a JSONPath but was an ARRAY",
		" The value for the field 'f.$' must be a valid JSONPath or a valid intrinsic function call",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestVariables(t *testing.T) {
	tpl, _ := template.Compile(value.MustParse(`{"a.$":"$v.x","b":[{"c.$":"States.Array($w, $v)"}],"d":"$no"}`))
	if got := strings.Join(tpl.Variables(), " "); got != "v w" {
		t.Error(got)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`{"a.$":"$.a","b":[{"c.$":"States.Format('{}', $v)"}]}`, `{"a.$":1}`, `[["$"]]`, `{".$":"$$"}`} {
		f.Add(s)
	}
	env := jsonpath.Env{Input: value.MustParse(`{"a":1}`), Scope: scope{}}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := value.Parse(s)
		if err != nil {
			return
		}
		tpl, problems := template.Compile(v)
		out, err := tpl.Eval(&env)
		if len(problems) == 0 && (err == nil) == out.IsAbsent() {
			t.Fatalf("%s gives %v and %v", s, out, err)
		}
		if lit := tpl.Literal(); !lit.IsAbsent() && !value.Equal(lit, out) {
			t.Fatalf("%s is literal and gives %s", s, out)
		}
	})
}
