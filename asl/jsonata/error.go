package jsonata

import (
	"strings"
	"unicode/utf8"

	"anthill/value"
)

// Error is a failure to compile or to evaluate an expression.
type Error struct {
	Code     string      // JSONata's code: S… syntax, T… type, D… evaluation, U… limit
	Message  string      // JSONata's text for the code
	Position int         // in the source, in UTF-16 units, just after the token
	Token    string      // the operator, function or text it is about; may be empty
	Value    value.Value // the offending value; may be Absent
	Value2   value.Value // the other one, where a message names two
	Index    int         // argument number, from 1; 0: not about an argument

	expected        string // what the parser wanted; an argument's type
	detail, detail2 val    // become Value and Value2
}

// Error is the code and the message.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return e.Code + ": " + e.Message
}

// complete fills in what the place of failure left open: the text, and the position in JSONata's units.
func (e *Error) complete(src string) *Error {
	if e.Position > 0 {
		e.Position = units(src[:min(e.Position, len(src))])
	}
	e.Position = max(e.Position, 0)
	printer := &eval{limits: Limits{}.filled(false)}
	show := func(v val) value.Value {
		if v.isNumber() && v.b != nil {
			return value.NullValue
		}
		return printer.safeOut(v)
	}
	if !e.detail.undef() {
		e.Value = show(e.detail)
	}
	if !e.detail2.undef() {
		e.Value2 = show(e.detail2)
	}
	if e.Message == "" {
		e.Message = e.text()
	}
	return e
}

// safeOut is out for error values, which may be too deep to print.
func (ev *eval) safeOut(v val) (out value.Value) {
	defer func() {
		if recover() != nil {
			out = value.NullValue
		}
	}()
	return ev.out(v)
}

func (e *Error) text() string {
	text := messages[e.Code]
	if !strings.Contains(text, "{") {
		return text
	}
	quoted := func(s string) string { return string(value.AppendQuoted(nil, s)) }
	token := quoted(e.Token)
	if e.Token == "" {
		token = "undefined"
	}
	val := e.expected
	if e.expected != "" && e.Code != "S0208" {
		val = quoted(val)
	} else if e.expected == "" {
		val = e.Value.String()
	}
	return strings.NewReplacer("{token}", token, "{name}", e.Token, "{value}", val, "{value2}", e.Value2.String(),
		"{index}", value.OfInt(int64(e.Index)).String(), "{type}", quoted(e.expected)).Replace(text)
}

// units is the length of s in UTF-16 units.
func units(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		r, size := decodeChar(s[i:])
		i += size
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}
