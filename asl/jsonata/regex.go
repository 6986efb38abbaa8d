package jsonata

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"

	"anthill/value"
)

// regexLiteral is /pattern/flags, compiled once. Where Go's engine can do what JavaScript means it does it, in linear
// time; look-around, back-references and what may match nothing go to a backtracking one with a time limit.
type regexLiteral struct {
	pattern, flags string
	linear         *regexp.Regexp
	backtracking   *regexp2.Regexp
	fn             *function
}

// backtrackTime is how long one match may take.
const backtrackTime = 250 * time.Millisecond

// prepare compiles the pattern.
func (rx *regexLiteral) prepare(pos int) {
	if source, ok := translate(rx.pattern); ok {
		if flags := rx.flags; flags != "" {
			source = "(?" + flags + ")" + source
		}
		if tree, err := syntax.Parse(source, syntax.Perl); err == nil && minLength(tree) > 0 {
			rx.linear, _ = regexp.Compile(source)
		}
	}
	if rx.linear == nil {
		options := regexp2.RegexOptions(regexp2.ECMAScript)
		if strings.Contains(rx.flags, "i") {
			options |= regexp2.IgnoreCase
		}
		if strings.Contains(rx.flags, "m") {
			options |= regexp2.Multiline
		}
		re, err := regexp2.Compile(rx.pattern, options)
		if err != nil {
			panic(&Error{Code: "S0301", Position: pos, Token: rx.pattern, Message: "Invalid regular expression: /" + rx.pattern + "/"})
		}
		re.MatchTimeout = backtrackTime
		rx.backtracking = re
	}
	rx.fn = &function{name: "regex", arity: 2, regex: rx, native: rx.call}
}

func (rx *regexLiteral) function() *function { return rx.fn }

// minLength is the least number of characters that a match has, or 0 when that is not sure to be more.
func minLength(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpNoMatch:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return minLength(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return minLength(re.Sub[0])
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if minLength(sub) > 0 {
				return 1
			}
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if minLength(sub) == 0 {
				return 0
			}
		}
		return 1
	}
	return 0
}

