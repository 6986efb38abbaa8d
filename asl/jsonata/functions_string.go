package jsonata

import (
	"math"
	"strings"

	"anthill/value"
)

func stringFunctions() []builtinDef {
	return []builtinDef{
		{"string", "<x-b?:s>", 1, strict(func(ev *eval, in val, args []val) val {
			if args[0].isString() {
				return args[0]
			}
			return ofString(ev.stringify(args[0], truthy(arg(args, 1))))
		})},
		{"substring", "<s-nn?:s>", 3, strict(substring)},
		{"substringBefore", "<s-s:s>", 2, strict(func(ev *eval, in val, args []val) val {
			before, _, _ := strings.Cut(args[0].text(), arg(args, 1).text())
			if arg(args, 1).text() == "" {
				before = ""
			}
			return ofString(before)
		})},
		{"substringAfter", "<s-s:s>", 2, strict(func(ev *eval, in val, args []val) val {
			_, after, found := strings.Cut(args[0].text(), arg(args, 1).text())
			if !found {
				return args[0]
			}
			return ofString(after)
		})},
		{"lowercase", "<s-:s>", 1, strict(func(ev *eval, in val, args []val) val { return ofString(mapCase(ev, args[0].text(), false)) })},
		{"uppercase", "<s-:s>", 1, strict(func(ev *eval, in val, args []val) val { return ofString(mapCase(ev, args[0].text(), true)) })},
		{"length", "<s-:n>", 1, strict(func(ev *eval, in val, args []val) val { return ofInt(chars(args[0].text())) })},
		{"trim", "<s-:s>", 1, strict(trim)},
		{"pad", "<s-ns?:s>", 3, strict(pad)},
		{"match", "<s-f<s:o>n?:a<o>>", 3, strict(match)},
		{"contains", "<s-(sf):b>", 2, strict(contains)},
		{"replace", "<s-(sf)(sf)n?:s>", 4, strict(replace)},
		{"split", "<s-(sf)n?:a<s>>", 3, strict(split)},
		{"join", "<a<s>s?:s>", 2, strict(join)},
	}
}

func mapCase(ev *eval, s string, upper bool) string {
	ev.charge(len(s))
	if !upper {
		return strings.ToLower(s)
	}
	// The one common letter that upper case makes two of.
	return strings.ReplaceAll(strings.ToUpper(s), "ß", "SS")
}

// sliceIndex is how JavaScript's slice understands an index into n characters.
func sliceIndex(f float64, n int) int {
	f = math.Trunc(f)
	if f < 0 {
		return int(max(f+float64(n), 0))
	}
	return int(min(f, float64(n)))
}

func substring(ev *eval, in val, args []val) val {
	s, start := args[0].text(), arg(args, 1).num()
	n := chars(s)
	if float64(n)+start < 0 {
		start = 0
	}
	from, to := sliceIndex(start, n), n
	if length := arg(args, 2); !length.undef() {
		l := length.num()
		if l <= 0 {
			return ofString("")
		}
		end := start + l
		if start < 0 {
			end += float64(n)
		}
		to = sliceIndex(end, n)
	}
	if from >= to {
		return ofString("")
	}
	a := charOffset(s, from)
	return ofString(s[a : a+charOffset(s[a:], to-from)])
}

func trim(ev *eval, in val, args []val) val {
	s := args[0].text()
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			if len(b) > 0 && b[len(b)-1] == ' ' {
				continue
			}
			c = ' '
		}
		b = append(b, c)
	}
	out := string(b)
	if strings.HasPrefix(out, " ") {
		out = out[1:]
	}
	return ofString(strings.TrimSuffix(out, " "))
}

func pad(ev *eval, in val, args []val) val {
	s, width, fill := args[0].text(), arg(args, 1).num(), arg(args, 2).text()
	if fill == "" {
		fill = " "
	}
	lack := math.Trunc(math.Abs(width)) - float64(chars(s))
	if !(lack > 0) {
		return args[0]
	}
	ev.chargeN(lack, 4)
	ev.weigh(int(lack))
	n, size := int(lack), chars(fill)
	padding := strings.Repeat(fill, n/size) + fill[:charOffset(fill, n%size)]
	if width < 0 {
		return ofString(padding + s)
	}
	return ofString(s + padding)
}

func contains(ev *eval, in val, args []val) val {
	s, token := args[0].text(), arg(args, 1)
	if token.isString() {
		return ofBool(strings.Contains(s, token.text()))
	}
	if rx := regexOf(token); rx != nil && rx.linear != nil {
		ev.steps += len(s) / 64
		return ofBool(rx.linear.MatchString(s))
	}
	return ofBool(newMatches(ev, token, s).next())
}

func match(ev *eval, in val, args []val) val {
	s, limit := args[0].text(), limitOf(ev, arg(args, 2), "D3040", 3)
	var out []val
	if limit > 0 {
		m := newMatches(ev, arg(args, 1), s)
		for len(out) < limit && m.next() {
			ev.charge(8 * valSize)
			out = append(out, val{b: &box{kind: boxObject, keys: matchKeys, items: []val{m.matched(), m.index(), m.groups()}}})
		}
	}
	return ofSeq(out)
}

var matchKeys = []string{"match", "index", "groups"}

// limitOf is an optional count: without one, no limit.
func limitOf(ev *eval, v val, code string, index int) int {
	if v.undef() {
		return math.MaxInt
	}
	f := v.num()
	if f < 0 {
		panic(&Error{Code: code, Position: -1, detail: v, Index: index})
	}
	return int(min(math.Ceil(f), 1<<40))
}

