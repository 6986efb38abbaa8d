package choice

import (
	"cmp"
	"strings"
	"time"

	"anthill/value"
)

// family is what a comparison compares.
type family uint8

const (
	texts family = iota
	numbers
	booleans
	timestamps
)

// operand is the right side of a comparison, ready to be compared.
type operand struct {
	value value.Value
	time  time.Time
}

// prepare makes v an operand; ok is false when it is not of the family.
func prepare(f family, v value.Value) (o operand, ok bool) {
	switch f {
	case numbers:
		return operand{value: v}, v.Kind() == value.Number
	case booleans:
		return operand{value: v}, v.Kind() == value.Bool
	case timestamps:
		t, ok := timestamp(v)
		return operand{value: v, time: t}, ok
	}
	return operand{value: v}, v.Kind() == value.String
}

// compare orders v and o: -1, 0 or 1. ok is false when v is not of the family.
func compare(f family, v value.Value, o operand) (n int, ok bool) {
	switch {
	case f == texts && v.Kind() == value.String:
		return strings.Compare(v.Text(), o.value.Text()), true
	case f == numbers && v.Kind() == value.Number:
		a, ok1 := v.Int()
		b, ok2 := o.value.Int()
		if ok1 && ok2 {
			return cmp.Compare(a, b), true
		}
		return cmp.Compare(v.Float(), o.value.Float()), true
	case f == booleans && v.Kind() == value.Bool:
		if v.Bool() == o.value.Bool() {
			return 0, true
		}
		return 1, true
	case f == timestamps:
		t, ok := timestamp(v)
		return t.Compare(o.time), ok
	}
	return 0, false
}

// timestamp reads RFC 3339 with a capital T and Z, as AWS wants it; the seconds may be missing.
func timestamp(v value.Value) (time.Time, bool) {
	text := v.Text()
	if len(text) < len("2006-01-02T15:04Z") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04Z07:00", text)
	}
	return t, err == nil
}

// pattern is the texts between the stars of StringMatches.
type pattern []string

// compilePattern reads a pattern: "*" is any text, "\*" a star and "\\" a backslash.
func compilePattern(text string) (p pattern, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '*':
			p = append(p, b.String())
			b.Reset()
		case '\\':
			if i++; i == len(text) || text[i] != '*' && text[i] != '\\' {
				return nil, false
			}
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return append(p, b.String()), true
}

// match reports whether s fits the pattern. It looks at each text's first occurrence only, which is enough.
func (p pattern) match(s string) bool {
	if len(p) == 1 {
		return s == p[0]
	}
	first, last := p[0], p[len(p)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, text := range p[1 : len(p)-1] {
		i := strings.Index(s, text)
		if i < 0 {
			return false
		}
		s = s[i+len(text):]
	}
	return true
}
