package jsonpath_test

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ohler55/ojg/jp"
	"github.com/ohler55/ojg/oj"

	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// scope is a fixed one.
type scope struct {
	context value.Value
	vars    map[string]value.Value
}

func (s scope) Context() value.Value             { return s.context }
func (s scope) Variable(name string) value.Value { return s.vars[name] }
func (s scope) Random() uint64                   { return 0 }

// TestDialect asks the questions in testdata/paths.txt.
func TestDialect(t *testing.T) {
	f, err := os.Open("testdata/paths.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var env jsonpath.Env
	path := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if doc, ok := strings.CutPrefix(line, "document "); ok {
			env.Input = value.MustParse(doc)
		} else if want, ok := strings.CutPrefix(line, "\t"); ok {
			if got := ask(path, &env); got != want {
				t.Errorf("%s\n got %s\nwant %s", path, got, want)
			}
		} else {
			path = line
		}
	}
}

func ask(path string, env *jsonpath.Env) string {
	p, err := jsonpath.Compile(path)
	if err != nil {
		return "refused"
	}
	mark := "i "
	if p.Definite() {
		mark = ""
	}
	v, err := p.Eval(env)
	if err != nil {
		return mark + "error: " + strings.TrimPrefix(err.Error(), "States.Runtime: Invalid path '"+path+"' : ")
	}
	return mark + v.String()
}

func TestRoots(t *testing.T) {
	env := jsonpath.Env{
		Input: value.MustParse(`{"a":1}`),
		Scope: scope{value.MustParse(`{"Execution":{"Id":"x"}}`), map[string]value.Value{"v": value.MustParse(`{"a":[1,2]}`), "größe_1": value.OfInt(7)}},
	}
	for _, tc := range []struct{ path, want string }{
		{"$.a", "1"}, {"$$.Execution.Id", `"x"`}, {"$v", `{"a":[1,2]}`}, {"$v.a[1]", "2"}, {"$v['a'][*]", "i [1,2]"}, {"$größe_1", "7"},
		{"$w", "error: No results for path: $w"}, {"$$.b", "error: No results for path: $['b']"},
		{"$1", "refused"}, {"$v-w", "refused"}, {"a", "refused"}, {"", "refused"}, {"$" + strings.Repeat("x", 81), "refused"},
		{`$['it\'s']`, `error: No results for path: $['it's']`}, {`$["a"]`, "1"},
	} {
		if got := ask(tc.path, &env); got != tc.want {
			t.Errorf("%s gives %s, want %s", tc.path, got, tc.want)
		}
	}
}

// A backslash before anything but the quote belongs to the name.
func TestBackslashInQuotes(t *testing.T) {
	env := jsonpath.Env{Input: value.OfObject(value.Member{Key: `Test\""Name"`, Value: value.OfInt(1)})}
	if got := ask(`$['Test\""Name"']`, &env); got != "1" {
		t.Error(got)
	}
}

