package jsonata

import (
	"math"
	"strings"

	"anthill/value"
)

// val is a value during evaluation: JSON as it came (v), or something that the evaluation built (b). The zero val is
// undefined.
type val struct {
	v value.Value
	b *box
}

// box is what package value cannot hold: an array with JSONata's flags, an object that may still change or hold
// functions, a function, a number that is not finite, or a tuple.
type box struct {
	kind   boxKind
	seq    bool // array: a result sequence, which stands for its item when it has one
	cons   bool // array: from a constructor in a path; is not flattened
	keep   bool // array: stays an array even with one item
	tuples bool // array: its items are tuples
	outer  bool // array: wraps an input document that is an array
	lazy   bool // array: the whole numbers from low on; items is not made yet
	items  []val
	low    float64 // lazy
	size   int     // lazy
	keys   []string
	index  map[string]int
	num    float64
	fn     *function
	tup    *tuple
}

type boxKind uint8

const (
	boxArray boxKind = iota
	boxObject
	boxFunction
	boxNumber
	boxTuple
)

// tuple is one row of a tuple stream: a context value and named companions.
type tuple struct {
	ctx   val
	names []string
	vals  []val
}

func (t *tuple) get(name string) (val, bool) {
	for i, n := range t.names {
		if n == name {
			return t.vals[i], true
		}
	}
	return val{}, false
}

func (t *tuple) set(name string, v val) {
	for i, n := range t.names {
		if n == name {
			t.vals[i] = v
			return
		}
	}
	t.names = append(t.names, name)
	t.vals = append(t.vals, v)
}

func (t *tuple) clone() *tuple {
	c := &tuple{ctx: t.ctx, names: make([]string, len(t.names), len(t.names)+2), vals: make([]val, len(t.vals), len(t.vals)+2)}
	copy(c.names, t.names)
	copy(c.vals, t.vals)
	return c
}

var undefined = val{}

func ofValue(v value.Value) val { return val{v: v} }
func ofString(s string) val     { return val{v: value.OfString(s)} }
func ofBool(b bool) val         { return val{v: value.OfBool(b)} }
func ofInt(n int) val           { return val{v: value.OfFloat(float64(n))} }

func ofNum(f float64) val {
	if f-f != 0 { // NaN and the infinities
		return val{b: &box{kind: boxNumber, num: f}}
	}
	return val{v: value.OfFloat(f)}
}

func ofItems(items []val) val { return val{b: &box{items: items}} }
func ofSeq(items []val) val   { return val{b: &box{items: items, seq: true}} }
func ofFunc(fn *function) val { return val{b: &box{kind: boxFunction, fn: fn}} }
func (a val) undef() bool     { return a.b == nil && a.v.IsAbsent() }
func (a val) isString() bool  { return a.v.Kind() == value.String }
func (a val) text() string    { return a.v.Text() }
func (a val) isNull() bool    { return a.v.IsNull() }
func (a val) isBool() bool    { return a.v.Kind() == value.Bool }
func (a val) isFunc() bool    { return a.b != nil && a.b.kind == boxFunction }
func (a val) isSeq() bool     { return a.b != nil && a.b.kind == boxArray && a.b.seq }
func (a val) isTuples() bool  { return a.b != nil && a.b.kind == boxArray && a.b.tuples }
func (a val) isCons() bool    { return a.b != nil && a.b.kind == boxArray && a.b.cons }
func (a val) isOuter() bool   { return a.b != nil && a.b.kind == boxArray && a.b.outer }

func (a val) isNumber() bool {
	return a.v.Kind() == value.Number || a.b != nil && a.b.kind == boxNumber
}

func (a val) isArray() bool {
	if a.b != nil {
		return a.b.kind == boxArray
	}
	return a.v.Kind() == value.Array
}

func (a val) isObject() bool {
	if a.b != nil {
		return a.b.kind == boxObject
	}
	return a.v.Kind() == value.Object
}

