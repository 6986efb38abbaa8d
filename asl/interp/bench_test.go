package interp_test

import (
	"fmt"
	"strings"
	"testing"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/value"
)

// document is an input of about 1.4 KB.
var document = func() value.Value {
	var b strings.Builder
	b.WriteString(`{"order": {"id": "A-17", "customer": {"name": "Ada Lovelace", "address": {"street": "12 St James's Square", "city": "London"}}, "total": 129.5}, "n": 19, "lines": [`)
	for i := range 12 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku": "SKU-%04d", "quantity": %d, "price": %d.25, "tags": ["blue", "large", "%d"]}`, i, i%3+1, i*7+3, i)
	}
	b.WriteString(`], "note": "` + strings.Repeat("lorem ipsum ", 20) + `"}`)
	return value.MustParse(b.String())
}()

func machine(b testing.TB, text string) *asl.Machine {
	b.Helper()
	m, problems := asl.Parse(text, asl.Options{})
	if m == nil {
		b.Fatal(problems)
	}
	return m
}

// chain is n states in a row; each is what state gives, without its transition.
func chain(n int, state func(i int) string) string {
	var b strings.Builder
	b.WriteString(`{"StartAt": "S0", "States": {`)
	for i := range n {
		next := fmt.Sprintf(`"Next": "S%d"`, i+1)
		if i == n-1 {
			next = `"End": true`
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"S%d": {%s, %s}`, i, state(i), next)
	}
	b.WriteString(`}}`)
	return b.String()
}

// transitions runs m from start to end and reports states entered a second.
func transitions(b *testing.B, m *asl.Machine, input value.Value, each int) {
	b.ReportAllocs()
	for b.Loop() {
		x := newExecution(m)
		x.Decide(interp.Start{Input: input, Seed: [16]byte{1}}, epoch)
		if x.Status() != interp.Succeeded {
			b.Fatal(x.Status(), x.Failure())
		}
	}
	b.ReportMetric(float64(b.N*each)/b.Elapsed().Seconds(), "transitions/s")
}

func BenchmarkPassChain(b *testing.B) {
	m := machine(b, chain(100, func(int) string { return `"Type": "Pass"` }))
	transitions(b, m, document, 100)
}

func BenchmarkPassResultPath(b *testing.B) {
	m := machine(b, chain(100, func(i int) string {
		return fmt.Sprintf(`"Type": "Pass", "Result": {"done": %d}, "ResultPath": "$.result"`, i)
	}))
	transitions(b, m, document, 100)
}

func BenchmarkChoice20(b *testing.B) {
	var rules []string
	for i := range 20 {
		rules = append(rules, fmt.Sprintf(`{"Variable": "$.n", "NumericEquals": %d, "Next": "B"}`, i))
	}
	m := machine(b, fmt.Sprintf(`{"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [%s]}, "B": {"Type": "Succeed"}}}`, strings.Join(rules, ",")))
	transitions(b, m, document, 2)
}

func BenchmarkMap1000(b *testing.B) {
	items := make([]value.Value, 1000)
	for i := range items {
		items[i] = value.OfInt(int64(i))
	}
	m := machine(b, `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, "End": true}}}`)
	transitions(b, m, value.OfArray(items...).Compact(), 1001)
}

func BenchmarkJSONPathTemplate(b *testing.B) {
	m := machine(b, chain(10, func(int) string {
		return `"Type": "Pass", "Parameters": {"who.$": "$.order.customer.name", "first.$": "$.lines[0].sku", "skus.$": "$.lines[*].sku", "text.$": "States.Format('{} of {}', $.order.id, $.order.total)"}, "ResultPath": "$.r"`
	}))
	transitions(b, m, document, 10)
}

func BenchmarkJSONataTemplate(b *testing.B) {
	m := machine(b, chain(10, func(int) string {
		return `"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $merge([$states.input, {'r': {'who': $states.input.order.customer.name, 'first': $states.input.lines[0].sku, 'skus': $states.input.lines.sku, 'text': $states.input.order.id & ' of ' & $string($states.input.order.total)}}]) %}"`
	}))
	transitions(b, m, document, 10)
}

// BenchmarkStateSize passes states of growing size through: the time a transition must not grow faster than they do.
func BenchmarkStateSize(b *testing.B) {
	m := machine(b, chain(20, func(i int) string {
		return fmt.Sprintf(`"Type": "Pass", "Result": %d, "ResultPath": "$.count"`, i)
	}))
	for _, kb := range []int{1, 4, 16, 64, 250} {
		input := value.MustParse(`{"data": "` + strings.Repeat("x", kb<<10) + `"}`)
		b.Run(fmt.Sprintf("%dKB", kb), func(b *testing.B) { transitions(b, m, input, 20) })
	}
}

// BenchmarkHistoryLength runs ever longer executions: the time a transition must stay the same.
func BenchmarkHistoryLength(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		m := machine(b, fmt.Sprintf(`{"StartAt": "C", "States": {
			"C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": %d, "Next": "P"}], "Default": "E"},
			"P": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "C"}, "E": {"Type": "Succeed"}}}`, n/2))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			transitions(b, m, value.MustParse(`{"n": 0}`), n)
		})
	}
}

// BenchmarkHop is one task's outcome to the next task's being owed, as a driver sees it, with the encoding.
func BenchmarkHop(b *testing.B) {
	m := machine(b, `{"StartAt": "C", "States": {
		"C": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:f", "ResultPath": "$.r", "Next": "D"},
		"D": {"Type": "Choice", "Choices": [{"Variable": "$.r", "IsPresent": true, "Next": "C"}], "Default": "E"}, "E": {"Type": "Succeed"}}}`)
	var x *interp.Execution
	var buf []byte
	var task uint64
	answer := value.MustParse(`{"statusCode": 200, "body": "ok"}`)
	b.ReportAllocs()
	for b.Loop() {
		if x == nil || x.Seq() > 20000 {
			x = newExecution(m)
			x.Decide(interp.Start{Input: document, Seed: [16]byte{1}}, epoch)
			begin, _ := x.Take()
			task = begin[0].Key().Seq
		}
		events := x.Decide(interp.TaskOutput{Task: task, Output: answer}, epoch)
		buf = buf[:0]
		for i := range events {
			buf = events[i].Append(buf)
		}
		begin, _ := x.Take()
		task = begin[0].Key().Seq
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hops/s")
}

// BenchmarkReplay applies a recorded history, decoding included.
func BenchmarkReplay(b *testing.B) {
	m := machine(b, chain(1000, func(int) string { return `"Type": "Pass"` }))
	x := newExecution(m)
	var encoded [][]byte
	for _, e := range x.Decide(interp.Start{Input: document}, epoch) {
		encoded = append(encoded, e.Append(nil))
	}
	b.ReportAllocs()
	for b.Loop() {
		y := newExecution(m)
		for _, data := range encoded {
			e, err := interp.Decode(data)
			if err != nil {
				b.Fatal(err)
			}
			y.Apply(&e)
		}
	}
	b.ReportMetric(float64(b.N*len(encoded))/b.Elapsed().Seconds(), "events/s")
}
