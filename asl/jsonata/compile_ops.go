package jsonata

import (
	"math"

	"anthill/value"
)

func floor(f float64) float64 { return math.Floor(f) }

func (c *compiler) binary(n *node) code {
	lhs, rhs := c.expr(n.lhs), c.expr(n.rhs)
	pos := n.pos
	switch op := n.text; op {
	case "and":
		return func(ev *eval, in val, f *frame) val {
			return ofBool(ev.under(lhs, in, f, truthy) && ev.under(rhs, in, f, truthy))
		}
	case "or":
		return func(ev *eval, in val, f *frame) val {
			return ofBool(ev.under(lhs, in, f, truthy) || ev.under(rhs, in, f, truthy))
		}
	case "+", "-", "*", "/", "%":
		return arithmetic(op, lhs, rhs, pos)
	case "=", "!=":
		want := op == "="
		return operator(lhs, rhs, func(ev *eval, a, b val) val {
			if a.undef() || b.undef() {
				return ofBool(false)
			}
			return ofBool(ev.equal(a, b) == want)
		})
	case "<", "<=", ">", ">=":
		return comparison(op, lhs, rhs, pos)
	case "&":
		return operator(lhs, rhs, func(ev *eval, a, b val) val {
			x, y := ev.textOf(a, pos), ev.textOf(b, pos)
			ev.charge(len(x) + len(y))
			ev.weigh(len(x) + len(y))
			return ofString(x + y)
		})
	case "..":
		return operator(lhs, rhs, func(ev *eval, a, b val) val { return rangeOf(ev, a, b, pos) })
	case "in":
		return operator(lhs, rhs, includes)
	}
	panic(&Error{Code: "S0204", Position: pos, Token: n.text})
}

// under evaluates one operand a level deeper and tests it.
func (ev *eval) under(operand code, in val, f *frame, test func(val) bool) bool {
	ev.down()
	r := operand(ev, in, f)
	ev.up()
	return test(r)
}

// operator evaluates both operands, the left one first.
func operator(lhs, rhs code, apply func(ev *eval, a, b val) val) code {
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		a := lhs(ev, in, f)
		b := rhs(ev, in, f)
		ev.up()
		return apply(ev, a, b)
	}
}

func arithmetic(op string, lhs, rhs code, pos int) code {
	var calc func(x, y float64) float64
	switch op {
	case "+":
		calc = func(x, y float64) float64 { return x + y }
	case "-":
		calc = func(x, y float64) float64 { return x - y }
	case "*":
		calc = func(x, y float64) float64 { return x * y }
	case "/":
		calc = func(x, y float64) float64 { return x / y }
	default:
		calc = math.Mod
	}
	return operator(lhs, rhs, func(ev *eval, a, b val) val {
		if a.b == nil && b.b == nil && a.v.Kind() == value.Number && b.v.Kind() == value.Number {
			return ofNum(calc(a.v.Float(), b.v.Float()))
		}
		ev.pos = pos
		if !a.undef() && !finite(a) {
			panic(&Error{Code: "T2001", Position: pos, Token: op, detail: a})
		}
		if !b.undef() && !finite(b) {
			panic(&Error{Code: "T2002", Position: pos, Token: op, detail: b})
		}
		return undefined
	})
}

func comparison(op string, lhs, rhs code, pos int) code {
	holds := map[string]func(less, equal bool) bool{
		"<":  func(less, equal bool) bool { return less },
		"<=": func(less, equal bool) bool { return less || equal },
		">":  func(less, equal bool) bool { return !less && !equal },
		">=": func(less, equal bool) bool { return !less },
	}[op]
	return operator(lhs, rhs, func(ev *eval, a, b val) val {
		for _, x := range [2]val{a, b} {
			if !x.undef() && !x.isString() && !x.isNumber() {
				panic(&Error{Code: "T2010", Position: pos, Token: op, detail: x})
			}
		}
		if a.undef() || b.undef() {
			return undefined
		}
		if a.isString() != b.isString() {
			panic(&Error{Code: "T2009", Position: pos, Token: op, detail: a, detail2: b})
		}
		if a.isString() {
			r := compareStrings(a.text(), b.text())
			return ofBool(holds(r < 0, r == 0))
		}
		x, y := a.num(), b.num()
		if x != x || y != y {
			return ofBool(false)
		}
		return ofBool(holds(x < y, x == y))
	})
}

// textOf is an operand of &: what $string makes of it, or nothing.
func (ev *eval) textOf(v val, pos int) string {
	switch {
	case v.undef():
		return ""
	case v.isString():
		return v.text()
	}
	ev.pos = pos
	return ev.stringify(v, false)
}

const maxRange = 10_000_000

// rangeOf is lhs..rhs. Its numbers are not written down before somebody looks at them.
func rangeOf(ev *eval, a, b val, pos int) val {
	if !a.undef() && (!a.isNumber() || a.num() != math.Trunc(a.num()) || math.IsInf(a.num(), 0)) {
		panic(&Error{Code: "T2003", Position: pos, Token: "..", detail: a})
	}
	if !b.undef() && (!b.isNumber() || b.num() != math.Trunc(b.num()) || math.IsInf(b.num(), 0)) {
		panic(&Error{Code: "T2004", Position: pos, Token: "..", detail: b})
	}
	if a.undef() || b.undef() || a.num() > b.num() {
		return undefined
	}
	size := b.num() - a.num() + 1
	if size > maxRange {
		panic(&Error{Code: "D2014", Position: pos, Token: "..", detail: ofNum(size)})
	}
	ev.charge(boxSize)
	ev.weigh(8 * int(size))
	return val{b: &box{seq: true, lazy: true, low: a.num(), size: int(size)}}
}

// includes is lhs in rhs: identity, not likeness, as JavaScript's === has it.
func includes(ev *eval, a, b val) val {
	if a.undef() || b.undef() {
		return ofBool(false)
	}
	same := func(x val) bool {
		if a.b != nil && a.b.kind != boxNumber || x.b != nil && x.b.kind != boxNumber {
			return a.b == x.b
		}
		if a.v.Kind() >= value.Array {
			return false
		}
		return ev.equal(a, x)
	}
	if !b.isArray() {
		return ofBool(same(b))
	}
	for i := range b.len() {
		if same(b.at(i)) {
			return ofBool(true)
		}
	}
	return ofBool(false)
}

func (c *compiler) unary(n *node) code {
	switch n.text {
	case "[":
		return c.arrayOf(n)
	case "{":
		var group groupCode
		group = c.group(n)
		return code(group)
	}
	operand, pos := c.expr(n.rhs), n.pos
	return func(ev *eval, in val, f *frame) val {
		ev.down()
		v := operand(ev, in, f)
		ev.up()
		ev.pos = pos
		switch {
		case v.undef():
			return v
		case !finite(v):
			panic(&Error{Code: "D1002", Position: pos, Token: "-", detail: v})
		}
		return ofNum(-v.num())
	}
}