// num is a's number; a must be one.
func (a val) num() float64 {
	if a.b != nil {
		return a.b.num
	}
	return a.v.Float()
}

// len is the number of items of an array or members of an object.
func (a val) len() int {
	if a.b == nil {
		return a.v.Len()
	}
	if a.b.lazy {
		return a.b.size
	}
	return len(a.b.items)
}

// at is item i of an array.
func (a val) at(i int) val {
	if a.b == nil {
		return val{v: a.v.Index(i)}
	}
	if a.b.lazy {
		return ofNum(a.b.low + float64(i))
	}
	return a.b.items[i]
}

// appendTo adds a's items to list.
func (a val) appendTo(list []val) []val {
	switch {
	case a.b == nil:
		for _, x := range a.v.Slice() {
			list = append(list, val{v: x})
		}
	case a.b.lazy:
		for i := range a.b.size {
			list = append(list, ofNum(a.b.low+float64(i)))
		}
	default:
		list = append(list, a.b.items...)
	}
	return list
}

// list is a's items as a slice that must not be changed.
func (a val) list() []val {
	if a.b != nil && !a.b.lazy {
		return a.b.items
	}
	return a.appendTo(make([]val, 0, a.len()))
}

// get is the member of an object.
func (a val) get(key string) val {
	if a.b == nil {
		return val{v: a.v.Get(key)}
	}
	if a.b.kind == boxObject {
		if i := a.b.find(key); i >= 0 {
			return a.b.items[i]
		}
	}
	return undefined
}

// member is the i-th member of an object.
func (a val) member(i int) (string, val) {
	if a.b == nil {
		m := a.v.At(i)
		return m.Key, val{v: m.Value}
	}
	return a.b.keys[i], a.b.items[i]
}

const indexFrom = 12