const (
	spaces   = `\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	notLines = `[^\n\r\x{2028}\x{2029}]`
)

// translate writes a JavaScript pattern as Go has it; ok is false for what Go cannot do.
func translate(p string) (source string, ok bool) {
	var b strings.Builder
	class := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\':
			n := translateEscape(&b, p[i+1:], class)
			if n == 0 {
				return "", false
			}
			i += n
		case class && c == '[':
			b.WriteString(`\[`)
		case class && c == ']':
			class = false
			b.WriteByte(c)
		case class:
			b.WriteByte(c)
		case c == '[':
			rest := p[i+1:]
			if strings.HasPrefix(rest, "]") || strings.HasPrefix(rest, "^]") {
				return "", false
			}
			class = true
			b.WriteByte(c)
		case c == '.':
			b.WriteString(notLines)
		case c == '$':
			b.WriteString("$")
		case c == '(' && strings.HasPrefix(p[i:], "(?"):
			if !strings.HasPrefix(p[i:], "(?:") {
				return "", false
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), !class
}

// translateEscape writes what stands behind a backslash and gives its length; 0 when Go cannot do it.
func translateEscape(b *strings.Builder, rest string, class bool) int {
	if rest == "" {
		return 0
	}
	switch c := rest[0]; c {
	case 'd', 'D', 'w', 'W', 'n', 'r', 't', 'v', 'f':
		b.WriteString(`\` + rest[:1])
		return 1
	case 'b', 'B':
		if class {
			return 0
		}
		b.WriteString(`\` + rest[:1])
		return 1
	case 's':
		if class {
			b.WriteString(spaces)
		} else {
			b.WriteString("[" + spaces + "]")
		}
		return 1
	case 'S':
		if class {
			return 0
		}
		b.WriteString("[^" + spaces + "]")
		return 1
	case 'x', 'u':
		n := map[byte]int{'x': 2, 'u': 4}[c]
		if len(rest) <= n {
			return 0
		}
		r, err := strconv.ParseUint(rest[1:1+n], 16, 32)
		if err != nil || isSurrogate(rune(r)) {
			return 0
		}
		b.WriteString(`\x{` + rest[1:1+n] + "}")
		return 1 + n
	default:
		if c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return 0
		}
		if strings.IndexByte(`\.+*?()|[]{}^$-/`, c) >= 0 && c != '/' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		return 1
	}
}

// matches walks over the matches of a regular expression, or of a user's matcher function, in a string.
type matches struct {
	ev         *eval
	s          string
	start, end int // of the match, in bytes

	rx    *regexLiteral
	all   [][]int // linear: every match
	loc   []int   // byte offsets of the match and its groups; -1 where a group took no part
	slow  *slowMatcher
	count int

	custom  bool
	matcher val
	object  val
}

// slowMatcher is the backtracking engine at work on one string.
type slowMatcher struct {
	runes   []rune
	offsets []int
	last    *regexp2.Match
}

func newMatches(ev *eval, fn val, s string) *matches {
	m := &matches{ev: ev, s: s, matcher: fn}
	m.rx = regexOf(fn)
	m.custom = m.rx == nil
	return m
}

// regexOf is the literal that a function was made of, or nil.
func regexOf(fn val) *regexLiteral {
	if fn.isFunc() {
		return fn.b.fn.regex
	}
	return nil
}

// next goes to the next match.
func (m *matches) next() bool {
	m.ev.step()
	switch {
	case m.custom:
		return m.nextCustom()
	case m.rx.linear != nil:
		return m.nextLinear()
	}
	return m.nextSlow()
}

func (m *matches) nextLinear() bool {
	if m.all == nil || m.count == len(m.all) {
		// Matches are fetched in growing batches, since most callers stop early.
		n := max(8, 8*m.count)
		all := m.rx.linear.FindAllStringSubmatchIndex(m.s, n)
		m.ev.charge(len(all) * 64)
		m.ev.steps += len(m.s) / 64
		if len(all) == m.count {
			return false
		}
		m.all = all
	}
	m.loc = m.all[m.count]
	m.count++
	m.start, m.end = m.loc[0], m.loc[1]
	return true
}

func (m *matches) nextSlow() bool {
	first := m.slow == nil
	if first {
		sm := &slowMatcher{runes: []rune(m.s), offsets: make([]int, 0, len(m.s)+1)}
		m.ev.charge(12 * len(m.s))
		for i := range m.s {
			sm.offsets = append(sm.offsets, i)
		}
		sm.offsets = append(sm.offsets, len(m.s))
		m.slow = sm
	}
	sm := m.slow
	from := 0
	if !first {
		if from = sm.last.Index + sm.last.Length; from >= len(sm.runes) {
			return false
		}
	}
	found, err := m.rx.backtracking.FindRunesMatchStartingAt(sm.runes, from)
	if err != nil {
		panic(&Error{Code: "U1001", Position: -1, Token: m.rx.pattern, Message: "Expression evaluation timeout: Check for infinite loop"})
	}
	if found == nil {
		return false
	}
	if !first && found.Length == 0 {
		panic(&Error{Code: "D1004", Position: -1, detail: ofString(m.rx.pattern)})
	}
	sm.last = found
	groups := found.Groups()
	m.loc = make([]int, 2*len(groups))
	for i, g := range groups {
		if len(g.Captures) == 0 {
			m.loc[2*i], m.loc[2*i+1] = -1, -1
			continue
		}
		m.loc[2*i], m.loc[2*i+1] = sm.offsets[g.Index], sm.offsets[g.Index+g.Length]
	}
	m.start, m.end = m.loc[0], m.loc[1]
	return true
}

func (m *matches) nextCustom() bool {
	fn, args := m.matcher, []val{ofString(m.s)}
	if m.count > 0 {
		fn, args = m.object.get("next"), nil
		if !fn.isFunc() {
			return false
		}
	}
	m.count++
	r := m.ev.apply(fn, args, ofValue(value.NullValue))
	if r.undef() {
		return false
	}
	if !r.get("start").isNumber() && !r.get("groups").isArray() && !r.get("next").isFunc() {
		panic(&Error{Code: "T1010", Position: -1})
	}
	m.object = r
	m.start = unitOffset(m.s, r.get("start").num())
	m.end = unitOffset(m.s, r.get("end").num())
	return true
}

// unitOffset is the byte offset of UTF-16 unit n.
func unitOffset(s string, n float64) int {
	at := 0
	for i := 0; i < len(s); {
		if float64(at) >= n {
			return i
		}
		r, size := decodeChar(s[i:])
		i += size
		at++
		if r > 0xFFFF {
			at++
		}
	}
	return len(s)
}

func (m *matches) matched() val {
	if m.custom {
		return m.object.get("match")
	}
	return ofString(m.s[m.start:m.end])
}

func (m *matches) index() val {
	if m.custom {
		return m.object.get("start")
	}
	return ofInt(units(m.s[:m.start]))
}

func (m *matches) groups() val {
	if m.custom {
		return m.object.get("groups")
	}
	var out []val
	for i := 2; i < len(m.loc); i += 2 {
		if m.loc[i] < 0 {
			out = append(out, undefined)
			continue
		}
		out = append(out, ofString(m.s[m.loc[i]:m.loc[i+1]]))
	}
	return ofItems(out)
}

// describe is the match as the matcher protocol has it, for a replacement function.
func (m *matches) describe() val {
	if m.custom {
		return m.object
	}
	o := newObject()
	o.set("match", m.matched())
	o.set("start", m.index())
	o.set("end", ofInt(units(m.s[:m.end])))
	o.set("groups", m.groups())
	rest := *m
	o.set("next", ofFunc(&function{name: "next", native: func(ev *eval, in val, args []val) val {
		again := rest
		if !again.next() {
			return undefined
		}
		return again.describe()
	}}))
	return val{b: o}
}

// call is a regular expression used as a function.
func (rx *regexLiteral) call(ev *eval, in val, args []val) val {
	if !arg(args, 0).isString() {
		return undefined
	}
	m := newMatches(ev, ofFunc(rx.fn), arg(args, 0).text())
	from := unitOffset(m.s, arg(args, 1).num())
	for m.next() {
		if m.start >= from {
			return m.describe()
		}
	}
	return undefined
}

func replace(ev *eval, in val, args []val) val {
	s, pattern, with := args[0].text(), arg(args, 1), arg(args, 2)
	if pattern.isString() && pattern.text() == "" {
		panic(&Error{Code: "D3010", Position: -1, detail: pattern, Index: 2})
	}
	limit := limitOf(ev, arg(args, 3), "D3011", 4)
	if pattern.isString() {
		n := min(limit, strings.Count(s, pattern.text()))
		text := with.text()
		ev.chargeN(float64(n), len(text)+1)
		ev.charge(len(s))
		return ofString(strings.Replace(s, pattern.text(), text, n))
	}
	var b strings.Builder
	m := newMatches(ev, pattern, s)
	at := 0
	for n := 0; n < limit && m.next(); n++ {
		b.WriteString(s[min(at, m.start):m.start])
		var text string
		if with.isString() {
			text = substitute(with.text(), m)
		} else {
			r := ev.apply(with, []val{m.describe()}, ofValue(value.NullValue))
			if !r.isString() {
				panic(&Error{Code: "D3012", Position: -1, detail: r})
			}
			text = r.text()
		}
		ev.charge(len(text) + m.start - at + 16)
		b.WriteString(text)
		at = min(m.start+len(m.matched().text()), len(s))
	}
	b.WriteString(s[at:])
	return ofString(b.String())
}

// substitute fills $0, $1… of a replacement in. A number is read as long as there are groups of so many digits.
func substitute(with string, m *matches) string {
	groups := m.groups()
	var b strings.Builder
	for {
		i := strings.IndexByte(with, '$')
		if i < 0 {
			b.WriteString(with)
			return b.String()
		}
		b.WriteString(with[:i])
		with = with[i+1:]
		switch {
		case strings.HasPrefix(with, "$"):
			b.WriteByte('$')
			with = with[1:]
		case strings.HasPrefix(with, "0"):
			b.WriteString(m.matched().text())
			with = with[1:]
		default:
			digits := len(strconv.Itoa(max(groups.len(), 1)))
			n, used := leadingInt(with, digits)
			if digits > 1 && n > groups.len() {
				n, used = leadingInt(with, digits-1)
			}
			if used == 0 {
				b.WriteByte('$')
				continue
			}
			if n >= 1 && n <= groups.len() {
				b.WriteString(groups.at(n - 1).text())
			}
			with = with[used:]
		}
	}
}

func leadingInt(s string, most int) (n, used int) {
	for used < most && used < len(s) && s[used] >= '0' && s[used] <= '9' {
		n = n*10 + int(s[used]-'0')
		used++
	}
	return n, used
}
