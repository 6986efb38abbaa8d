package choice_test

import (
	"fmt"
	"strings"
	"testing"

	"anthill/asl/choice"
	"anthill/asl/jsonpath"
	"anthill/value"
)

func TestRules(t *testing.T) {
	env := jsonpath.Env{
		Input: value.MustParse(`{"s":"foo*bar","n":2,"f":2.0,"big":9007199254740993,"t":true,"z":null,"ts":"2016-03-14T01:59:00Z","o":{},"a":[1,2],"txt":"2"}`),
		Scope: &scope{context: value.MustParse(`{"State":{"RetryCount":1}}`), vars: map[string]value.Value{"v": value.OfInt(2)}},
	}
	for _, tc := range []struct{ rule, want string }{
		{`{"Variable":"$.n","NumericEquals":2}`, "true"}, {`{"Variable":"$.f","NumericEquals":2}`, "true"}, {`{"Variable":"$.txt","NumericEquals":2}`, "false"},
		{`{"Variable":"$.big","NumericGreaterThan":9007199254740992}`, "true"}, {`{"Variable":"$.n","NumericLessThanEqualsPath":"$v"}`, "true"},
		{`{"Variable":"$$.State.RetryCount","NumericLessThan":2}`, "true"}, {`{"Variable":"$v","NumericEqualsPath":"$.n"}`, "true"}, {`{"Variable":"$.n","NumericEqualsPath":"$.s"}`, "false"},
		{`{"Variable":"$.s","StringMatches":"foo\\*b*"}`, "true"}, {`{"Variable":"$.s","StringMatches":"foo*"}`, "true"}, {`{"Variable":"$.s","StringMatches":"*x*"}`, "false"}, {`{"Variable":"$.s","StringMatches":"foo*bar*bar"}`, "false"}, {`{"Variable":"$.n","StringMatches":"*"}`, "false"},
		{`{"Variable":"$.ts","TimestampLessThan":"2016-03-14T01:59:00.001Z"}`, "true"}, {`{"Variable":"$.ts","TimestampEquals":"2016-03-14T02:59:00+01:00"}`, "true"}, {`{"Variable":"$.s","TimestampEquals":"2016-03-14T02:59:00+01:00"}`, "false"},
		{`{"Variable":"$.t","BooleanEquals":true}`, "true"}, {`{"Variable":"$.t","BooleanEqualsPath":"$.z"}`, "false"},
		{`{"Variable":"$.x","IsPresent":false}`, "true"}, {`{"Variable":"$.z","IsPresent":true}`, "true"}, {`{"Variable":"$w","IsPresent":true}`, "false"}, {`{"Variable":"$.a[5]","IsPresent":true}`, "false"},
		{`{"Variable":"$.z","IsNull":true}`, "true"}, {`{"Variable":"$.ts","IsTimestamp":true}`, "true"}, {`{"Variable":"$.s","IsTimestamp":false}`, "true"},
		{`{"And":[{"Variable":"$.t","BooleanEquals":true},{"Not":{"Variable":"$.n","NumericEquals":3}}],"Next":"X","Comment":"c"}`, "true"},
		{`{"Or":[{"Variable":"$.n","NumericEquals":2},{"Variable":"$.gone","IsNull":true}]}`, "true"},
		{`{"And":[{"Variable":"$.gone","IsPresent":true},{"Variable":"$.gone","IsNull":true}]}`, "false"},
		{`{"Variable":"$.gone","IsNull":true}`, "States.Runtime: Invalid path '$.gone': The choice state's condition path references an invalid value."},
		{`{"Not":{"Variable":"$.gone","StringEquals":"a"}}`, "States.Runtime: Invalid path '$.gone': The choice state's condition path references an invalid value."},
		{`{"Variable":"$.n","NumericEqualsPath":"$.gone"}`, "States.Runtime: Invalid path '$.gone': The choice state's condition path references an invalid value."},
	} {
		r, problems := choice.Compile(value.MustParse(tc.rule))
		if problems != nil {
			t.Errorf("%s: %v", tc.rule, problems)
			continue
		}
		ok, err := r.Eval(&env)
		got := fmt.Sprint(ok)
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s gives %s, want %s", tc.rule, got, tc.want)
		}
	}
}

