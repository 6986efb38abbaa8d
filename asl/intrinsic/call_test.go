package intrinsic_test

import (
	"errors"
	"strings"
	"testing"

	"anthill/asl/failure"
	"anthill/asl/intrinsic"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// scope is a fixed one; its random bits count up.
type scope struct {
	vars map[string]value.Value
	n    uint64
}

func (s *scope) Context() value.Value             { return value.MustParse(`{"Execution":{"Name":"x-y"}}`) }
func (s *scope) Variable(name string) value.Value { return s.vars[name] }
func (s *scope) Random() uint64                   { s.n++; return s.n * 0x9E3779B97F4A7C15 }

const input = `{"s":"a,b;c","n":5,"f":1.5,"big":1e21,"arr":[1,2,3,2,1.0,{"a":1,"b":2},{"b":2,"a":1},null,null],"o":{"a":1,"b":{"c":1}},"p":{"b":2,"d":3},"json":"{\"a\":[1,2.0]}","t":"{}-{}","bad":"{"}`

func call(text string) string {
	c, err := intrinsic.Compile(text)
	if err != nil {
		return "refused: " + err.Error()
	}
	v, err := c.Eval(&jsonpath.Env{Input: value.MustParse(input), Scope: &scope{vars: map[string]value.Value{"v": value.OfInt(7)}}})
	if err != nil {
		return strings.TrimPrefix(err.Error(), "States.Runtime: The function '"+text+"' had the following error: ")
	}
	return v.String()
}

func TestFunctions(t *testing.T) {
	for _, tc := range []struct{ call, want string }{
		{`States.Format('a{}b{}', $.s, 1)`, `"aa,b;cb1"`},
		{`States.Format('{} {} {} {} {}', $.f, $.big, true, null, 10.0)`, `"1.5 1.0E21 true null 10.0"`},
		{`States.Format('{}', $.o)`, `"{a=1, b={c=1}}"`},
		{`States.Format('\{\}\'\\ {}', $v)`, `"{}'\\ 7"`},
		{`States.Format($.t, 1, 2)`, `"1-2"`},
		{`States.Format('{}')`, `Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.`},
		{`States.Format('{')`, `Invalid template in States.Format: matching '}' not found for '{'`},
		{`States.Format()`, `Invalid arguments in States.Format`},
		{`States.StringToJson($.json)`, `{"a":[1,2.0]}`},
		{`States.StringToJson('{"a": "b"}')`, `{"a":"b"}`},
		{`States.StringToJson($.bad)`, `Invalid arguments in States.StringToJson`},
		{`States.StringToJson($.n)`, `Invalid arguments in States.StringToJson`},
		{`States.JsonToString($.o)`, `"{\"a\":1,\"b\":{\"c\":1}}"`},
		{`States.Array()`, `[]`}, {`States.Array(1, 'a', null, $.f, States.Array(true), -2.50)`, `[1,"a",null,1.5,[true],-2.50]`},
		{`States.ArrayPartition($.arr, 4)`, `[[1,2,3,2],[1.0,{"a":1,"b":2},{"b":2,"a":1},null],[null]]`},
		{`States.ArrayPartition($.arr, 2147483647)`, `[[1,2,3,2,1.0,{"a":1,"b":2},{"b":2,"a":1},null,null]]`},
		{`States.ArrayPartition($.arr, 0)`, `Invalid arguments in States.ArrayPartition`}, {`States.ArrayPartition($.arr, 0.49)`, `Invalid arguments in States.ArrayPartition`},
		{`States.ArrayContains($.arr, 3)`, `true`}, {`States.ArrayContains($.arr, 3.0)`, `false`}, {`States.ArrayContains($.arr, null)`, `true`}, {`States.ArrayContains(1, 1)`, `Invalid arguments in States.ArrayContains`},
		{`States.ArrayRange(1, 9, 2)`, `[1,3,5,7,9]`}, {`States.ArrayRange(3, 1, -1)`, `[3,2,1]`}, {`States.ArrayRange(1, 0, 1)`, `[]`}, {`States.ArrayRange(0.6, 3.2, 1.4)`, `[1,2,3]`},
		{`States.ArrayLength(States.ArrayRange(1, 1000, 1))`, `1000`}, {`States.ArrayRange(0, 1000, 1)`, `Invalid arguments in States.ArrayRange`},
		{`States.ArrayRange(1, 2, 0)`, `Invalid arguments in States.ArrayRange`}, {`States.ArrayRange(1, 2147483647, 1)`, `Invalid arguments in States.ArrayRange`}, {`States.ArrayRange('a', 2, 1)`, `Invalid arguments in States.ArrayRange`},
		{`States.ArrayGetItem($.arr, 2)`, `3`}, {`States.ArrayGetItem($.arr, 9)`, `Invalid arguments in States.ArrayGetItem`}, {`States.ArrayGetItem($.arr, -1)`, `Invalid arguments in States.ArrayGetItem`},
		{`States.ArrayLength($.arr)`, `9`}, {`States.ArrayLength($.s)`, `Invalid arguments in States.ArrayLength`},
		{`States.ArrayUnique($.arr)`, `[1,2,3,1.0,{"a":1,"b":2},null]`},
		{`States.Base64Encode('Data to encode')`, `"RGF0YSB0byBlbmNvZGU="`}, {`States.Base64Decode('RGF0YSB0byBlbmNvZGU=')`, `"Data to encode"`}, {`States.Base64Decode('!')`, `Invalid arguments in States.Base64Decode`},
		{`States.Hash('input data', 'SHA-1')`, `"aaff4a450a104cd177d28d18d74485e8cae074b7"`}, {`States.Hash('x', 'SHA-3')`, `Invalid arguments in States.Hash`},
		{`States.JsonMerge($.o, $.p, false)`, `{"b":2,"d":3,"a":1}`}, {`States.JsonMerge($.o, $.p, true)`, `Invalid arguments in States.JsonMerge`},
		{`States.MathAdd(111, -112)`, `-1`}, {`States.MathAdd(1.5, $.n)`, `7`}, {`States.MathAdd(2147483647, 1)`, `Invalid arguments in States.MathAdd`}, {`States.MathAdd(1, 'x')`, `Invalid arguments in States.MathAdd`},
		{`States.StringSplit($.s, ',;')`, `["a","b","c"]`}, {`States.StringSplit(',a,,b,', ',')`, `["a","b"]`}, {`States.StringSplit('', ',')`, `[]`},
		{`States.UUID()`, `"9e3779b9-7f4a-4c15-bc6e-f372fe94f82a"`}, {`States.UUID(1)`, `Invalid arguments in States.UUID`},
		{`States.MathRandom(1, 1)`, `Invalid arguments in States.MathRandom`}, {`States.MathRandom(1, 2)`, `1`},
		{`States.Array($.zz)`, `The JsonPath argument for the field '$.zz' could not be found in the input '` + input + `'`},
		{`States.Array(States.Array($w))`, `The JsonPath argument for the field '$w' could not be found in the input '` + input + `'`},
		{`States.Array($.arr[?(@.a == 1)], $$.Execution.Name, $['s'])`, `[[{"a":1,"b":2},{"b":2,"a":1}],"x-y","a,b;c"]`},
	} {
		if got := call(tc.call); got != tc.want {
			t.Errorf("%s\n got %s\nwant %s", tc.call, got, tc.want)
		}
	}
}

// With a seed MathRandom draws what nextInt of java.util.Random draws.
func TestSeed(t *testing.T) {
	for call_, want := range map[string]string{
		`States.MathRandom(1, 100, 5)`:                  `45`,
		`States.MathRandom(0, 10, 42)`:                  `0`,
		`States.MathRandom(-5, 5, 7)`:                   `1`,
		`States.MathRandom(0, 16, 1)`:                   `11`,
		`States.MathRandom(0, 1000000, -3)`:             `165164`,
		`States.MathRandom(-2147483648, 2147483647, 9)`: `-1158947317`,
	} {
		if got := call(call_); got != want {
			t.Errorf("%s gives %s, want %s", call_, got, want)
		}
	}
}

func TestRandomStaysInRange(t *testing.T) {
	c, err := intrinsic.Compile("States.MathRandom(-3, 4)")
	if err != nil {
		t.Fatal(err)
	}
	seen, env := map[string]bool{}, jsonpath.Env{Scope: &scope{}}
	for range 1000 {
		v, err := c.Eval(&env)
		n, _ := v.Int()
		if err != nil || n < -3 || n > 3 {
			t.Fatal(v, err)
		}
		seen[v.String()] = true
	}
	if len(seen) != 7 {
		t.Errorf("drew only %v", seen)
	}
}

func TestRefused(t *testing.T) {
	for _, text := range []string{
		``, `States.Nope()`, `States.Format`, `States.Format(`, `States.Format('a'`, `States.Format('a)`, `States.Array(1,)`, `States.Array(,1)`, `States.Array(1 2)`, `States.Array([1])`, `States.Array({})`,
		`States.Array("a")`, `States.Array($.a[)`, `States.Array(x)`, `States.Array() x`, `format('a')`, `States.Array(01)`, `States.Array(nul)`,
		`States.StringToJson('{"text":"An \"escaped double quote\" here"}')`, `States.Format('He said, \"Hello, {}!\"', 'Test')`,
		strings.Repeat("States.Array(", 11) + strings.Repeat(")", 11), strings.Repeat("States.Array(", 100_000), "States.Array('" + strings.Repeat("x", 10_000) + "')",
	} {
		if c, err := intrinsic.Compile(text); err == nil {
			t.Errorf("%.60q compiles to %v", text, c)
		}
	}
}

func TestVariables(t *testing.T) {
	c, err := intrinsic.Compile(`States.Format('{}{}{}', $b.x, States.Array($a, $.c, $$.d), $b)`)
	if err != nil || strings.Join(c.Variables(), " ") != "b a" {
		t.Error(c.Variables(), err)
	}
}

// A short call can ask for a large text.
func TestTooLarge(t *testing.T) {
	env := jsonpath.Env{Input: value.OfString(strings.Repeat("x", 200<<10))}
	many := "States.Array(" + strings.TrimSuffix(strings.Repeat("$,", 3000), ",") + ")"
	for _, text := range []string{"States.Format('" + strings.Repeat("{}", 2000) + "'" + strings.Repeat(",$", 2000) + ")", "States.JsonToString(" + many + ")", "States.Format('{}'," + many + ")", "States.Hash(" + many + ", 'MD5')"} {
		c, err := intrinsic.Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		var f *failure.Failure
		if _, err := c.Eval(&env); !errors.As(err, &f) || f.Name != failure.DataLimitExceeded {
			t.Errorf("%.40s… gives %.80v", text, err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`States.Format('{} \{\}', $.s)`, `States.ArrayRange(0, 10, 3)`, `States.JsonMerge($.o, $.p, false)`, `States.MathRandom(1, 9, 4)`, `States.StringSplit($.s, ',')`, `States.Array($.arr[?(@.a=='x')], null)`, `States.Hash($$.Execution.Name, 'MD5')`, `States.ArrayUnique($.arr)`} {
		f.Add(s)
	}
	env := jsonpath.Env{Input: value.MustParse(input), Scope: &scope{}}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := intrinsic.Compile(s)
		if err != nil {
			return
		}
		v, err := c.Eval(&env)
		if (err == nil) == v.IsAbsent() {
			t.Fatalf("%q gives %v and %v", s, v, err)
		}
		if _, bad := value.Parse(v.String()); err == nil && bad != nil {
			t.Fatalf("%q gives %s, which is no JSON", s, v)
		}
	})
}
