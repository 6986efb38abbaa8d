package template_test

import (
	"fmt"
	"strings"
	"testing"

	"anthill/asl/jsonpath"
	"anthill/asl/template"
	"anthill/value"
)

// order is an input of 1.4 KB.
func order() string {
	var items []string
	for i := range 10 {
		items = append(items, fmt.Sprintf(`{"sku":"sku-%04d","quantity":%d,"price":%d.50,"tags":["red","large","stock-%d"],"note":"leave at the back door, please"}`, i, i+1, 10*i, i))
	}
	return `{"order":{"id":"4711","customer":{"name":"Ada","address":{"street":"Main 1","city":"Vienna"}},"items":[` + strings.Join(items, ",") + `]},"attempt":3}`
}

func BenchmarkTemplate(b *testing.B) {
	tpl, problems := template.Compile(value.MustParse(`{"id.$":"$.order.id","city.$":"$.order.customer.address.city","first.$":"$.order.items[0]","skus.$":"$.order.items[*].sku","kind":"bulk","label.$":"States.Format('{}-{}', $.order.id, $.attempt)"}`))
	if problems != nil {
		b.Fatal(problems)
	}
	text := order()
	b.Logf("input of %d bytes", len(text))
	b.Run("parsed once", func(b *testing.B) {
		env := jsonpath.Env{Input: value.MustParse(text), Scope: scope{}}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tpl.Eval(&env); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("text to text", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			v, err := value.Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			out, err := tpl.Eval(&jsonpath.Env{Input: v, Scope: scope{}})
			if err != nil || len(out.JSON()) == 0 {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPath(b *testing.B) {
	env := jsonpath.Env{Input: value.MustParse(order())}
	for _, path := range []string{"$.order.customer.address.city", "$.order.items[*].sku", "$.order.items[?(@.quantity > 5)].sku", "$..price"} {
		p, err := jsonpath.Compile(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p.Lookup(&env).IsAbsent() {
					b.Fatal("missing")
				}
			}
		})
	}
}
