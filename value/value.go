package value

import (
	"iter"
	"math"
	"strconv"
	"sync/atomic"
	"unsafe"
)

// clean is num of a String that prints as it is.
const clean = 1

// Kind is one of JSON's six kinds, or Absent.
type Kind uint8

const (
	Absent Kind = iota // no value at all: what a path that matches nothing gives. The zero Value.
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"absent", "null", "boolean", "number", "string", "array", "object"}

// String names the kind as JSON does: "null", "boolean", "number", "string", "array", "object"; or "absent".
func (k Kind) String() string { return kindNames[k] }

// Value is one JSON value. The zero Value is Absent.
type Value struct {
	kind Kind
	num  float64 // Bool: 0 or 1; Number: its value when text is empty; String: 1 when text needs no escapes
	text string  // String: the text, unescaped; Number: its text as it was written, or empty when it was computed
	node *node   // Array and Object
}

// node is the shared body of a container. raw is its text, until parts is made from it.
type node struct {
	raw       string // "" for a container that was built
	canonical bool   // raw is what AppendJSON would write
	parts     atomic.Pointer[parts]
}

type parts struct {
	items []Value
	keys  []string       // Object: keys[i] names items[i]
	index map[string]int // Object with more than indexFrom keys
}

const indexFrom = 8

// Member is one key of an object with its value.
type Member struct {
	Key   string
	Value Value
}

// NullValue is JSON's null. (The zero Value is Absent, which is not null.)
var NullValue = Value{kind: Null}

// OfBool gives true or false.
func OfBool(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1}
	}
	return Value{kind: Bool}
}

// OfString gives a string.
func OfString(s string) Value { return Value{kind: String, text: s} }

// OfInt gives a whole number, exactly.
func OfInt(n int64) Value { return Value{kind: Number, text: strconv.FormatInt(n, 10)} }

// OfFloat gives a number that prints as JavaScript prints it. NaN and infinities, which JSON does not have, give null.
func OfFloat(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return NullValue
	}
	return Value{kind: Number, num: f}
}

// OfNumberText gives a number that keeps its text. text must be a JSON number.
func OfNumberText(text string) Value { return Value{kind: Number, text: text} }

// OfArray gives an array of items. The slice belongs to the Value from now on.
func OfArray(items ...Value) Value {
	n := &node{}
	n.parts.Store(&parts{items: items})
	return Value{kind: Array, node: n}
}

// OfObject gives an object with members in this order. Of equal keys the last wins, in the first one's place.
func OfObject(members ...Member) Value {
	p := &parts{items: make([]Value, 0, len(members)), keys: make([]string, 0, len(members))}
	for _, m := range members {
		p.set(m.Key, m.Value)
	}
	return ofParts(Object, p)
}

// OfKeys gives an object in which keys[i] names items[i]. The keys must differ. Neither slice may change from now on; several
// Values may share keys.
func OfKeys(keys []string, items []Value) Value {
	p := &parts{keys: keys, items: items}
	if len(keys) > indexFrom {
		p.makeIndex()
	}
	return ofParts(Object, p)
}

func (p *parts) makeIndex() {
	p.index = make(map[string]int, 2*len(p.keys))
	for i, k := range p.keys {
		p.index[k] = i
	}
}

func ofParts(k Kind, p *parts) Value {
	n := &node{}
	n.parts.Store(p)
	return Value{kind: k, node: n}
}

// set puts v under key. p must not be shared yet.
func (p *parts) set(key string, v Value) {
	if i := p.find(key); i >= 0 {
		p.items[i] = v
		return
	}
	p.keys = append(p.keys, key)
	p.items = append(p.items, v)
	switch {
	case p.index != nil:
		p.index[key] = len(p.keys) - 1
	case len(p.keys) > indexFrom:
		p.makeIndex()
	}
}

