package jsonata_test

import (
	"errors"
	"testing"

	"anthill/asl/jsonata"
	"anthill/value"
)

// tight keeps one fuzzed evaluation short.
var tight = jsonata.Limits{Steps: 20_000, Depth: 200, Levels: 200, Bytes: 8 << 20}

// FuzzCompile: any text compiles or gives an *Error with a code and a position inside it; and it does so again.
func FuzzCompile(f *testing.F) {
	for _, c := range readSuite(f, "testdata/jsonata-suite-2.0.6.jsonl") {
		f.Add(c.Expr)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4096 {
			return
		}
		e, err := jsonata.Compile(src)
		if err == nil {
			if e.Source() != src {
				t.Error("another source")
			}
			return
		}
		var fault *jsonata.Error
		if !errors.As(err, &fault) || fault.Code == "" || fault.Position < 0 || fault.Position > len(src) {
			t.Errorf("%q: %#v", src, err)
		}
	})
}

// FuzzEval: any expression over any document ends within its limits, with JSON or an *Error, and gives the same again.
func FuzzEval(f *testing.F) {
	for _, c := range readSuite(f, "testdata/jsonata-suite-2.0.6.jsonl") {
		if len(c.Data) < 2000 {
			f.Add(c.Expr, string(c.Data))
		}
	}
	f.Fuzz(func(t *testing.T, src, doc string) {
		if len(src) > 1024 || len(doc) > 4096 {
			return
		}
		e, err := jsonata.CompileStates(src)
		if err != nil {
			return
		}
		input, err := value.Parse(doc)
		if err != nil {
			input = value.Value{}
		}
		before := input.String()
		env := jsonata.Env{Input: input, Limits: tight}
		got, err := e.Eval(env)
		var fault *jsonata.Error
		if err != nil && (!errors.As(err, &fault) || fault.Code == "") {
			t.Fatalf("%q: %#v", src, err)
		}
		again, err2 := e.Eval(env)
		if got.String() != again.String() || (err == nil) != (err2 == nil) {
			t.Fatalf("%q gives %v, %v and then %v, %v", src, got, err, again, err2)
		}
		if input.String() != before {
			t.Fatalf("%q changed its input", src)
		}
		if !got.IsAbsent() {
			if _, err := value.Parse(string(got.AppendJSON(nil))); err != nil {
				t.Fatalf("%q gives no JSON: %s: %v", src, got, err)
			}
		}
	})
}