// Every ordering of every family says yes to the right outcomes.
func TestOrderings(t *testing.T) {
	lower := map[string]string{"String": `"A"`, "Numeric": `1`, "Timestamp": `"2020-01-01T00:00:00Z"`}
	upper := map[string]string{"String": `"AB"`, "Numeric": `1.5`, "Timestamp": `"2020-01-01T00:00:00.5Z"`}
	for family, low := range lower {
		for relation, want := range map[string]string{"Equals": "false true false", "LessThan": "true false false", "LessThanEquals": "true true false", "GreaterThan": "false false true", "GreaterThanEquals": "false true true"} {
			var got []string
			for _, pair := range [][2]string{{low, upper[family]}, {low, low}, {upper[family], low}} {
				env := jsonpath.Env{Input: value.MustParse(`{"x":` + pair[0] + `,"y":` + pair[1] + `}`)}
				fixed, p1 := choice.Compile(value.MustParse(`{"Variable":"$.x","` + family + relation + `":` + pair[1] + `}`))
				path, p2 := choice.Compile(value.MustParse(`{"Variable":"$.x","` + family + relation + `Path":"$.y"}`))
				if p1 != nil || p2 != nil {
					t.Fatal(p1, p2)
				}
				a, err1 := fixed.Eval(&env)
				b, err2 := path.Eval(&env)
				if a != b || err1 != nil || err2 != nil {
					t.Errorf("%s%s of %v: fixed gives %v (%v), path %v (%v)", family, relation, pair, a, err1, b, err2)
				}
				got = append(got, fmt.Sprint(a))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s%s gives %v, want %s", family, relation, got, want)
			}
		}
	}
}

func TestProblems(t *testing.T) {
	for _, tc := range []struct{ rule, want string }{
		{`3`, " Expected value of type Object"},
		{`{}`, " The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"},
		{`{"Variable":"$.a","IsNull":true,"IsString":true}`, " There should only be one of the following fields: [IsNull, IsString]"},
		{`{"StringEquals":"a"}`, " The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"},
		{`{"Variable":"a","StringEquals":"a"}`, "/Variable Value is not a Reference Path: Reference path didn't start with '$'"},
		{`{"Variable":"$.a","StringEquals":1}`, "/StringEquals Expected value of type String"},
		{`{"Variable":"$.a","TimestampEquals":"2020-01-01"}`, "/TimestampEquals String does not match RFC3339 timestamp"},
		{`{"Variable":"$.a","IsNull":"x"}`, "/IsNull Expected value of type Boolean"},
		{`{"And":[{"Variable":"$.a","NumericEqualsPath":"b"},{"Or":[]},{"Variable":"$.a","IsNull":true,"Next":"X"}]}`, "/And[0]/NumericEqualsPath Value is not a Reference Path: Reference path didn't start with '$'\n/And[1]/Or Value cannot be empty\n/And[2] Field 'Next' is not supported"},
		{`{"Not":[]}`, "/Not Expected value of type Object"},
	} {
		_, problems := choice.Compile(value.MustParse(tc.rule))
		var got []string
		for _, p := range problems {
			got = append(got, p.At+" "+p.Message)
		}
		if strings.Join(got, "\n") != tc.want {
			t.Errorf("%s\n got %q\nwant %q", tc.rule, got, tc.want)
		}
	}
}

func TestVariables(t *testing.T) {
	r, _ := choice.Compile(value.MustParse(`{"And":[{"Variable":"$b.x","IsNull":true},{"Variable":"$.a","NumericEqualsPath":"$a"},{"Variable":"$b","IsNull":true}]}`))
	if got := strings.Join(r.Variables(), " "); got != "b a" {
		t.Error(got)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`{"Variable":"$.a","StringMatches":"a*\\*"}`, `{"Not":{"Or":[{"Variable":"$.a","IsTimestamp":true}]}}`, `{"Variable":"$.b","NumericLessThanPath":"$.a"}`, `{"Variable":"$.a","TimestampEquals":"2020-01-01T00:00Z"}`} {
		f.Add(s)
	}
	env := jsonpath.Env{Input: value.MustParse(`{"a":"2020-01-01T00:00:00Z","b":1}`)}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := value.Parse(s)
		if err != nil {
			return
		}
		r, _ := choice.Compile(v)
		if ok, err := r.Eval(&env); ok && err != nil {
			t.Fatalf("%s holds and fails: %v", s, err)
		}
	})
}

// BenchmarkTwentyRules evaluates a Choice state whose twentieth rule is the one.
func BenchmarkTwentyRules(b *testing.B) {
	var rules []*choice.Rule
	for i := range 20 {
		r, problems := choice.Compile(value.MustParse(fmt.Sprintf(`{"And":[{"Variable":"$.order.kind","StringEquals":"bulk"},{"Variable":"$.order.n","NumericEquals":%d}]}`, i)))
		if problems != nil {
			b.Fatal(problems)
		}
		rules = append(rules, r)
	}
	env := jsonpath.Env{Input: value.MustParse(`{"order":{"kind":"bulk","n":19,"note":"` + strings.Repeat("x", 1300) + `"}}`)}
	b.ReportAllocs()
	for b.Loop() {
		for i, r := range rules {
			if ok, err := r.Eval(&env); err != nil || ok != (i == 19) {
				b.Fatal(i, ok, err)
			}
		}
	}
}