func TestSet(t *testing.T) {
	for _, tc := range []struct{ root, path, want string }{
		{`{"a":1}`, "$", `9`},
		{`{"a":1}`, "$.b", `{"a":1,"b":9}`},
		{`{"a":1,"b":2}`, "$.a", `{"a":9,"b":2}`},
		{`{}`, "$.a.b.c", `{"a":{"b":{"c":9}}}`},
		{`{"a":[1,2]}`, "$.a[1]", `{"a":[1,9]}`},
		{`{"a":[1,2]}`, "$.a[2]", `{"a":[1,2,9]}`},
		{`{}`, "$.a[0]", `{"a":[9]}`},
		{`{"a":[{"b":1}]}`, "$.a[0].c", `{"a":[{"b":1,"c":9}]}`},
		{`{}`, "$['x y']['.']", `{"x y":{".":9}}`},
		{`{}`, `$.store\.book`, `{"store.book":9}`},
		{`{}`, `$.\stor\e.boo\k`, `{"store":{"book":9}}`},
		{`{}`, `$.foo\@bar.baz\[\[.\?pretty`, `{"foo@bar":{"baz[[":{"?pretty":9}}}`},
		{`"s"`, "$.a", `States.ReferencePathConflict: Unable to apply step "a" to input "s"`},
		{`{"a":"s"}`, "$.a.b", `States.ReferencePathConflict: Unable to apply step "b" to input {"a":"s"}`},
		{`{"a":[1]}`, "$.a[3]", `States.ReferencePathConflict: Unable to apply step "3" to input {"a":[1]}`},
		{`{"a":[1]}`, "$.a.b", `States.ReferencePathConflict: Unable to apply step "b" to input {"a":[1]}`},
	} {
		r, err := jsonpath.CompileRef(tc.path)
		if err != nil {
			t.Errorf("%s: %v", tc.path, err)
			continue
		}
		v, err := r.Set(value.MustParse(tc.root), value.OfInt(9))
		got := v.String()
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s in %s gives %s, want %s", tc.path, tc.root, got, tc.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, path := range []string{"", "a", "$.", "$.a[*]", "$.*", "$..a", "$.a[0:1]", "$.a[0,1]", "$.a[-1]", "$.a[?(@.b)]", "$.a b", "$.a[(@.length-1)]", "$['a','b']", "$.a()", `$.a\`, "$.a[", "$.length()"} {
		if _, err := jsonpath.CompileRef(path); err == nil {
			t.Errorf("%s is no reference path", path)
		}
	}
}

// TestBounds: long and greedy paths end, and say so.
func TestBounds(t *testing.T) {
	deep := value.MustParse(strings.Repeat(`{"a":`, 900) + "1" + strings.Repeat("}", 900))
	env := jsonpath.Env{Input: deep}
	for _, path := range []string{"$" + strings.Repeat(".a", 10_000), "$" + strings.Repeat("[0]", 10_000), "$" + strings.Repeat("[?(@.a)]", 10_000)} {
		p, err := jsonpath.Compile(path)
		if err != nil {
			t.Fatal(err)
		}
		p.Eval(&env)
	}
	for _, path := range []string{"$" + strings.Repeat("[?(@", 10_000), "$" + strings.Repeat("[", 100_000), "$" + strings.Repeat("[?((((", 10_000)} {
		if _, err := jsonpath.Compile(path); err == nil {
			t.Errorf("%.10s… compiles", path)
		}
	}
	p, _ := jsonpath.Compile("$" + strings.Repeat("..*", 6))
	var f *failure.Failure
	if _, err := p.Eval(&env); !errors.As(err, &f) || !strings.Contains(f.Cause, "too many") {
		t.Errorf("a greedy path gives %v", err)
	}
}

// TestSecondOpinion compares with another library where the dialects agree.
func TestSecondOpinion(t *testing.T) {
	doc := `{"a":{"b":[{"c":1,"d":"x"},{"c":2,"d":"y"},{"c":3,"d":"x"}]},"e":[[1,2],[3,4]],"f":{"c":4}}`
	parsed := oj.MustParseString(doc)
	env := jsonpath.Env{Input: value.MustParse(doc)}
	for _, path := range []string{"$.a.b[*].c", "$.e[*][*]", "$.a.b[0:2].d", "$.a.b[-2:].c", "$.a.b[?(@.c > 1)].d", "$.a.b[?(@.d == 'x')].c", "$.a.b[?(@.d == 'x' && @.c < 3)].c", "$.a.b[0,2].c"} {
		want := oj.JSON(jp.MustParseString(path).Get(parsed))
		if got := ask(path, &env); got != "i "+want {
			t.Errorf("%s gives %s, the other library %s", path, got, want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"$.a['b'][0]", "$$.x", "$v[?(@.a == 'x' || !@.b)]..c", "$..[0,1]", "$.a[(@.length-1)]", "$.a[1:2:3]", `$.a\.b`, "$[?(@.a =~ /x/i)]"} {
		f.Add(s)
	}
	env := jsonpath.Env{Input: value.MustParse(`{"a":{"b":[1,{"a":"x","c":null}],"c":[[1]]},"x":"1"}`), Scope: scope{vars: map[string]value.Value{"v": value.MustParse(`[{"a":1}]`)}}}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := jsonpath.Compile(s); err == nil {
			v, err := p.Eval(&env)
			if w := p.Lookup(&env); err == nil && !value.Equal(v, w) || err != nil && !w.IsAbsent() {
				t.Fatalf("%q: Eval gives %s (%v), Lookup %s", s, v, err, w)
			}
			if err == nil && !p.Definite() && v.Kind() != value.Array {
				t.Fatalf("%q is indefinite and gives %s", s, v)
			}
		}
		if r, err := jsonpath.CompileRef(s); err == nil && r.Root() == jsonpath.Input {
			if v, err := r.Set(env.Input, value.OfInt(9)); err == nil {
				if got := r.Lookup(&jsonpath.Env{Input: v}); !value.Equal(got, value.OfInt(9)) {
					t.Fatalf("%q: set 9, read %s", s, got)
				}
			}
		}
	})
}
