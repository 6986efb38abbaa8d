package jsonata

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"anthill/value"
)

// lexer cuts the source into tokens. Offsets are bytes here; errors are told in UTF-16 units.
type lexer struct {
	src string
	i   int
}

// fail stops the compilation; compile turns the panic into its error.
func (lx *lexer) fail(code string, at int, token string) {
	panic(&Error{Code: code, Position: at, Token: token})
}

const operatorStarts = ".[]{}(),@#;:?+-*/%|=<>^&!~"

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' }

// skip passes white space and comments.
func (lx *lexer) skip() {
	for lx.i < len(lx.src) {
		if isSpace(lx.src[lx.i]) {
			lx.i++
			continue
		}
		if !strings.HasPrefix(lx.src[lx.i:], "/*") {
			return
		}
		end := strings.Index(lx.src[lx.i+2:], "*/")
		if end < 0 {
			lx.fail("S0106", lx.i, "")
		}
		lx.i += 2 + end + 2
	}
}

// next gives the next token, or nil at the end. infix says that an operand has just ended, so that / divides.
func (lx *lexer) next(infix bool) *node {
	lx.skip()
	if lx.i >= len(lx.src) {
		return nil
	}
	c := lx.src[lx.i]
	if c == '/' && !infix {
		lx.i++
		re := lx.regex()
		re.prepare(lx.i)
		return &node{kind: kRegex, regex: re, pos: lx.i}
	}
	if lx.i+1 < len(lx.src) {
		switch two := lx.src[lx.i : lx.i+2]; two {
		case "..", ":=", "!=", ">=", "<=", "**", "~>":
			lx.i += 2
			return &node{kind: kOperator, text: two, pos: lx.i}
		}
	}
	if strings.IndexByte(operatorStarts, c) >= 0 {
		lx.i++
		return &node{kind: kOperator, text: string(c), pos: lx.i}
	}
	switch {
	case c == '"' || c == '\'':
		return lx.str(c)
	case c >= '0' && c <= '9':
		return lx.number()
	case c == '`':
		end := strings.IndexByte(lx.src[lx.i+1:], '`')
		if end < 0 {
			lx.fail("S0105", len(lx.src), "")
		}
		name := lx.src[lx.i+1 : lx.i+1+end]
		lx.i += end + 2
		return &node{kind: kName, text: name, pos: lx.i}
	}
	return lx.word()
}

func (lx *lexer) word() *node {
	start := lx.i
	for lx.i < len(lx.src) && !isSpace(lx.src[lx.i]) && strings.IndexByte(operatorStarts, lx.src[lx.i]) < 0 {
		lx.i++
	}
	word := lx.src[start:lx.i]
	n := &node{kind: kName, text: word, pos: lx.i}
	switch {
	case word[0] == '$':
		n.kind, n.text = kVariable, word[1:]
	case word == "or" || word == "in" || word == "and":
		n.kind = kOperator
	case word == "true" || word == "false":
		n.kind, n.lit = kValue, value.OfBool(word == "true")
	case word == "null":
		n.kind, n.lit = kValue, value.NullValue
	}
	return n
}

func (lx *lexer) number() *node {
	start, i, s := lx.i, lx.i, lx.src
	digits := func() bool {
		at := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > at
	}
	if s[i] == '0' {
		i++
	} else {
		digits()
	}
	if mark := i; i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			i = mark
		}
	}
	if mark := i; i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			i = mark
		}
	}
	text := s[start:i]
	f, _ := strconv.ParseFloat(text, 64)
	if math.IsInf(f, 0) {
		lx.fail("S0102", start, text)
	}
	lx.i = i
	return &node{kind: kNumber, text: text, lit: value.OfFloat(f), pos: i}
}

func (lx *lexer) str(quote byte) *node {
	lx.i++
	start := lx.i
	end := strings.IndexByte(lx.src[start:], quote)
	if end >= 0 && strings.IndexByte(lx.src[start:start+end], '\\') < 0 {
		lx.i = start + end + 1
		return stringNode(lx.src[start:start+end], lx.i)
	}
	var b []byte
	for lx.i < len(lx.src) {
		c := lx.src[lx.i]
		switch c {
		case quote:
			lx.i++
			return stringNode(string(b), lx.i)
		case '\\':
			lx.i++
			b = lx.escape(b)
		default:
			b = append(b, c)
			lx.i++
		}
	}
	lx.fail("S0101", len(lx.src), "")
	return nil
}

func stringNode(s string, pos int) *node {
	return &node{kind: kString, text: s, lit: value.OfString(s), pos: pos}
}

// escape reads what follows a backslash.
func (lx *lexer) escape(b []byte) []byte {
	if lx.i >= len(lx.src) {
		lx.fail("S0103", lx.i, "")
	}
	c := lx.src[lx.i]
	if k := strings.IndexByte(`"\/bfnrt`, c); k >= 0 {
		lx.i++
		return append(b, "\"\\/\b\f\n\r\t"[k])
	}
	if c != 'u' {
		_, n := utf8.DecodeRuneInString(lx.src[lx.i:])
		lx.fail("S0103", lx.i, lx.src[lx.i:lx.i+n])
	}
	if lx.i+5 > len(lx.src) {
		lx.fail("S0104", lx.i, "")
	}
	u, err := strconv.ParseUint(lx.src[lx.i+1:lx.i+5], 16, 16)
	if err != nil {
		lx.fail("S0104", lx.i, "")
	}
	lx.i += 5
	return appendUnit(b, uint16(u))
}

// regex reads a literal after its first slash.
func (lx *lexer) regex() *regexLiteral {
	start, depth := lx.i, 0
	for lx.i < len(lx.src) {
		c := lx.src[lx.i]
		escaped := lx.src[lx.i-1] == '\\'
		if c == '/' && depth == 0 && !lx.oddBackslashes() {
			if lx.i == start {
				lx.fail("S0301", lx.i, "")
			}
			pattern := lx.src[start:lx.i]
			lx.i++
			flags := lx.i
			for lx.i < len(lx.src) && (lx.src[lx.i] == 'i' || lx.src[lx.i] == 'm') {
				lx.i++
			}
			return &regexLiteral{pattern: pattern, flags: lx.src[flags:lx.i]}
		}
		if !escaped && (c == '(' || c == '[' || c == '{') {
			depth++
		}
		if !escaped && (c == ')' || c == ']' || c == '}') {
			depth--
		}
		lx.i++
	}
	lx.fail("S0302", lx.i, "")
	return nil
}

func (lx *lexer) oddBackslashes() bool {
	n := 0
	for j := lx.i - 1; j >= 0 && lx.src[j] == '\\'; j-- {
		n++
	}
	return n%2 == 1
}
