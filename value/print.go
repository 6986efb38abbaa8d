package value

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// String is v as compact JSON; "" when v is Absent.
func (v Value) String() string {
	switch {
	case v.kind == Absent:
		return ""
	case v.node != nil && v.node.canonical:
		return v.node.raw
	}
	return string(v.AppendJSON(nil))
}

// JSON is v as compact JSON bytes.
func (v Value) JSON() []byte { return v.AppendJSON(nil) }

// AppendJSON adds v to b as compact JSON. Absent prints as null, since JSON has no other word.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case Bool:
		return strconv.AppendBool(b, v.num != 0)
	case Number:
		if v.text != "" {
			return append(b, v.text...)
		}
		return appendFloat(b, v.num)
	case String:
		if v.num == clean {
			return append(append(append(b, '"'), v.text...), '"')
		}
		return AppendQuoted(b, v.text)
	case Array, Object:
		return v.appendContainer(b)
	}
	return append(b, "null"...)
}

func (v Value) appendContainer(b []byte) []byte {
	if v.node.canonical {
		return append(b, v.node.raw...)
	}
	return v.appendParts(b, Value.AppendJSON)
}

func (v Value) appendParts(b []byte, item func(Value, []byte) []byte) []byte {
	p := v.open()
	open, end := byte('['), byte(']')
	if v.kind == Object {
		open, end = '{', '}'
	}
	b = append(b, open)
	for i, x := range p.items {
		if i > 0 {
			b = append(b, ',')
		}
		if v.kind == Object {
			b = append(AppendQuoted(b, p.keys[i]), ':')
		}
		b = item(x, b)
	}
	return append(b, end)
}

const hexDigits = "0123456789abcdef"

// AppendQuoted adds s to b as a JSON string. Only what JSON requires is escaped.
func AppendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			if c >= utf8.RuneSelf {
				if r, n := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 {
					b = append(append(b, s[start:i]...), "\uFFFD"...)
					start = i + 1
				} else {
					i += n - 1
				}
			}
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// appendFloat writes f as ECMAScript's Number::toString does.
func appendFloat(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.AppendInt(b, int64(f), 10)
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	// Go pads the exponent to two digits, ECMAScript does not.
	if n := len(b); n-start >= 4 && b[n-2] == '0' && (b[n-3] == '-' || b[n-3] == '+') {
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}
