package asl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"anthill/value"
)

// JSONError says why a text is no JSON, in the words of the Java library that AWS parses with.
type JSONError struct {
	Message string // "Unrecognized token 'not': was expecting (JSON String, …)"
	Source  string // "[Source: (String)"…"; line: 1, column: 4]"
}

// Error is the message and where.
func (e *JSONError) Error() string { return e.Message + "\n at " + e.Source }

// ReadJSON reads one JSON value. The error is a *JSONError.
func ReadJSON(text string) (value.Value, error) {
	v, err := value.Parse(text)
	if err == nil {
		return v, nil
	}
	j := javaScanner{s: text}
	j.document()
	if j.err == nil { // it is stricter than Java's: a depth limit, bad UTF-8
		j.i = err.(*value.SyntaxError).Offset
		j.stop("%s", err.(*value.SyntaxError).Msg)
	}
	return value.Value{}, j.err
}

// readJSON is ReadJSON with its error as a problem of a definition.
func readJSON(text string) (value.Value, Problems) {
	if len(text) > MaxDefinition {
		return value.Value{}, Problems{{Code: SchemaValidationFailed, Location: "/",
			Message: fmt.Sprintf("The definition is longer than %d bytes", MaxDefinition)}}
	}
	v, err := ReadJSON(text)
	if err != nil {
		e := err.(*JSONError)
		return v, Problems{{Code: "INVALID_JSON_DESCRIPTION", Message: e.Error(), Location: e.Source}}
	}
	return v, nil
}

// javaScanner walks a text that is no JSON up to the first fault and words it.
type javaScanner struct {
	s   string
	i   int
	err error
}

const valueTokens = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

// stop ends the scan with a fault just before j.i.
func (j *javaScanner) stop(format string, args ...any) {
	if j.err == nil {
		j.err = &JSONError{Message: fmt.Sprintf(format, args...), Source: j.source(j.i)}
	}
}

// source is how the library names the place of a byte.
func (j *javaScanner) source(at int) string {
	at = min(at, len(j.s))
	line := 1 + strings.Count(j.s[:at], "\n")
	column := 1 + utf8.RuneCountInString(j.s[strings.LastIndexByte(j.s[:at], '\n')+1:at])
	shown := j.s
	if len(shown) > 500 {
		cut := 500
		for !utf8.RuneStart(shown[cut]) {
			cut--
		}
		shown = fmt.Sprintf("%s\"[truncated %d chars]", shown[:cut], utf8.RuneCountInString(shown[cut:]))
	} else {
		shown += `"`
	}
	return fmt.Sprintf(`[Source: (String)"%s; line: %d, column: %d]`, shown, line, column)
}

func (j *javaScanner) document() {
	j.space()
	if j.i == len(j.s) {
		j.err = &JSONError{Message: "No content to map due to end-of-input", Source: `[Source: (String)"` + j.s + `"; line: 1, column: 0]`}
		return
	}
	j.value(0)
	j.space()
	if j.err == nil && j.i < len(j.s) {
		r := j.next()
		j.stop("Unexpected character (%s): was expecting end of input", named(r))
	}
}

func (j *javaScanner) space() {
	for j.i < len(j.s) && strings.IndexByte(" \t\r\n", j.s[j.i]) >= 0 {
		j.i++
	}
}

func (j *javaScanner) next() rune {
	r, n := utf8.DecodeRuneInString(j.s[j.i:])
	j.i += n
	return r
}

// named is a character as the library names it: "'x' (code 120)".
func named(r rune) string {
	switch {
	case r < 0x20:
		return fmt.Sprintf("(CTRL-CHAR, code %d)", r)
	case r > 255:
		return fmt.Sprintf("'%c' (code %d / 0x%x)", r, r, r)
	}
	return fmt.Sprintf("'%c' (code %d)", r, r)
}

