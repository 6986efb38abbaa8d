package jsonata

import (
	"fmt"

	"anthill/value"
)

// code is a compiled node: a function of the context value and the variables.
type code func(ev *eval, in val, f *frame) val

// frame holds the variables of one block, call or tuple.
type frame struct {
	parent *frame
	slots  []variable
	tup    *tuple
}

type variable struct {
	val
	set bool // bound already; a name not yet bound means the outer one
}

// function is a lambda, a built-in or a partial application.
type function struct {
	name   string
	arity  int // how many arguments $map and its kin hand over
	sig    *signature
	native func(ev *eval, in val, args []val) val
	lambda *lambda
	frame  *frame
	in     val
	tail   *tailCall
	regex  *regexLiteral
}

// lambda is the compiled form that the closures made of it share.
type lambda struct {
	name   string
	params int
	slots  int
	sig    *signature
	body   code
}

// tailCall is a call that a lambda ends with and leaves to its caller, so that it does not nest.
type tailCall struct {
	fn   val
	args []val
	pos  int
}

// eval is one evaluation.
type eval struct {
	env    Env
	limits Limits
	expr   *Expr
	root   val // $$
	steps  int
	depth  int
	level  int
	bytes  int
	stack  []val // arguments of the built-ins being called

	// where the call under way stands, for errors and for $eval
	pos       int
	name      string
	evalFrame *frame
	evalScope *scope
	seed      uint64
}

// Limits of Step Functions, as it was seen to refuse.
const (
	statesLevels = 100
	maxValue     = 6_990_256 // bytes of a value, at eight for a number and one for a character
	maxStepped   = 360_145   // numbers of $range
)

// What a val and a box take, for the account of memory.
const (
	valSize = 48
	boxSize = 144
)

func (l Limits) filled(states bool) Limits {
	if l.Steps == 0 {
		l.Steps = 2_000_000
	}
	if l.Depth == 0 {
		l.Depth = 1000
	}
	if l.Levels == 0 {
		l.Levels = 1000
		if states {
			l.Levels = statesLevels
		}
	}
	if l.Bytes == 0 {
		l.Bytes = 256 << 20
	}
	return l
}

// Eval evaluates the expression. Undefined is the zero Value. The error is an *Error.
func (e *Expr) Eval(env Env) (result value.Value, err error) {
	ev := &eval{env: env, limits: env.Limits.filled(e.states), expr: e}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			err = ev.located(r).complete(e.source)
		default:
			panic(r)
		}
	}()
	in := ofValue(env.Input)
	ev.root = in
	if in.isArray() {
		in = val{b: &box{seq: true, outer: true, items: []val{in}}}
	}
	var f *frame
	if n := len(e.root.names); n > 0 {
		f = &frame{slots: make([]variable, n)}
	}
	out := e.body(ev, in, f)
	if env.Data && out.isFunc() {
		return value.Value{}, &Error{Message: "the result is a function"}
	}
	return ev.out(out), nil
}

// located gives an error that does not say where it happened the place of the call under way.
func (ev *eval) located(e *Error) *Error {
	if e.Position < 0 {
		e.Position = ev.pos
		if e.Token == "" {
			e.Token = ev.name
		}
	}
	return e
}

func (ev *eval) step() {
	if ev.steps++; ev.steps > ev.limits.Steps {
		ev.exhausted("Expression evaluation timeout: Check for infinite loop")
	}
}

// enter goes deeper into a value, or into a call that a native function makes.
func (ev *eval) enter() {
	if ev.depth++; ev.depth > ev.limits.Depth {
		ev.tooDeep(ev.limits.Depth)
	}
}

// down goes into a node of the expression. One without nodes in it is the level below and does not count itself.
func (ev *eval) down() {
	if ev.level++; ev.level >= ev.limits.Levels {
		ev.tooDeep(ev.limits.Levels)
	}
}

func (ev *eval) up() { ev.level-- }

func (ev *eval) tooDeep(most int) {
	ev.exhausted(fmt.Sprintf("Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive. Depth=%d max=%d", most+1, most))
}

func (ev *eval) leave() { ev.depth-- }

// charge accounts for n bytes about to be built.
func (ev *eval) charge(n int) {
	if ev.bytes += n; ev.bytes > ev.limits.Bytes || ev.bytes < 0 {
		ev.tooMuch()
	}
}

// chargeN accounts for n pieces of size bytes, where n may be absurd.
func (ev *eval) chargeN(n float64, size int) {
	if n*float64(size) > float64(ev.limits.Bytes) {
		ev.tooMuch()
	}
	ev.charge(int(n) * size)
}

// weigh is charge for n bytes of one text, or n/8 numbers of one array: Step Functions limits each value.
func (ev *eval) weigh(n int) {
	if ev.expr.states && n > maxValue {
		ev.tooMuch()
	}
}

func (ev *eval) tooMuch() {
	ev.exhausted("Expression evaluation memory limit exceeded: Check for excessive memory usage")
}

func (ev *eval) exhausted(why string) { panic(&Error{Code: "U1001", Message: why, Position: -1}) }

// apply calls a function, and then whatever it ends by calling.
func (ev *eval) apply(fn val, args []val, in val) val {
	ev.enter()
	r := ev.applyOnce(fn, args, in)
	for r.b != nil && r.b.kind == boxFunction && r.b.fn.tail != nil {
		t := r.b.fn.tail
		ev.pos = t.pos
		r = ev.applyOnce(t.fn, t.args, in)
	}
	ev.leave()
	return r
}

func (ev *eval) applyOnce(fn val, args []val, in val) val {
	ev.step()
	if !fn.isFunc() {
		panic(&Error{Code: "T1006", Position: -1, detail: fn})
	}
	fun := fn.b.fn
	if fun.sig != nil {
		args = fun.sig.check(fun, args, in)
	}
	if fun.native != nil {
		return fun.native(ev, in, args)
	}
	l := fun.lambda
	ev.charge(valSize * l.slots)
	f := &frame{parent: fun.frame, slots: make([]variable, l.slots)}
	for i := range l.params {
		f.slots[i].set = true
		if i < len(args) {
			f.slots[i].val = args[i]
		}
	}
	return l.body(ev, fun.in, f)
}

// call is apply for the functions that call functions: value, key or index, and the whole, as far as fn takes them.
func (ev *eval) call(fn val, a, b, c val) val {
	args := make([]val, 1, 3)
	args[0] = a
	if fn.isFunc() {
		if n := fn.b.fn.arity; n >= 3 {
			args = append(args, b, c)
		} else if n == 2 {
			args = append(args, b)
		}
	}
	return ev.apply(fn, args, ofValue(value.NullValue))
}

// uint64 draws 64 random bits.
func (ev *eval) uint64() uint64 {
	if ev.env.Random != nil {
		return ev.env.Random()
	}
	return splitmix(&ev.seed)
}

// float draws a number from [0, 1).
func (ev *eval) float() float64 { return float64(ev.uint64()>>11) / (1 << 53) }

// splitmix is Steele, Lea and Flood's generator: enough for a seeded $random, and a function of its seed alone.
func splitmix(state *uint64) uint64 {
	*state += 0x9E3779B97F4A7C15
	z := *state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
