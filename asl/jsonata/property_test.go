package jsonata_test

import (
	"sync"
	"testing"

	"pgregory.net/rapid"

	"anthill/asl/jsonata"
	"anthill/value"
)

// laws hold for every $x of their kind.
var laws = map[string][]string{
	"strings": {
		`$join($split($x, ","), ",") = $x`,
		`$decodeUrlComponent($encodeUrlComponent($x)) = $x`,
		`$decodeUrl($encodeUrl($x)) = $x`,
		`$parse($string([$x]))[0] = $x`,
		`$length($x & "a") = $length($x) + 1`,
		`$substring($x, 0, 2) & $substring($x, 2) = $x`,
		`$count($split($x, "")) = $length($x)`,
		`$length($pad($x, 20)) >= 20`,
	},
	"numbers": {
		`$parseInteger($formatInteger($x, "w"), "w") = $x`,
		`$parseInteger($formatInteger($x, "#,##0"), "#,##0") = $x`,
		`$parseInteger($formatInteger($x, "A"), "A") = $x`,
		`$x > 4000 or $parseInteger($formatInteger($x, "I"), "I") = $x`,
		`$number($string($x)) = $x`,
		`$toMillis($fromMillis($x * 1000)) = $x * 1000`,
		`-(-$x) = $x and $x - $x = 0 and $abs(-$x) = $x`,
		`$count([1..$x % 1000]) = $x % 1000`,
	},
	"arrays": {
		`$reverse($reverse($x)) = $x`,
		`$sort($sort($x)) = $sort($x) and $count($sort($x)) = $count($x)`,
		`[$x^($)] = [$sort($x)]`,
		`$count($distinct($x)) <= $count($x)`,
		`$sum($x) = $reduce($append($x, 0), function($a, $b) { $a + $b })`,
		`[$x[$ > 0], $x[$not($ > 0)]] ~> $count() = $count($x)`,
		`$count($x) = 0 or $max($x) = ($x^(>$)[0])`,
		`[$map($x, function($v) { $v })] = [$x[]]`,
	},
	"objects": {
		`$merge($spread($x)) = $x`,
		`$count($keys($x)) = $count($each($x, function($v) { [$v] }))`,
		`$parse($string($x)) = $x`,
		`$clone($x) = $x`,
		`($x ~> |$|{"new": 1}|).new = 1 and $not($exists($x.new))`,
	},
}

// TestLaws checks the laws on arbitrary values.
func TestLaws(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab,é😀 %$/\"\\")), 0, 12, -1)
	values := map[string]*rapid.Generator[value.Value]{
		"strings": rapid.Map(text, value.OfString),
		"numbers": rapid.Map(rapid.Int64Range(1, 1_000_000_000), value.OfInt),
		"arrays": rapid.Map(rapid.SliceOfN(rapid.Int64Range(-20, 20), 0, 12), func(ns []int64) value.Value {
			items := make([]value.Value, len(ns))
			for i, n := range ns {
				items[i] = value.OfInt(n)
			}
			return value.OfArray(items...)
		}),
		"objects": rapid.Map(rapid.SliceOfN(text, 1, 20), func(keys []string) value.Value {
			o := value.OfObject()
			for i, k := range keys {
				o = o.With("k"+k, value.OfInt(int64(i)))
			}
			return o
		}),
	}
	for kind, exprs := range laws {
		for _, expr := range exprs {
			e, err := jsonata.CompileStates(expr)
			if err != nil {
				t.Fatal(expr, err)
			}
			t.Run(kind, rapid.MakeCheck(func(t *rapid.T) {
				x := values[kind].Draw(t, "x")
				got, err := e.Eval(jsonata.Env{Bindings: map[string]value.Value{"x": x}})
				if err != nil || got.String() != "true" {
					t.Fatalf("%s gives %v, %v for %v", expr, got, err, x)
				}
			}))
		}
	}
}

// TestConcurrent evaluates one expression in many goroutines at once.
func TestConcurrent(t *testing.T) {
	e, err := jsonata.CompileStates(`($f := function($o) { $o.lines{category: $sum(price)} }; [$f($states.input.order), $replace("aab", /(?=a)a/, "$0$0")])`)
	if err != nil {
		t.Fatal(err)
	}
	env := jsonata.Env{Bindings: map[string]value.Value{"states": value.MustParse(`{"input":` + benchInput() + `}`)}}
	want, err := e.Eval(env)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got, err := e.Eval(env); err != nil || got.String() != want.String() {
					t.Errorf("%v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}
