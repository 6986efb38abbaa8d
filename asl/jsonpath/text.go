package jsonpath

import (
	"math"
	"strconv"
	"strings"

	"anthill/value"
)

// Text prints v as AWS prints values in messages and in States.Format, which is how Java prints them: a string as it is,
// an object as {a=1, b=[x, y]}, a fraction always with a point.
func Text(v value.Value) string {
	switch v.Kind() {
	case value.String:
		return v.Text()
	case value.Number:
		return numberText(v.NumberText())
	}
	return string(appendText(nil, v))
}

func appendText(b []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.String:
		return append(b, v.Text()...)
	case value.Number:
		return append(b, numberText(v.NumberText())...)
	case value.Bool:
		return strconv.AppendBool(b, v.Bool())
	case value.Array:
		b = append(b, '[')
		for i, x := range v.Slice() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendText(b, x)
		}
		return append(b, ']')
	case value.Object:
		b = append(b, '{')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ", "...)
			}
			m := v.At(i)
			b = append(append(b, m.Key...), '=')
			b = appendText(b, m.Value)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// numberText prints a number as Java prints a Long, a BigInteger or a Double.
func numberText(s string) string {
	if !strings.ContainsAny(s, ".eE") {
		if s == "-0" {
			return "0"
		}
		return s
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if a := math.Abs(f); a == 0 || a >= 1e-3 && a < 1e7 {
		t := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(t, ".") {
			t += ".0"
		}
		return t
	}
	t := strconv.FormatFloat(f, 'E', -1, 64)
	mantissa, exponent, _ := strings.Cut(t, "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	exponent = strings.TrimPrefix(exponent, "+")
	sign := ""
	if strings.HasPrefix(exponent, "-") {
		sign, exponent = "-", exponent[1:]
	}
	return mantissa + "E" + sign + strings.TrimLeft(exponent, "0")
}
