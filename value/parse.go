package value

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 1000

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // bytes before the fault
	Msg    string
}

// Error names the byte offset.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Msg, e.Offset) }

// Parse reads one JSON document. It checks all of it and opens nothing. The error is a *SyntaxError.
func Parse(s string) (Value, error) {
	sc := scanner{s: s, canonical: true}
	sc.space()
	start := sc.i
	if err := sc.value(0); err != nil {
		return Value{}, err
	}
	end := sc.i
	canonical := sc.canonical
	sc.space()
	if sc.i != len(s) {
		return Value{}, sc.fail("more text after the end of the value")
	}
	return lazily(s[start:end], canonical), nil
}

// ParseBytes is Parse for bytes, which it copies.
func ParseBytes(b []byte) (Value, error) { return Parse(string(b)) }

// MustParse is Parse for texts known to be JSON. It panics on others.
func MustParse(s string) Value {
	v, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return v
}

// lazily makes a Value of checked text: a leaf at once, a container unopened.
func lazily(raw string, canonical bool) Value {
	switch raw[0] {
	case '{':
		return Value{kind: Object, node: &node{raw: raw, canonical: canonical}}
	case '[':
		return Value{kind: Array, node: &node{raw: raw, canonical: canonical}}
	case '"':
		if body := raw[1 : len(raw)-1]; strings.IndexByte(body, '\\') < 0 {
			return Value{kind: String, text: body, num: clean}
		}
		return Value{kind: String, text: unquote(raw)}
	case 't':
		return OfBool(true)
	case 'f':
		return OfBool(false)
	case 'n':
		return NullValue
	}
	return Value{kind: Number, text: raw}
}

// open gives the parts of a container, making them from its text the first time. Two goroutines may both make them;
// either result serves. It returns nil for leaves.
func (v Value) open() *parts {
	if v.node == nil {
		return nil
	}
	if p := v.node.parts.Load(); p != nil {
		return p
	}
	p := openRaw(v.node.raw, v.kind == Object, v.node.canonical)
	v.node.parts.Store(p)
	return p
}

// openRaw takes checked text one level apart.
func openRaw(raw string, object, canonical bool) *parts {
	p := &parts{}
	sc := scanner{s: raw, i: 1}
	for {
		sc.space()
		switch sc.s[sc.i] {
		case '}', ']':
			return p
		case ',':
			sc.i++
			continue
		}
		key := ""
		if object {
			start := sc.i
			sc.skipString()
			key = unquote(raw[start:sc.i])
			sc.space()
			sc.i++ // the colon
			sc.space()
		}
		start := sc.i
		sc.skip()
		item := lazily(raw[start:sc.i], canonical)
		if object {
			p.set(key, item)
		} else {
			p.items = append(p.items, item)
		}
	}
}

// unquote takes the quotes and escapes off a checked string.
func unquote(raw string) string {
	body := raw[1 : len(raw)-1]
	i := strings.IndexByte(body, '\\')
	if i < 0 {
		return body
	}
	b := make([]byte, i, len(body))
	copy(b, body)
	for i < len(body) {
		if body[i] != '\\' {
			b = append(b, body[i])
			i++
			continue
		}
		i++
		switch c := body[i]; c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r := hex4(body[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				r2 := rune(-1)
				if strings.HasPrefix(body[i+1:], `\u`) {
					r2 = hex4(body[i+3:])
				}
				if d := utf16.DecodeRune(r, r2); d != utf8.RuneError {
					r, i = d, i+6
				} else {
					r = utf8.RuneError
				}
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, c)
		}
		i++
	}
	return string(b)
}

func hex4(s string) rune {
	n, _ := strconv.ParseUint(s[:4], 16, 32) // the scanner has checked the digits
	return rune(n)
}

// scanner walks JSON text. canonical is cleared at the first thing that AppendJSON would write differently.
type scanner struct {
	s         string
	i         int
	canonical bool
}

func (sc *scanner) fail(msg string) error { return &SyntaxError{sc.i, msg} }

func (sc *scanner) space() {
	for sc.i < len(sc.s) {
		switch sc.s[sc.i] {
		case ' ', '\n', '\t', '\r':
			sc.i++
		default:
			return
		}
	}
}

// inner is space inside a container, which a canonical text does not have.
func (sc *scanner) inner() {
	at := sc.i
	sc.space()
	if sc.i != at {
		sc.canonical = false
	}
}

func (sc *scanner) value(depth int) error {
	if sc.i >= len(sc.s) {
		return sc.fail("unexpected end of JSON")
	}
	switch c := sc.s[sc.i]; {
	case c == '{' || c == '[':
		if depth >= MaxDepth {
			return sc.fail(fmt.Sprintf("nested more than %d deep", MaxDepth))
		}
		return sc.container(c, depth)
	case c == '"':
		return sc.str()
	case c == '-' || c >= '0' && c <= '9':
		return sc.number()
	}
	for _, w := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(sc.s[sc.i:], w) {
			sc.i += len(w)
			return nil
		}
	}
	return sc.fail(fmt.Sprintf("unexpected character %q", firstRune(sc.s[sc.i:])))
}