func (p *parts) find(key string) int {
	if p.index != nil {
		if i, ok := p.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range p.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// Kind says what v is.
func (v Value) Kind() Kind { return v.kind }

// IsAbsent reports whether v is no value at all.
func (v Value) IsAbsent() bool { return v.kind == Absent }

// IsNull reports whether v is JSON's null.
func (v Value) IsNull() bool { return v.kind == Null }

// Bool is v's truth when v is a boolean, else false.
func (v Value) Bool() bool { return v.kind == Bool && v.num != 0 }

// Text is v's text, unescaped, when v is a string, else "".
func (v Value) Text() string {
	if v.kind == String {
		return v.text
	}
	return ""
}

// Float is v's number, rounded to the nearest float64, when v is a number, else 0.
func (v Value) Float() float64 {
	if v.kind != Number {
		return 0
	}
	if v.text == "" {
		return v.num
	}
	if f, ok := shortFloat(v.text); ok {
		return f
	}
	f, _ := strconv.ParseFloat(v.text, 64) // out of range gives an infinity, which is the nearest answer
	return f
}

// pow10 holds the powers of ten up to what a short number can have behind its point.
var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortFloat reads a number of up to 15 digits without an exponent. Its digits and the power of ten are both exact, so
// that the one division rounds right.
func shortFloat(s string) (f float64, ok bool) {
	if len(s) > 16 {
		return 0, false
	}
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	n, digits, places, point := int64(0), 0, 0, false
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
			digits++
			if point {
				places++
			}
		case c == '.':
			point = true
		default:
			return 0, false
		}
	}
	if digits > 15 {
		return 0, false
	}
	f = float64(n) / pow10[places]
	if negative {
		f = -f
	}
	return f, true
}

// Int is v as a whole number; ok is false when v is no number, has a fraction, or does not fit.
func (v Value) Int() (n int64, ok bool) {
	if v.kind != Number {
		return 0, false
	}
	if v.text != "" {
		if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
			return n, true
		}
	}
	f := v.Float()
	if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// NumberText is the text of a number as it was written, or as it prints when it was computed; "" for other kinds.
func (v Value) NumberText() string {
	if v.kind != Number {
		return ""
	}
	if v.text != "" {
		return v.text
	}
	return string(appendFloat(nil, v.num))
}

// Len is the number of items of an array or keys of an object, else 0.
func (v Value) Len() int {
	if p := v.open(); p != nil {
		return len(p.items)
	}
	return 0
}

// Index is item i of an array, counted from 0; Absent when v is no array or has no such item.
func (v Value) Index(i int) Value {
	if v.kind != Array {
		return Value{}
	}
	p := v.open()
	if i < 0 || i >= len(p.items) {
		return Value{}
	}
	return p.items[i]
}

// Get is the value under key of an object; Absent when v is no object or has no such key.
func (v Value) Get(key string) Value {
	if v.kind != Object {
		return Value{}
	}
	p := v.open()
	if i := p.find(key); i >= 0 {
		return p.items[i]
	}
	return Value{}
}

// At is item i of an array or the i-th member of an object, with its key.
func (v Value) At(i int) Member {
	p := v.open()
	if p == nil || i < 0 || i >= len(p.items) {
		return Member{}
	}
	if v.kind == Object {
		return Member{p.keys[i], p.items[i]}
	}
	return Member{Value: p.items[i]}
}

// Items ranges over the items of an array, or the values of an object, in order.
func (v Value) Items() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if p := v.open(); p != nil {
			for i, item := range p.items {
				if !yield(i, item) {
					return
				}
			}
		}
	}
}

// Members ranges over the keys and values of an object in order. It yields nothing for other kinds.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.kind != Object {
			return
		}
		p := v.open()
		for i, k := range p.keys {
			if !yield(k, p.items[i]) {
				return
			}
		}
	}
}

// Slice is the items of an array; nil for other kinds. The caller must not change it.
func (v Value) Slice() []Value {
	if v.kind != Array {
		return nil
	}
	return v.open().items
}

// Keys is the keys of an object in order; nil for other kinds. The caller must not change it.
func (v Value) Keys() []string {
	if v.kind != Object {
		return nil
	}
	return v.open().keys
}

// With is v, an object, with key set to x: in place when the key is there, at the end when it is not. When v is no
// object the result has that one member.
func (v Value) With(key string, x Value) Value {
	if v.kind != Object {
		return OfObject(Member{key, x})
	}
	old := v.open()
	if i := old.find(key); i >= 0 {
		items := make([]Value, len(old.items))
		copy(items, old.items)
		items[i] = x
		return ofParts(Object, &parts{items: items, keys: old.keys, index: old.index})
	}
	p := &parts{items: make([]Value, len(old.items), len(old.items)+1), keys: make([]string, len(old.keys), len(old.keys)+1)}
	copy(p.items, old.items)
	copy(p.keys, old.keys)
	p.set(key, x)
	return ofParts(Object, p)
}