func (j *javaScanner) value(depth int) {
	if depth > value.MaxDepth || j.err != nil {
		return
	}
	start := j.i
	switch r := j.next(); {
	case r == '{':
		j.object(start, depth)
	case r == '[':
		j.array(start, depth)
	case r == '"':
		j.text("string value")
	case r == '-' || r >= '0' && r <= '9':
		j.number(r)
	case r == '_' || r == '$' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
		for j.i < len(j.s) && isWord(j.s[j.i]) {
			j.i++
		}
		if w := j.s[start:j.i]; w != "true" && w != "false" && w != "null" {
			j.stop("Unrecognized token '%s': was expecting %s", w, valueTokens)
		}
	default:
		j.stop("Unexpected character (%s): expected a valid value %s", named(r), valueTokens)
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

func (j *javaScanner) object(start, depth int) {
	for first := true; j.err == nil; first = false {
		j.space()
		if j.i == len(j.s) {
			j.stop("Unexpected end-of-input: expected close marker for Object (start marker at %s)", j.source(start))
			return
		}
		r := j.next()
		if r == '}' && first {
			return
		}
		if r != '"' {
			j.stop("Unexpected character (%s): was expecting double-quote to start field name", named(r))
			return
		}
		j.text("field name")
		if !j.expect(':', "was expecting a colon to separate field name and value", start, "Object") {
			return
		}
		j.space()
		if j.i == len(j.s) {
			j.stop("Unexpected end-of-input within/between Object entries")
			return
		}
		j.value(depth + 1)
		if !j.more('}', "Object", start) {
			return
		}
	}
}

func (j *javaScanner) array(start, depth int) {
	for first := true; j.err == nil; first = false {
		j.space()
		if j.i == len(j.s) {
			j.stop("Unexpected end-of-input: expected close marker for Array (start marker at %s)", j.source(start))
			return
		}
		if j.s[j.i] == ']' && first {
			j.i++
			return
		}
		j.value(depth + 1)
		if !j.more(']', "Array", start) {
			return
		}
	}
}

// more passes a comma; it is false at the end of the container.
func (j *javaScanner) more(end rune, what string, start int) bool {
	if j.err != nil {
		return false
	}
	j.space()
	if j.i == len(j.s) {
		j.stop("Unexpected end-of-input: expected close marker for %s (start marker at %s)", what, j.source(start))
		return false
	}
	switch r := j.next(); r {
	case ',':
		return true
	case end:
		return false
	default:
		j.stop("Unexpected character (%s): was expecting comma to separate %s entries", named(r), what)
		return false
	}
}

func (j *javaScanner) expect(want rune, why string, start int, what string) bool {
	if j.err != nil {
		return false
	}
	j.space()
	if j.i == len(j.s) {
		j.stop("Unexpected end-of-input: expected close marker for %s (start marker at %s)", what, j.source(start))
		return false
	}
	if r := j.next(); r != want {
		j.stop("Unexpected character (%s): %s", named(r), why)
		return false
	}
	return true
}

// text passes the rest of a string.
func (j *javaScanner) text(what string) {
	for j.err == nil {
		if j.i == len(j.s) {
			j.stop("Unexpected end-of-input: was expecting closing quote for a %s", what)
			return
		}
		switch r := j.next(); {
		case r == '"':
			return
		case r < 0x20:
			j.stop("Illegal unquoted character (%s): has to be escaped using backslash to be included in %s", named(r), what)
		case r == '\\':
			j.escape()
		}
	}
}

func (j *javaScanner) escape() {
	if j.i == len(j.s) {
		return
	}
	r := j.next()
	if r == 'u' {
		for range 4 {
			if j.i == len(j.s) {
				return
			}
			if h := j.next(); !strings.ContainsRune("0123456789abcdefABCDEF", h) {
				j.stop("Unexpected character (%s): expected a hex-digit for character escape sequence", named(h))
				return
			}
		}
	} else if !strings.ContainsRune(`"\/bfnrt`, r) {
		j.stop("Unrecognized character escape %s", named(r))
	}
}

func (j *javaScanner) number(r rune) {
	digits := func() bool {
		at := j.i
		for j.i < len(j.s) && j.s[j.i] >= '0' && j.s[j.i] <= '9' {
			j.i++
		}
		return j.i > at
	}
	if r == '-' {
		if j.i == len(j.s) || j.s[j.i] < '0' || j.s[j.i] > '9' {
			c := rune(0)
			if j.i < len(j.s) {
				c = j.next()
			}
			j.stop("Unexpected character (%s) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value", named(c))
			return
		}
		r = j.next()
	}
	if r == '0' && j.i < len(j.s) && j.s[j.i] >= '0' && j.s[j.i] <= '9' {
		j.i++
		j.stop("Invalid numeric value: Leading zeroes not allowed")
		return
	}
	digits()
	if j.i < len(j.s) && j.s[j.i] == '.' {
		j.i++
		if !digits() {
			j.number0("Decimal point not followed by a digit")
			return
		}
	}
	if j.i < len(j.s) && (j.s[j.i] == 'e' || j.s[j.i] == 'E') {
		j.i++
		if j.i < len(j.s) && (j.s[j.i] == '+' || j.s[j.i] == '-') {
			j.i++
		}
		if !digits() {
			j.number0("Exponent indicator not followed by a digit")
		}
	}
}

// number0 stops at the character that spoils a number.
func (j *javaScanner) number0(why string) {
	c := rune(0)
	if j.i < len(j.s) {
		c = j.next()
	}
	j.stop("Unexpected character (%s) in numeric value: %s", named(c), why)
}