func firstRune(s string) rune { r, _ := utf8.DecodeRuneInString(s); return r }

func (sc *scanner) container(open byte, depth int) error {
	end := byte(']')
	if open == '{' {
		end = '}'
	}
	sc.i++
	sc.inner()
	if sc.i < len(sc.s) && sc.s[sc.i] == end {
		sc.i++
		return nil
	}
	for {
		sc.inner()
		if open == '{' {
			if sc.i >= len(sc.s) || sc.s[sc.i] != '"' {
				return sc.fail("expected a key in quotes")
			}
			if err := sc.str(); err != nil {
				return err
			}
			sc.inner()
			if sc.i >= len(sc.s) || sc.s[sc.i] != ':' {
				return sc.fail("expected ':' after a key")
			}
			sc.i++
			sc.inner()
		}
		if err := sc.value(depth + 1); err != nil {
			return err
		}
		sc.inner()
		if sc.i >= len(sc.s) {
			return sc.fail("unexpected end of JSON")
		}
		switch sc.s[sc.i] {
		case ',':
			sc.i++
		case end:
			sc.i++
			return nil
		default:
			return sc.fail(fmt.Sprintf("expected ',' or %q", end))
		}
	}
}

func (sc *scanner) str() error {
	sc.i++
	for sc.i < len(sc.s) {
		switch c := sc.s[sc.i]; {
		case c == '"':
			sc.i++
			return nil
		case c < 0x20:
			return sc.fail("control character in a string")
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(sc.s[sc.i:])
			if r == utf8.RuneError && n == 1 {
				return sc.fail("invalid UTF-8")
			}
			sc.i += n
		case c == '\\':
			if err := sc.escape(); err != nil {
				return err
			}
		default:
			sc.i++
		}
	}
	return sc.fail("unexpected end of JSON")
}

func (sc *scanner) escape() error {
	if sc.i+1 >= len(sc.s) {
		return sc.fail("unexpected end of JSON")
	}
	switch sc.s[sc.i+1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		sc.i += 2
		return nil
	case '/':
		sc.canonical = false
		sc.i += 2
		return nil
	case 'u':
		sc.canonical = false
		if len(sc.s) < sc.i+6 {
			return sc.fail("unexpected end of JSON")
		}
		if _, err := strconv.ParseUint(sc.s[sc.i+2:sc.i+6], 16, 32); err != nil {
			return sc.fail("bad \\u escape")
		}
		sc.i += 6
		return nil
	}
	return sc.fail("bad escape")
}

func (sc *scanner) number() error {
	if sc.s[sc.i] == '-' {
		sc.i++
	}
	switch {
	case sc.i < len(sc.s) && sc.s[sc.i] == '0':
		sc.i++
	case !sc.digits():
		return sc.fail("bad number")
	}
	if sc.i < len(sc.s) && sc.s[sc.i] == '.' {
		sc.i++
		if !sc.digits() {
			return sc.fail("bad number")
		}
	}
	if sc.i < len(sc.s) && (sc.s[sc.i] == 'e' || sc.s[sc.i] == 'E') {
		sc.i++
		if sc.i < len(sc.s) && (sc.s[sc.i] == '+' || sc.s[sc.i] == '-') {
			sc.i++
		}
		if !sc.digits() {
			return sc.fail("bad number")
		}
	}
	return nil
}

func (sc *scanner) digits() bool {
	at := sc.i
	for sc.i < len(sc.s) && sc.s[sc.i] >= '0' && sc.s[sc.i] <= '9' {
		sc.i++
	}
	return sc.i > at
}

// skip passes one value of checked text.
func (sc *scanner) skip() {
	depth := 0
	for {
		switch sc.s[sc.i] {
		case '{', '[':
			depth++
			sc.i++
		case '}', ']':
			depth--
			sc.i++
		case '"':
			sc.skipString()
		case ',', ':', ' ', '\n', '\t', '\r':
			sc.i++
			continue
		default:
			for sc.i < len(sc.s) && !strings.ContainsRune(",]} \n\t\r", rune(sc.s[sc.i])) {
				sc.i++
			}
		}
		if depth == 0 {
			return
		}
	}
}

// skipString passes one string of checked text.
func (sc *scanner) skipString() {
	sc.i++
	for sc.s[sc.i] != '"' {
		if sc.s[sc.i] == '\\' {
			sc.i++
		}
		sc.i++
	}
	sc.i++
}
