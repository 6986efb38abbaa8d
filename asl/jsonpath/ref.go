package jsonpath

import (
	"errors"
	"strconv"
	"strings"

	"anthill/asl/failure"
	"anthill/value"
)

// Ref is a compiled reference path (Amazon States Language, "Reference Paths"): names and array indices only.
type Ref struct {
	Path
}

// CompileRef reads a reference path. In a name after "." a backslash makes the next character ordinary. The error is a
// *SyntaxError; AWS puts "Value is not a Reference Path: " before its message.
func CompileRef(text string) (*Ref, error) {
	r := &Ref{Path{text: text}}
	c := compiler{text: trimRight(text)}
	if err := c.reference(&r.Path); err != nil {
		return nil, &SyntaxError{Path: text, Msg: err.Error()}
	}
	r.finish()
	return r, nil
}

func (c *compiler) reference(p *Path) error {
	if !strings.HasPrefix(c.text, "$") {
		return errors.New("Reference path didn't start with '$'")
	}
	if err := c.start(p); err != nil {
		return err
	}
	for c.pos < len(c.text) {
		s, err := c.referenceStep()
		if err != nil {
			return err
		}
		p.steps = append(p.steps, s)
	}
	return nil
}

func (c *compiler) referenceStep() (step, error) {
	illegal := errors.New("Illegal reference path '" + c.text + "'")
	if c.text[c.pos] == '.' {
		if c.pos++; c.pos == len(c.text) {
			return step{}, errors.New("Path must not end with a '.'")
		}
		if c.text[c.pos] != '[' {
			name, ok := c.escapedName()
			if !ok {
				return step{}, illegal
			}
			return step{kind: stepName, name: name}, nil
		}
	}
	if c.text[c.pos] != '[' {
		return step{}, illegal
	}
	s, err := c.bracket()
	if err != nil {
		return step{}, err
	}
	if s.kind != stepName && (s.kind != stepIndex || s.nums[0] < 0) {
		return step{}, illegal
	}
	return s, nil
}

// escapedName reads a name up to the next unescaped "." or "[".
func (c *compiler) escapedName() (string, bool) {
	var b strings.Builder
	for ; c.pos < len(c.text); c.pos++ {
		switch ch := c.text[c.pos]; ch {
		case '.', '[':
			return b.String(), b.Len() > 0
		case '@', ',', ':', '?', '*', ' ', ']', '(', ')':
			return "", false
		case '\\':
			if c.pos++; c.pos == len(c.text) {
				return "", false
			}
			b.WriteByte(c.text[c.pos])
		default:
			b.WriteByte(ch)
		}
	}
	return b.String(), b.Len() > 0
}

// Set is root with v at r, as ResultPath does it: "$" replaces root, missing objects on the way are made, an array item is
// replaced, and the item after the last one (of a missing array: the first) is added. What cannot be done, such as a name
// inside a string, is a *failure.Failure, States.ReferencePathConflict.
func (r *Ref) Set(root, v value.Value) (value.Value, error) {
	out, conflict := setAt(r.steps, root, v)
	if conflict != nil {
		return value.Value{}, failure.New(failure.ReferencePathConflict, "Unable to apply step \"%s\" to input %s", stepText(conflict), root)
	}
	return out, nil
}

func stepText(s *step) string {
	if s.kind == stepIndex {
		return strconv.Itoa(s.nums[0])
	}
	return s.name
}

// setAt is old with v at the end of steps. conflict is the step that does not fit, if one does not.
func setAt(steps []step, old, v value.Value) (out value.Value, conflict *step) {
	if len(steps) == 0 {
		return v, nil
	}
	s := &steps[0]
	if s.kind == stepName {
		if !old.IsAbsent() && old.Kind() != value.Object {
			return old, s
		}
		x, conflict := setAt(steps[1:], old.Get(s.name), v)
		if conflict != nil {
			return old, conflict
		}
		return old.With(s.name, x), nil
	}
	n := s.nums[0]
	if !old.IsAbsent() && old.Kind() != value.Array || n > old.Len() {
		return old, s
	}
	x, conflict := setAt(steps[1:], old.Index(n), v)
	if conflict != nil {
		return old, conflict
	}
	items := append(make([]value.Value, 0, old.Len()+1), old.Slice()...)
	if n == len(items) {
		items = append(items, x)
	} else {
		items[n] = x
	}
	return value.OfArray(items...), nil
}
