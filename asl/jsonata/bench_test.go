package jsonata_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"

	"anthill/asl/jsonata"
	"anthill/value"
)

// benchCases are what state machines do with JSONata, over the input that benchInput makes (1.4 KB).
var benchCases = []struct{ name, expr string }{
	{"path", `$states.input.order.customer.address.city`},
	{"condition", `$states.input.order.total > 100 and $states.input.order.status = 'open'`},
	{"object", `{"id": $states.input.order.id, "city": $states.input.order.customer.address.city, "n": $count($states.input.order.lines)}`},
	{"filter", `$states.input.order.lines[price > 20].sku`},
	{"sum", `$sum($states.input.order.lines.(price * quantity))`},
	{"map", `$map($states.input.order.lines, function($l) { {"sku": $l.sku, "total": $l.price * $l.quantity} })`},
	{"reduce", `$reduce($states.input.order.lines, function($a, $l) { $a + $l.price * $l.quantity }, 0)`},
	{"group", `$states.input.order.lines{category: $sum(price)}`},
	{"sort", `$states.input.order.lines^(>price).sku`},
	{"join", `$join($states.input.order.lines.sku, ", ")`},
	{"merge", `$merge([$states.input.order.customer, {"vip": true}])`},
	{"regex", `$replace($states.input.order.note, /(\w+)@(\w+)/, "$2 at $1")`},
	{"transform", `$states.input.order ~> |lines|{"price": price * 1.1}, ["category"]|`},
	{"recursion", `($f := function($n) { $n < 2 ? $n : $f($n - 1) + $f($n - 2) }; $f(10))`},
	{"string", `$string($states.input.order)`},
}

func benchInput() string {
	var lines []string
	for i := range 12 {
		lines = append(lines, fmt.Sprintf(`{"sku":"SKU-%04d","category":"c%d","price":%d.5,"quantity":%d,"tags":["a","b"]}`, i, i%3, 5+i*3, 1+i%4))
	}
	return `{"order":{"id":"o-1","status":"open","total":512.25,"note":"write to ann@example and bob@test",` +
		`"customer":{"name":"Ann","address":{"street":"Main 1","city":"Vienna","zip":"1010"}},"lines":[` + strings.Join(lines, ",") + `]}}`
}

// BenchmarkEval times this engine, and beside it the reference implementation (npm jsonata@2.0.6) in goja, on the same
// expressions and input in the same process. Both compile once. "x-goja" is how many times faster this engine is.
func BenchmarkEval(b *testing.B) {
	reference := newReference(b)
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			expr, err := jsonata.CompileStates(c.expr)
			if err != nil {
				b.Fatal(err)
			}
			env := jsonata.Env{Bindings: map[string]value.Value{"states": value.MustParse(`{"input":` + benchInput() + `}`)}}
			got, err := expr.Eval(env)
			if err != nil || got.IsAbsent() {
				b.Fatal(got, err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := expr.Eval(env); err != nil {
					b.Fatal(err)
				}
			}
			ours := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			if reference != nil {
				theirs := reference.time(b, c.expr, got)
				b.ReportMetric(theirs, "goja-ns/op")
				b.ReportMetric(theirs/ours, "x-goja")
			}
		})
	}
}

// BenchmarkCompile times compiling.
func BenchmarkCompile(b *testing.B) {
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jsonata.CompileStates(c.expr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// reference is npm's jsonata@2.0.6 in goja.
type reference struct {
	vm *goja.Runtime
}

// newReference fetches the package through npm and loads it; nil, with a word of why, where that cannot be done.
func newReference(b *testing.B) *reference {
	dir := b.TempDir()
	cmd := exec.Command("npm", "install", "--silent", "--no-save", "--prefix", dir, "jsonata@2.0.6")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Logf("no comparison with JavaScript: npm cannot fetch jsonata@2.0.6: %v %s", err, out)
		return nil
	}
	src, err := os.ReadFile(filepath.Join(dir, "node_modules", "jsonata", "jsonata.js"))
	if err != nil {
		b.Logf("no comparison with JavaScript: %v", err)
		return nil
	}
	vm := goja.New()
	if _, err := vm.RunString("var module = {exports: {}}, exports = module.exports; var console = {};"); err != nil {
		b.Fatal(err)
	}
	if _, err := vm.RunScript("jsonata.js", string(src)); err != nil {
		b.Logf("no comparison with JavaScript: goja cannot load jsonata.js: %v", err)
		return nil
	}
	return &reference{vm}
}

// time is the nanoseconds of one evaluation, which must give want.
func (r *reference) time(b *testing.B, expr string, want value.Value) float64 {
	r.vm.Set("source", expr)
	r.vm.Set("text", benchInput())
	_, err := r.vm.RunString(`
		var compiled = module.exports(source), bindings = {states: {input: JSON.parse(text)}}, failure;
		function run() { compiled.evaluate(undefined, bindings).then(r => { result = r }, e => { failure = e.message }) }
		var result; run()`)
	if err != nil {
		b.Fatal(err)
	}
	if f := r.vm.Get("failure"); f != nil && !goja.IsUndefined(f) {
		b.Fatalf("in goja %s fails: %v", expr, f)
	}
	got, err := r.vm.RunString("JSON.stringify(result)")
	if err != nil {
		b.Fatal(err)
	}
	if !alike(value.MustParse(got.String()), want) {
		b.Fatalf("%s\nin goja %v\nhere    %v", expr, got, want)
	}
	run, _ := goja.AssertFunction(r.vm.Get("run"))
	n, start := 0, time.Now()
	for ; time.Since(start) < 200*time.Millisecond; n++ {
		if _, err := run(goja.Undefined()); err != nil {
			b.Fatal(err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}