func split(ev *eval, in val, args []val) val {
	s, sep := args[0].text(), arg(args, 1)
	limit := limitOf(ev, arg(args, 2), "D3020", 3)
	if limit == 0 {
		return ofItems(nil)
	}
	var out []val
	add := func(part string) {
		ev.charge(valSize)
		out = append(out, ofString(part))
	}
	if sep.isString() {
		limit = int(math.Trunc(min(float64(limit), orElse(arg(args, 2), math.MaxInt32))))
		if sep.text() == "" {
			for _, ch := range splitChars(s) {
				add(ch)
			}
		} else {
			for _, part := range strings.Split(s, sep.text()) {
				add(part)
			}
		}
		return ofItems(out[:min(len(out), limit)])
	}
	m := newMatches(ev, sep, s)
	start := 0
	for len(out) < limit && m.next() {
		add(s[start:max(m.start, start)])
		start = m.end
	}
	if len(out) < limit {
		add(s[start:])
	}
	return ofItems(out)
}

func orElse(v val, f float64) float64 {
	if v.undef() {
		return f
	}
	return v.num()
}

func join(ev *eval, in val, args []val) val {
	sep := arg(args, 1).text()
	var b strings.Builder
	for i := range args[0].len() {
		if i > 0 {
			b.WriteString(sep)
		}
		s := args[0].at(i).text()
		ev.charge(len(s) + len(sep))
		b.WriteString(s)
		ev.weigh(b.Len())
	}
	return ofString(b.String())
}

// stringify is $string.
func (ev *eval) stringify(v val, pretty bool) string {
	if v.isString() {
		return v.text()
	}
	if v.isFunc() {
		return ""
	}
	if v.isNumber() {
		f := v.num()
		if f-f != 0 {
			if ev.expr.states {
				return notFinite(f)
			}
			panic(&Error{Code: "D3001", Position: -1, detail: v})
		}
		return numberText(f)
	}
	if v.isOuter() {
		v = v.b.items[0]
	}
	var b []byte
	if v.b == nil && !pretty {
		b = ev.appendPlain(make([]byte, 0, 1024), v.v)
	} else {
		b = ev.appendJSON(make([]byte, 0, 256), v, pretty, 0)
	}
	ev.charge(len(b))
	ev.weigh(len(b))
	return string(b)
}

// appendPlain is appendJSON of a value that nothing was computed of.
func (ev *eval) appendPlain(b []byte, v value.Value) []byte {
	ev.step()
	switch v.Kind() {
	case value.Number:
		if text := v.NumberText(); ordinary(text) {
			return append(b, text...)
		}
		return append(b, numberText(v.Float())...)
	case value.Array:
		ev.enter()
		b = append(b, '[')
		for i, x := range v.Slice() {
			if i > 0 {
				b = append(b, ',')
			}
			b = ev.appendPlain(b, x)
		}
		ev.leave()
		return append(b, ']')
	case value.Object:
		ev.enter()
		b = append(b, '{')
		for i := range v.Len() {
			m := v.At(i)
			if i > 0 {
				b = append(b, ',')
			}
			b = append(value.AppendQuoted(b, m.Key), ':')
			b = ev.appendPlain(b, m.Value)
		}
		ev.leave()
		return append(b, '}')
	}
	return v.AppendJSON(b)
}

// ordinary reports whether JavaScript writes the number as text has it: at most 15 digits, no exponent, no zero too many.
func ordinary(text string) bool {
	point := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.':
			point = true
		case c == '-' && i == 0 && len(text) > 1 && text[1] != '0':
		case c < '0' || c > '9':
			return false
		}
	}
	if text == "" || len(text) > 15 {
		return false
	}
	return !point || text[len(text)-1] != '0' && text[0] != '0'
}

func (ev *eval) appendJSON(b []byte, v val, pretty bool, level int) []byte {
	ev.step()
	if len(b) > ev.limits.Bytes {
		ev.tooMuch()
	}
	newline := func(b []byte, level int) []byte {
		if pretty {
			b = append(append(b, '\n'), strings.Repeat("  ", level)...)
		}
		return b
	}
	switch {
	case v.isArray():
		ev.enter()
		b = append(b, '[')
		n := v.len()
		for i := range n {
			if i > 0 {
				b = append(b, ',')
			}
			b = newline(b, level+1)
			b = ev.appendJSON(b, v.at(i), pretty, level+1)
		}
		if n > 0 {
			b = newline(b, level)
		}
		ev.leave()
		return append(b, ']')
	case v.isObject():
		ev.enter()
		b = append(b, '{')
		some := false
		for i := range v.len() {
			k, x := v.member(i)
			if x.undef() {
				continue
			}
			if some {
				b = append(b, ',')
			}
			some = true
			b = newline(b, level+1)
			b = append(value.AppendQuoted(b, k), ':')
			if pretty {
				b = append(b, ' ')
			}
			b = ev.appendJSON(b, x, pretty, level+1)
		}
		if some {
			b = newline(b, level)
		}
		ev.leave()
		return append(b, '}')
	case v.isFunc():
		return append(b, `""`...)
	case v.isString():
		return value.AppendQuoted(b, v.text())
	case v.isNumber():
		if f := v.num(); f-f == 0 {
			return append(b, numberText(f)...)
		}
		finite(v)
		return append(b, "null"...)
	case v.isBool():
		return append(b, v.v.String()...)
	}
	return append(b, "null"...)
}
