package jsonata_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"anthill/asl/jsonata"
	"anthill/value"
)

func eval(t testing.TB, expr string, env jsonata.Env) (value.Value, error) {
	t.Helper()
	e, err := jsonata.CompileStates(expr)
	if err != nil {
		return value.Value{}, err
	}
	return e.Eval(env)
}

// TestDeepSources are refused without harm to the stack, wherever their depth lies.
func TestDeepSources(t *testing.T) {
	const n = 200_000
	for name, expr := range map[string]string{
		"parentheses": strings.Repeat("(", n) + "1" + strings.Repeat(")", n),
		"arrays":      strings.Repeat("[", n),
		"sum":         "1" + strings.Repeat("+1", n),
		"path":        "a" + strings.Repeat(".(a", n) + strings.Repeat(")", n),
		"filters":     "a" + strings.Repeat("[0]", n),
		"signs":       strings.Repeat("-", n) + "1",
		"lambdas":     strings.Repeat("function(){", n) + "1" + strings.Repeat("}", n),
		"parents":     strings.Repeat("%.", n) + "a",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := eval(t, expr, jsonata.Env{}); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestLevels are as many as Step Functions has.
func TestLevels(t *testing.T) {
	for name, make := range map[string]func(n int) string{
		"sum":         func(n int) string { return "1" + strings.Repeat("+1", n) },
		"parentheses": func(n int) string { return strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
		"arrays":      func(n int) string { return strings.Repeat("[", n) + "1" + strings.Repeat("]", n) },
		"objects":     func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) },
		"applied":     func(n int) string { return "1" + strings.Repeat(" ~> $abs()", n) },
		"calls":       func(n int) string { return strings.Repeat("$abs(", n) + "1" + strings.Repeat(")", n) },
	} {
		if _, err := eval(t, make(99), jsonata.Env{}); err != nil {
			t.Errorf("%s: 99 levels: %v", name, err)
		}
		const want = "U1001: Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive. Depth=101 max=100"
		if _, err := eval(t, make(100), jsonata.Env{}); err == nil || err.Error() != want {
			t.Errorf("%s: 100 levels: %v", name, err)
		}
	}
}

// TestDeepValues hold their own against the depth limit.
func TestDeepValues(t *testing.T) {
	deep := value.MustParse(strings.Repeat("[", value.MaxDepth) + strings.Repeat("]", value.MaxDepth))
	for _, expr := range []string{"$string($)", "$ = $", "**", "$clone($)", "*", "a", "$keys($)"} {
		_, err := eval(t, expr, jsonata.Env{Input: deep, Limits: jsonata.Limits{Depth: 100}})
		var fault *jsonata.Error
		if expr != "$ = $" && err != nil && (!errors.As(err, &fault) || fault.Code != "U1001") {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

// TestEnvironment: the instant, the randomness and the variables come from the caller.
func TestEnvironment(t *testing.T) {
	draws := uint64(0)
	env := jsonata.Env{
		Now:    time.Date(2024, 2, 29, 12, 0, 0, 5e6, time.UTC),
		Random: func() uint64 { draws++; return draws << 60 },
		Lookup: func(name string) (value.Value, bool) { return value.OfString("from " + name), name == "far" },
		Bindings: map[string]value.Value{
			"states": value.MustParse(`{"input": {"x": 1}}`),
			"sum":    value.MustParse(`"mine"`),
		},
	}
	for expr, want := range map[string]string{
		`$now()`:                     `"2024-02-29T12:00:00.005Z"`,
		`$millis()`:                  `1709208000005`,
		`$now("[Y]")`:                `"2024"`,
		`[$random(), $random()]`:     `[0.0625,0.125]`,
		`$states.input.x`:            `1`,
		`$sum`:                       `"mine"`,
		`$far & $exists($nowhere)`:   `"from farfalse"`,
		`($states := 1; $states)`:    `1`,
		`$uuid() != $uuid()`:         `true`,
		`$count($shuffle([1,2,3]))`:  `3`,
		`$boolean($states.input.no)`: ``,
	} {
		draws = 0
		if got, err := eval(t, expr, env); err != nil || got.String() != want {
			t.Errorf("%s = %v, %v; want %s", expr, got, err, want)
		}
	}
}

// TestReferences: what a state's expression mentions.
func TestReferences(t *testing.T) {
	for expr, want := range map[string]string{
		`$states.input.a.b + $x`:                 "states.input.a.b x",
		`$states.result[0].y`:                    "states.result",
		`($y := $x; $y + $z)`:                    "x z",
		`function($a){ $a + $b }`:                "b",
		`$map($list, function($v) { $v + $k })`:  "list k",
		`$sum($states.input.n)`:                  "states.input.n",
		`$states.input.rows@$r.($r.id & $other)`: "states.input.rows other",
		`$eval("1")`:                             "eval",
		`1 + 2`:                                  "",
		`($f := function(){ $g() }; $g := function(){1}; $f())`: "",
	} {
		e, err := jsonata.CompileStates(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		var got []string
		for _, r := range e.References() {
			got = append(got, strings.Join(append([]string{r.Name}, r.Path...), "."))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s mentions %q, want %q", expr, strings.Join(got, " "), want)
		}
	}
	for expr, want := range map[string]string{
		`$states.input`: "", `input.x`: "input", `$`: "$", `$$.x`: "$$", `$x.(y)`: "", `$x[y = 1]`: "", `$x.$`: "", `$x.$$`: "$$", `*`: "*", `**.a`: "**",
		`function($a){ y }(1)`: "y", `$x ~> |a|{"b": c}|`: "", `{"a": b}`: "b", `$map($x, function($v){ $v.y })`: "", `$sum(a) + b.c - a`: "a b",
		`$x^(y)`: "", `$x{y: $sum(z)}`: "", `$x.y@$v.z`: "",
	} {
		e, err := jsonata.CompileStates(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		} else if got := strings.Join(e.TopLevel(), " "); got != want {
			t.Errorf("%s reads %q of the document, want %q", expr, got, want)
		}
	}
}

// TestErrors: code, text and position.
func TestErrors(t *testing.T) {
	for expr, want := range map[string]string{
		`1 + "a"`:       `T2002: The right side of the "+" operator must evaluate to a number @3`,
		`"x" & (1 +`:    `S0203: Expected ")" before end of expression @10`,
		`$number("x")`:  `D3030: Unable to cast value to a number: "x" @8`,
		`$error("own")`: `D3137: own @7`,
		`uppercase(1)`:  `T1005: Attempted to invoke a non-function. Did you mean $uppercase? @10`,
		`$uppercase(1)`: `T0410: Argument 1 of function "uppercase" does not match function signature @11`,
		`"é😀" + 1`:      `T2001: The left side of the "+" operator must evaluate to a number @7`,
		`[1`:            `S0203: Expected "]" before end of expression @2`,
	} {
		_, err := eval(t, expr, jsonata.Env{})
		var fault *jsonata.Error
		if !errors.As(err, &fault) {
			t.Errorf("%s: %v", expr, err)
		} else if got := fault.Error() + " @" + value.OfInt(int64(fault.Position)).String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", expr, got, want)
		}
	}
}
