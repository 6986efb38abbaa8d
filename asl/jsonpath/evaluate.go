package jsonpath

import (
	"fmt"
	"strconv"
	"strings"

	"anthill/value"
)

// maxVisits bounds the values that one evaluation looks at. The largest payload, 256 KiB, has some 130,000 values; a path
// such as "$..*..*..*" would look at each of them again and again.
const maxVisits = 2_000_000

// evaluator runs one path over one document. It keeps the way to the current value, for messages.
type evaluator struct {
	path   *Path
	doc    value.Value
	out    []value.Value
	trail  []mark
	quiet  int // above 0: nobody will read the message of a missing value
	visits int
}

// mark is one component of the way to a value.
type mark struct {
	name  string
	index int // -1: name
}

// trouble ends an evaluation. A missing value is overlooked by a wildcard over an array and by a filter; other trouble is not.
type trouble struct {
	msg     string
	missing bool
}

var unsaid = &trouble{missing: true} // a missing value whose message nobody will read; never changed

func (e *evaluator) run() (value.Value, *trouble) {
	if err := e.eval(0, e.doc); err != nil {
		return value.Value{}, err
	}
	if !e.path.definite {
		if e.out == nil {
			e.out = []value.Value{}
		}
		return value.OfArray(e.out...), nil
	}
	if len(e.out) == 0 {
		return value.Value{}, e.missing("No results for path: $%s", printSteps(e.path.steps))
	}
	return e.out[0], nil
}

func (e *evaluator) missing(format string, args ...any) *trouble {
	if e.quiet > 0 {
		return unsaid
	}
	return &trouble{msg: fmt.Sprintf(format, args...), missing: true}
}

// here is the way to the current value, as "$['a'][0]".
func (e *evaluator) here() string {
	var b strings.Builder
	b.WriteByte('$')
	for _, m := range e.trail {
		if m.index < 0 {
			b.WriteString("['" + m.name + "']")
		} else {
			b.WriteString("[" + strconv.Itoa(m.index) + "]")
		}
	}
	return b.String()
}

// eval applies step i and those after it to v.
func (e *evaluator) eval(i int, v value.Value) *trouble {
	if e.visits++; e.visits > maxVisits {
		return &trouble{msg: "The path selects too many values"}
	}
	if i == len(e.path.steps) {
		e.out = append(e.out, v)
		return nil
	}
	switch s := &e.path.steps[i]; s.kind {
	case stepName, stepNames:
		if v.Kind() != value.Object {
			if e.quiet > 0 {
				return unsaid
			}
			return e.missing("Property %s not found in path %s", s, e.here())
		}
		if s.kind == stepNames {
			return e.members(i, s, v)
		}
		return e.member(i, s.name, v)
	case stepAll:
		return e.all(i, v)
	case stepScan:
		return e.scan(i+1, v)
	case stepFilter:
		return e.filter(i, s, v)
	default:
		return e.items(i, s, v)
	}
}

// member goes on with v's member name.
func (e *evaluator) member(i int, name string, v value.Value) *trouble {
	next := v.Get(name)
	if next.IsAbsent() {
		last := i == len(e.path.steps)-1
		if !last && !e.strict(i) {
			return nil
		}
		if e.quiet > 0 {
			return unsaid
		}
		if last {
			return e.missing("No results for path: %s['%s']", e.here(), name)
		}
		return e.missing("Missing property in path %s['%s']", e.here(), name)
	}
	e.trail = append(e.trail, mark{name, -1})
	err := e.eval(i+1, next)
	e.trail = e.trail[:len(e.trail)-1]
	return err
}

// strict reports whether a missing member in the middle of a path is trouble: AWS's library asks whether the step before
// and everything after it is definite.
func (e *evaluator) strict(i int) bool {
	return e.path.steps[i].definite() && (i == 0 || e.path.onward[i-1]) && (i > 0 || e.path.definite)
}

// members makes an object of those members that are there. Only the end of a path can be like this.
func (e *evaluator) members(i int, s *step, v value.Value) *trouble {
	if i != len(e.path.steps)-1 {
		return &trouble{msg: fmt.Sprintf("Multi properties can only be used as path leafs: %s%s", e.here(), s)}
	}
	ms := make([]value.Member, 0, len(s.names))
	for _, name := range s.names {
		if x := v.Get(name); !x.IsAbsent() {
			ms = append(ms, value.Member{Key: name, Value: x})
		}
	}
	return e.eval(i+1, value.OfObject(ms...))
}