// Without is v, an object, without key.
func (v Value) Without(key string) Value {
	if v.Get(key).IsAbsent() {
		return v
	}
	p := &parts{}
	for k, x := range v.Members() {
		if k != key {
			p.set(k, x)
		}
	}
	return ofParts(Object, p)
}

// Equal reports whether a and b are the same JSON: numbers by their value (1 equals 1.0), objects whatever their order.
func Equal(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case Bool:
		return a.num == b.num
	case Number:
		return a.text != "" && a.text == b.text || equalNumbers(a, b)
	case String:
		return a.text == b.text
	case Array, Object:
		return a.node == b.node || equalParts(a, b)
	}
	return true
}

func equalNumbers(a, b Value) bool {
	m, ok1 := a.Int()
	n, ok2 := b.Int()
	if ok1 && ok2 {
		return m == n
	}
	return a.Float() == b.Float()
}

func equalParts(a, b Value) bool {
	p, q := a.open(), b.open()
	if len(p.items) != len(q.items) {
		return false
	}
	for i, x := range p.items {
		y := Value{}
		if a.kind == Array {
			y = q.items[i]
		} else if j := q.find(p.keys[i]); j >= 0 {
			y = q.items[j]
		}
		if !Equal(x, y) {
			return false
		}
	}
	return true
}

// Sealed is v with its text, as Raw gives it, made once, so that printing it copies bytes.
func (v Value) Sealed() Value {
	if v.node == nil || v.node.raw != "" {
		return v
	}
	n := &node{raw: text(v.AppendRaw(v.room())), canonical: v.compact()}
	n.parts.Store(v.open())
	return Value{kind: v.kind, node: n}
}

// Compact is v with compact text, made once: Raw and String of it are the same.
func (v Value) Compact() Value {
	if v.node == nil || v.node.canonical {
		return v
	}
	n := &node{raw: text(v.AppendJSON(v.room())), canonical: true}
	if v.node.raw == "" && v.compact() {
		n.parts.Store(v.open())
	}
	return Value{kind: v.kind, node: n}
}

// room is an empty buffer about as big as v's text.
func (v Value) room() []byte {
	n := len(v.node.raw)
	if n == 0 {
		p := v.open()
		for i, item := range p.items {
			n += len(item.text) + 8
			if item.node != nil {
				n += len(item.node.raw)
			}
			if p.keys != nil {
				n += len(p.keys[i]) + 4
			}
		}
	}
	return make([]byte, 0, n+2)
}

// text makes a string of b without copying it. Nobody may change b afterwards.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Same reports whether a and b are one and the same container, whatever is in it; false for leaves.
func Same(a, b Value) bool { return a.node != nil && a.node == b.node }

// compact reports whether AppendRaw prints v as AppendJSON does.
func (v Value) compact() bool {
	if v.node == nil || v.node.raw != "" {
		return v.node == nil || v.node.canonical
	}
	for _, item := range v.open().items {
		if !item.compact() {
			return false
		}
	}
	return true
}

// Raw is v as it was written, white space and escapes included, as far as it was parsed and not changed; else compact
// JSON. Items of an array that was built stay as they were written.
func (v Value) Raw() string {
	if v.node != nil && v.node.raw != "" {
		return v.node.raw
	}
	return string(v.AppendRaw(nil))
}

// AppendRaw adds v.Raw() to b.
func (v Value) AppendRaw(b []byte) []byte {
	switch {
	case v.node == nil:
		return v.AppendJSON(b)
	case v.node.raw != "":
		return append(b, v.node.raw...)
	}
	return v.appendParts(b, Value.AppendRaw)
}

// Stored is the Value of text that Raw gave before, without reading it again; compact is what IsCompact said then. Text
// that is no JSON makes later calls panic.
func Stored(raw string, compact bool) Value {
	if raw == "" {
		return Value{}
	}
	return lazily(raw, compact)
}

// IsCompact reports whether Raw and String give the same text.
func (v Value) IsCompact() bool { return v.compact() }