func (b *box) find(key string) int {
	if b.index != nil {
		if i, ok := b.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range b.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// set puts v under key of an object that is being built, or that a transform may change.
func (b *box) set(key string, v val) {
	if i := b.find(key); i >= 0 {
		b.items[i] = v
		return
	}
	b.keys = append(b.keys, key)
	b.items = append(b.items, v)
	switch {
	case b.index != nil:
		b.index[key] = len(b.keys) - 1
	case len(b.keys) > indexFrom:
		b.index = make(map[string]int, 2*len(b.keys))
		for i, k := range b.keys {
			b.index[k] = i
		}
	}
}

func (b *box) remove(key string) {
	i := b.find(key)
	if i < 0 {
		return
	}
	keys, items := append([]string{}, b.keys[:i]...), append([]val{}, b.items[:i]...)
	b.keys, b.items = append(keys, b.keys[i+1:]...), append(items, b.items[i+1:]...)
	if b.index != nil {
		for j, k := range b.keys {
			b.index[k] = j
		}
		delete(b.index, key)
	}
}

func newObject() *box { return &box{kind: boxObject} }

// finish is what every expression does with its result: an empty sequence is undefined, one of one item is the item.
func finish(v val) val {
	if v.b == nil || !v.b.seq || v.b.tuples {
		return v
	}
	switch v.len() {
	case 0:
		return undefined
	case 1:
		if !v.b.keep {
			return v.at(0)
		}
	}
	return v
}

// kept is the sequence v marked to stay an array.
func kept(v val) val {
	if v.b == nil || v.b.kind != boxArray || v.b.keep {
		return v
	}
	c := *v.b
	c.keep = true
	return val{b: &c}
}

// truthy is $boolean; undefined is false.
func truthy(v val) bool {
	if v.b != nil {
		switch v.b.kind {
		case boxArray:
			if v.len() == 1 {
				return truthy(v.at(0))
			}
			for i := range v.len() {
				if truthy(v.at(i)) {
					return true
				}
			}
			return false
		case boxObject:
			return len(v.b.keys) > 0
		case boxNumber:
			finite(v)
		}
		return false
	}
	switch v.v.Kind() {
	case value.Bool:
		return v.v.Bool()
	case value.Number:
		return v.v.Float() != 0
	case value.String:
		return v.v.Text() != ""
	case value.Object:
		return v.v.Len() > 0
	case value.Array:
		for _, x := range v.v.Slice() {
			if truthy(val{v: x}) {
				return true
			}
		}
	}
	return false
}

// notFinite is how JavaScript names f. Step Functions writes the name where JSON has no number for it.
func notFinite(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return "NaN"
}

// finite reports whether v is a number that arithmetic takes. An infinity is an error, NaN is no number.
func finite(v val) bool {
	if v.b == nil {
		return v.v.Kind() == value.Number
	}
	if v.b.kind != boxNumber {
		return false
	}
	if math.IsInf(v.b.num, 0) {
		panic(&Error{Code: "D1001", Position: -1, detail: v})
	}
	return false
}

// equal is the = operator on two values that are there.
func (ev *eval) equal(a, b val) bool {
	ev.step()
	if a.b == nil && b.b == nil && a.v.Kind() < value.Array {
		return a.v.Kind() == b.v.Kind() && (a.v.Kind() != value.Number && value.Equal(a.v, b.v) ||
			a.v.Kind() == value.Number && a.v.Float() == b.v.Float())
	}
	switch {
	case a.isNumber():
		return b.isNumber() && a.num() == b.num()
	case a.isArray():
		if !b.isArray() || a.len() != b.len() {
			return false
		}
		ev.enter()
		defer ev.leave()
		for i := range a.len() {
			if !ev.equal(a.at(i), b.at(i)) {
				return false
			}
		}
		return true
	case a.isObject():
		if !b.isObject() || a.len() != b.len() {
			return false
		}
		ev.enter()
		defer ev.leave()
		for i := range a.len() {
			k, x := a.member(i)
			y := b.get(k)
			if y.undef() || !ev.equal(x, y) {
				return false
			}
		}
		return true
	case a.isFunc():
		return b.isFunc() && a.b.fn == b.b.fn
	}
	return a.undef() && b.undef()
}

// compareStrings orders as JavaScript does, by UTF-16 units.
func compareStrings(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		// Bytes order as units do, but for surrogates (above U+FFFF) against U+E000…U+FFFF.
		x, y := a[i], b[i]
		if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			x, y = y, x
		}
		if x < y {
			return -1
		}
		return 1
	}
	return strings.Compare(a[n:], b[n:])
}

// out turns a result into plain JSON. Functions become empty strings as $string has them, undefined items null.
func (ev *eval) out(v val) value.Value {
	if v.b == nil {
		return v.v
	}
	ev.enter()
	defer ev.leave()
	switch v.b.kind {
	case boxArray:
		items := make([]value.Value, v.len())
		ev.charge(len(items) * valSize)
		for i := range items {
			items[i] = orNull(ev.out(v.at(i)))
		}
		return value.OfArray(items...)
	case boxObject:
		return ev.outObject(v.b)
	case boxFunction:
		return value.OfString("")
	}
	if ev.expr != nil && ev.expr.states {
		return value.OfString(notFinite(v.b.num))
	}
	return value.NullValue
}

func (ev *eval) outObject(b *box) value.Value {
	ev.charge(len(b.keys) * valSize)
	keys, items := b.keys, make([]value.Value, len(b.keys))
	n := 0
	for i := range items {
		x := ev.out(b.items[i])
		if x.IsAbsent() {
			if n == i {
				keys = append([]string(nil), keys...)
			}
			continue
		}
		if n < i {
			keys[n] = b.keys[i]
		}
		items[n] = x
		n++
	}
	return value.OfKeys(keys[:n:n], items[:n])
}

func orNull(v value.Value) value.Value {
	if v.IsAbsent() {
		return value.NullValue
	}
	return v
}
