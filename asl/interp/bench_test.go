package interp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

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

// transitions runs m from start to end and reports states entered a second, and how many times as long as floor, which is
// the least that would have to be done, it takes.
func transitions(b *testing.B, m *asl.Machine, input value.Value, each int, floor func()) {
	b.ReportAllocs()
	for b.Loop() {
		x := newExecution(m)
		x.Decide(interp.Start{Input: input, Seed: [16]byte{1}}, epoch)
		if x.Status() != interp.Succeeded {
			b.Fatal(x.Status(), x.Failure())
		}
	}
	b.ReportMetric(float64(b.N*each)/b.Elapsed().Seconds(), "transitions/s")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/timed(floor), "x-floor")
}

// timed is how many seconds f takes, from a twentieth of a second of it.
func timed(f func()) float64 {
	n, start := 0, time.Now()
	for time.Since(start) < 50*time.Millisecond {
		for range 16 {
			f()
		}
		n += 16
	}
	return time.Since(start).Seconds() / float64(n)
}

// walked is the floor of a chain of states: each is found by its name and two events of it are put down.
func walked(n int) func() {
	next := map[string]string{}
	for i := range n {
		next[fmt.Sprint("S", i)] = fmt.Sprint("S", i+1)
	}
	return func() {
		events := make([]interp.Event, 0, 2*n)
		for at := "S0"; next[at] != ""; at = next[at] {
			events = append(events, interp.Event{Name: at, Payload: document}, interp.Event{Name: at, Payload: document})
		}
	}
}

// marshalled is the floor of making a value: encoding/json writes it.
func marshalled(b *testing.B, text string) func() {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		b.Fatal(err)
	}
	return func() {
		if _, err := json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPassChain(b *testing.B) {
	m := machine(b, chain(100, func(int) string { return `"Type": "Pass"` }))
	transitions(b, m, document, 100, walked(100))
}

func BenchmarkPassResultPath(b *testing.B) {
	m := machine(b, chain(100, func(i int) string {
		return fmt.Sprintf(`"Type": "Pass", "Result": {"done": %d}, "ResultPath": "$.result"`, i)
	}))
	once := marshalled(b, document.String())
	transitions(b, m, document, 100, func() {
		for range 100 {
			once()
		}
	})
}

func BenchmarkChoice20(b *testing.B) {
	var rules []string
	for i := range 20 {
		rules = append(rules, fmt.Sprintf(`{"Variable": "$.n", "NumericEquals": %d, "Next": "B"}`, i))
	}
	m := machine(b, fmt.Sprintf(`{"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [%s]}, "B": {"Type": "Succeed"}}}`, strings.Join(rules, ",")))
	var input map[string]any
	if err := json.Unmarshal([]byte(document.String()), &input); err != nil {
		b.Fatal(err)
	}
	states := walked(2)
	transitions(b, m, document, 2, func() { // twenty looks into a map that is there already, and the two states
		states()
		for i := range 20 {
			if input["n"] == float64(i) != (i == 19) {
				b.Fatal(i)
			}
		}
	})
}

func BenchmarkMap1000(b *testing.B) {
	items := make([]value.Value, 1000)
	for i := range items {
		items[i] = value.OfInt(int64(i))
	}
	m := machine(b, `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, "End": true}}}`)
	list := value.OfArray(items...).Compact()
	chain, result := walked(2001), marshalled(b, list.String())
	transitions(b, m, list, 1001, func() { // two events for each iteration and each of its states, and the result
		chain()
		result()
	})
}

func BenchmarkJSONPathTemplate(b *testing.B) {
	m := machine(b, chain(10, func(int) string {
		return `"Type": "Pass", "Parameters": {"who.$": "$.order.customer.name", "first.$": "$.lines[0].sku", "skus.$": "$.lines[*].sku", "text.$": "States.Format('{} of {}', $.order.id, $.order.total)"}, "ResultPath": "$.r"`
	}))
	transitions(b, m, document, 10, tenTimes(marshalled(b, document.String())))
}

func BenchmarkJSONataTemplate(b *testing.B) {
	m := machine(b, chain(10, func(int) string {
		return `"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $merge([$states.input, {'r': {'who': $states.input.order.customer.name, 'first': $states.input.lines[0].sku, 'skus': $states.input.lines.sku, 'text': $states.input.order.id & ' of ' & $string($states.input.order.total)}}]) %}"`
	}))
	transitions(b, m, document, 10, tenTimes(marshalled(b, document.String())))
}

func tenTimes(f func()) func() {
	return func() {
		for range 10 {
			f()
		}
	}
}

var kept []byte // what a floor makes, so that it is made

// BenchmarkStateSize passes states of growing size through: the time a transition must not grow faster than they do, which
// is to say that x-floor must not grow.
func BenchmarkStateSize(b *testing.B) {
	m := machine(b, chain(20, func(i int) string {
		return fmt.Sprintf(`"Type": "Pass", "Result": %d, "ResultPath": "$.count"`, i)
	}))
	for _, kb := range []int{1, 4, 16, 64, 250} {
		text := `{"data": "` + strings.Repeat("x", kb<<10) + `"}`
		input := value.MustParse(text)
		b.Run(fmt.Sprintf("%dKB", kb), func(b *testing.B) {
			transitions(b, m, input, 20, func() { // a copy for each state
				for range 20 {
					kept = []byte(text)
				}
			})
		})
	}
}

// BenchmarkHistoryLength runs ever longer executions: the time a transition must stay the same, which is to say that
// x-first, the time a transition of an execution of 100 in the same run taken as 1, must stay near 1.
func BenchmarkHistoryLength(b *testing.B) {
	var first float64
	for _, n := range []int{100, 1000, 10000} {
		m := machine(b, fmt.Sprintf(`{"StartAt": "C", "States": {
			"C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": %d, "Next": "P"}], "Default": "E"},
			"P": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "C"}, "E": {"Type": "Succeed"}}}`, n/2))
		input := value.MustParse(`{"n": 0}`)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			transitions(b, m, input, n, walked(n))
			each := b.Elapsed().Seconds() / float64(b.N*n)
			if first == 0 {
				first = each
			}
			b.ReportMetric(each/first, "x-first")
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