// item goes on with item n of an array.
func (e *evaluator) item(i, n int, v value.Value) *trouble {
	next := v.Index(n)
	if next.IsAbsent() {
		if e.quiet > 0 {
			return unsaid
		}
		return e.missing("Index out of bounds when evaluating path %s[%d]", e.here(), n)
	}
	e.trail = append(e.trail, mark{"", n})
	err := e.eval(i+1, next)
	e.trail = e.trail[:len(e.trail)-1]
	return err
}

// items goes on with the items that s picks.
func (e *evaluator) items(i int, s *step, v value.Value) *trouble {
	if v.IsNull() {
		if e.quiet > 0 {
			return unsaid
		}
		return e.missing("The path %s is null", e.here())
	}
	if v.Kind() != value.Array {
		return &trouble{msg: "Filter: " + printSteps(e.path.steps[i:]) + " can only be applied to arrays. Current context is: " + Text(v)}
	}
	from, to := 0, v.Len()
	switch s.kind {
	case stepIndex, stepIndexs:
		for _, n := range s.nums {
			if err := e.item(i, n, v); err != nil {
				return err
			}
		}
		return nil
	case stepLast:
		return e.item(i, to+s.nums[0], v)
	case stepFrom:
		if from = s.nums[0]; from < 0 {
			from = max(0, to+from)
		}
	case stepTo:
		if s.nums[0] < 0 {
			to += s.nums[0]
		} else {
			to = min(to, s.nums[0])
		}
	case stepRange:
		from, to = s.nums[0], min(to, s.nums[1])
	}
	for n := from; n < to; n++ {
		if err := e.item(i, n, v); err != nil {
			return err
		}
	}
	return nil
}

// all goes on with every member or item. Items that the rest of the path does not fit are left out; members are not.
func (e *evaluator) all(i int, v value.Value) *trouble {
	switch v.Kind() {
	case value.Object:
		for k, x := range v.Members() {
			e.trail = append(e.trail, mark{k, -1})
			err := e.eval(i+1, x)
			e.trail = e.trail[:len(e.trail)-1]
			if err != nil {
				return err
			}
		}
	case value.Array:
		for n, x := range v.Slice() {
			e.quiet++
			e.trail = append(e.trail, mark{"", n})
			err := e.eval(i+1, x)
			e.trail = e.trail[:len(e.trail)-1]
			e.quiet--
			if err != nil && !err.missing {
				return err
			}
		}
	}
	return nil
}

// scan applies step i, the one after "..", to v and everything in it.
func (e *evaluator) scan(i int, v value.Value) *trouble {
	if e.visits++; e.visits > maxVisits {
		return &trouble{msg: "The path selects too many values"}
	}
	k := v.Kind()
	if k != value.Object && k != value.Array {
		return nil
	}
	fits, err := e.scanFits(i, v)
	if err != nil {
		return err
	}
	last := i == len(e.path.steps)-1
	switch {
	case !fits:
	case k == value.Object || last:
		err = e.eval(i, v)
	default:
		// The library leaves the step itself out for an array in the middle of a path, and takes every item.
		err = e.each(i+1, v, false)
	}
	if err != nil {
		return err
	}
	return e.each(i, v, true)
}

// each applies step i to every member or item, or looks on for places where it fits.
func (e *evaluator) each(i int, v value.Value, look bool) (err *trouble) {
	keys := v.Keys()
	for n, x := range v.Items() {
		m := mark{index: n}
		if keys != nil {
			m = mark{keys[n], -1}
		}
		e.trail = append(e.trail, m)
		if look {
			err = e.scan(i, x)
		} else {
			err = e.eval(i, x)
		}
		e.trail = e.trail[:len(e.trail)-1]
		if err != nil {
			return err
		}
	}
	return nil
}

// scanFits reports whether ".." stops at v to apply step i.
func (e *evaluator) scanFits(i int, v value.Value) (bool, *trouble) {
	switch s := &e.path.steps[i]; s.kind {
	case stepName:
		return !v.Get(s.name).IsAbsent(), nil
	case stepNames:
		for _, name := range s.names {
			if v.Get(name).IsAbsent() {
				return false, nil
			}
		}
		return true, nil
	case stepAll:
		return true, nil
	case stepFilter:
		return e.accepts(s.filter, v)
	case stepScan:
		return false, nil
	}
	return v.Kind() == value.Array, nil
}
