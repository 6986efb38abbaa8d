package vtl

import (
	"errors"
	"fmt"
	"math"
)

// Limits of one rendering. AWS ends a #foreach after 1,000 rounds; the others keep the platform whole.
const (
	maxRounds = 1000
	maxSteps  = 1_000_000
	maxOutput = 10 << 20
)

// ErrTooMuch is the error of a template that would run or grow beyond its limits.
var ErrTooMuch = errors.New("the template does too much")

// Render renders a template. Scope holds the objects by name ("input", "context") and the variables that #set makes;
// Render changes it.
func (t *Template) Render(scope map[string]any) (string, error) {
	r := &renderer{scope: scope}
	if err := r.block(t.body); err != nil && !errors.Is(err, errStop) {
		return "", err
	}
	return string(r.out), nil
}

var (
	errStop  = errors.New("stop")
	errBreak = errors.New("break")
)

type renderer struct {
	scope map[string]any
	out   []byte
	steps int
}

func (r *renderer) tick() error {
	if r.steps++; r.steps > maxSteps || len(r.out) > maxOutput {
		return ErrTooMuch
	}
	return nil
}

func (r *renderer) block(b block) error {
	for _, n := range b {
		if err := r.tick(); err != nil {
			return err
		}
		if err := r.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) node(n node) error {
	switch n := n.(type) {
	case text:
		r.out = append(r.out, n...)
	case *reference:
		v, err := r.reference(n)
		if err != nil {
			return err
		}
		r.out = appendText(r.out, v, 0)
	case set:
		v, err := r.eval(n.from)
		if err != nil || v == nil { // Velocity leaves the variable as it is
			return err
		}
		return r.assign(n.to, v)
	case branch:
		for i, c := range n.conditions {
			v, err := r.eval(c)
			if err != nil {
				return err
			}
			if truth(v) {
				return r.block(n.blocks[i])
			}
		}
		if len(n.blocks) > len(n.conditions) {
			return r.block(n.blocks[len(n.conditions)])
		}
	case loop:
		return r.loop(n)
	case stop:
		if n.all {
			return errStop
		}
		return errBreak
	}
	return nil
}

func (r *renderer) loop(n loop) error {
	over, err := r.eval(n.over)
	if err != nil {
		return err
	}
	items := each(over)
	outer, had := r.scope["foreach"]
	before, shadowed := r.scope[n.name]
	defer func() {
		restore(r.scope, "foreach", outer, had)
		restore(r.scope, n.name, before, shadowed)
	}()
	for i, x := range items {
		if i >= maxRounds {
			return nil
		}
		r.scope[n.name] = x
		r.scope["velocityCount"] = int64(i + 1)
		r.scope["foreach"] = NewMap("index", int64(i), "count", int64(i+1), "hasNext", i+1 < len(items), "first", i == 0,
			"last", i+1 == len(items), "parent", outer)
		if err := r.block(n.body); errors.Is(err, errBreak) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func restore(scope map[string]any, name string, v any, had bool) {
	if had {
		scope[name] = v
	} else {
		delete(scope, name)
	}
}

// each gives what #foreach goes over: the items of a list, the values of a map.
func each(v any) []any {
	switch v := v.(type) {
	case *List:
		return append([]any{}, v.Items...)
	case *Map:
		out := make([]any, 0, len(v.keys))
		for _, k := range v.keys {
			out = append(out, v.items[k])
		}
		return out
	}
	return nil
}

func (r *renderer) reference(ref *reference) (any, error) {
	v := r.scope[ref.name]
	for i := range ref.steps {
		if v == nil {
			return nil, nil
		}
		var err error
		if v, err = r.step(v, &ref.steps[i]); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (r *renderer) step(v any, s *step) (any, error) {
	if err := r.tick(); err != nil {
		return nil, err
	}
	if s.index != nil {
		at, err := r.eval(s.index)
		if err != nil {
			return nil, err
		}
		return item(v, at), nil
	}
	if !s.call {
		return property(v, s.name), nil
	}
	args := make([]any, len(s.args))
	for i, a := range s.args {
		var err error
		if args[i], err = r.eval(a); err != nil {
			return nil, err
		}
	}
	out, err := call(v, s.name, args)
	if err == nil && size(out) > maxOutput {
		err = ErrTooMuch
	}
	return out, err
}

func size(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case *List:
		return len(v.Items)
	}
	return 0
}

// item is v[at].
func item(v, at any) any {
	switch v := v.(type) {
	case *Map:
		return v.Get(Text(at))
	case *List:
		if n, ok := at.(int64); ok {
			if n < 0 {
				n += int64(len(v.Items))
			}
			if n >= 0 && n < int64(len(v.Items)) {
				return v.Items[n]
			}
		}
	}
	return nil
}

// property is v.name.
func property(v any, name string) any {
	switch v := v.(type) {
	case *Map:
		return v.Get(name)
	case Object:
		x, _ := v.Property(name)
		return x
	}
	if name == "empty" {
		x, _ := call(v, "isEmpty", nil)
		return x
	}
	return nil
}

// assign sets a variable, or an item of a map or list that one reaches.
func (r *renderer) assign(to *reference, v any) error {
	if len(to.steps) == 0 {
		r.scope[to.name] = v
		return nil
	}
	last := to.steps[len(to.steps)-1]
	in, err := r.reference(&reference{to.name, to.steps[:len(to.steps)-1]})
	if err != nil {
		return err
	}
	var at any = last.name
	if last.index != nil {
		if at, err = r.eval(last.index); err != nil {
			return err
		}
	}
	switch in := in.(type) {
	case *Map:
		in.Put(Text(at), v)
	case *List:
		if n, ok := at.(int64); ok && n >= 0 && n < int64(len(in.Items)) {
			in.Items[n] = v
		}
	}
	return nil
}

func (r *renderer) eval(e expr) (any, error) {
	if err := r.tick(); err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case literal:
		return e.v, nil
	case *reference:
		return r.reference(e)
	case *quoted:
		return r.inside(e.body)
	case *unary:
		v, err := r.eval(e.of)
		return !truth(v), err
	case *binary:
		return r.binary(e)
	case *listExpr:
		l := &List{Items: make([]any, 0, len(e.items))}
		for _, x := range e.items {
			v, err := r.eval(x)
			if err != nil {
				return nil, err
			}
			l.Items = append(l.Items, v)
		}
		return l, nil
	case *rangeExpr:
		return r.interval(e)
	case *mapExpr:
		m := NewMap()
		for i := range e.keys {
			k, err := r.eval(e.keys[i])
			if err != nil {
				return nil, err
			}
			v, err := r.eval(e.items[i])
			if err != nil {
				return nil, err
			}
			m.Put(Text(k), v)
		}
		return m, nil
	}
	return nil, fmt.Errorf("vtl: no such expression: %T", e)
}

// inside renders a text in quotes.
func (r *renderer) inside(b block) (string, error) {
	outer := r.out
	r.out = nil
	err := r.block(b)
	s := string(r.out)
	r.out = outer
	return s, err
}

func (r *renderer) interval(e *rangeExpr) (any, error) {
	from, err := r.eval(e.from)
	if err != nil {
		return nil, err
	}
	to, err := r.eval(e.to)
	if err != nil {
		return nil, err
	}
	a, ok1 := from.(int64)
	b, ok2 := to.(int64)
	if !ok1 || !ok2 {
		return nil, nil
	}
	if b-a > 100_000 || a-b > 100_000 || (b-a > 0) != (b > a) {
		return nil, ErrTooMuch
	}
	l := &List{}
	for a != b {
		l.Items = append(l.Items, a)
		if a < b {
			a++
		} else {
			a--
		}
	}
	l.Items = append(l.Items, b)
	return l, nil
}

// truth is Velocity 1.7's: false and what is not there are false, all else is true.
func truth(v any) bool {
	b, ok := v.(bool)
	return v != nil && (!ok || b)
}

func (r *renderer) binary(e *binary) (any, error) {
	l, err := r.eval(e.l)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "&&":
		if !truth(l) {
			return false, nil
		}
	case "||":
		if truth(l) {
			return true, nil
		}
	}
	v, err := r.eval(e.r)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "&&", "||":
		return truth(v), nil
	case "==":
		return equal(l, v), nil
	case "!=":
		return !equal(l, v), nil
	case "<", ">", "<=", ">=":
		return compare(e.op, l, v), nil
	}
	return arithmetic(e.op, l, v), nil
}

func equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	x, ok1 := number(a)
	y, ok2 := number(b)
	if ok1 && ok2 {
		return x == y
	}
	return Text(a) == Text(b)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func compare(op string, a, b any) bool {
	x, ok1 := number(a)
	y, ok2 := number(b)
	if !ok1 || !ok2 {
		return false
	}
	switch op {
	case "<":
		return x < y
	case ">":
		return x > y
	case "<=":
		return x <= y
	}
	return x >= y
}

// arithmetic gives nil where Velocity logs an error: a division by zero, things that are no numbers.
func arithmetic(op string, a, b any) any {
	x, ok1 := a.(int64)
	y, ok2 := b.(int64)
	if ok1 && ok2 {
		switch op {
		case "+":
			return x + y
		case "-":
			return x - y
		case "*":
			return x * y
		}
		if y == 0 || y == -1 && x == math.MinInt64 {
			return nil
		}
		if op == "/" {
			return x / y
		}
		return x % y
	}
	f, ok1 := number(a)
	g, ok2 := number(b)
	if !ok1 || !ok2 {
		_, s1 := a.(string)
		_, s2 := b.(string)
		if op == "+" && (s1 || s2) {
			return Text(a) + Text(b)
		}
		return nil
	}
	switch op {
	case "+":
		return f + g
	case "-":
		return f - g
	case "*":
		return f * g
	}
	if g == 0 {
		return nil
	}
	if op == "/" {
		return f / g
	}
	return math.Mod(f, g)
}
