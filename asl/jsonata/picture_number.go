package jsonata

import (
	"math"
	"strconv"
	"strings"
)

// decimalFormat is the characters that a number picture is written with: XPath's fn:format-number.
type decimalFormat struct {
	decimal, grouping, exponent, minus, percent, perMille, digit, separator string
	zero                                                                    rune
}

func newDecimalFormat(options val) decimalFormat {
	option := func(name, other string) string {
		if v := options.get(name); options.isObject() && v.isString() {
			return v.text()
		}
		return other
	}
	return decimalFormat{
		decimal: option("decimal-separator", "."), grouping: option("grouping-separator", ","),
		exponent: option("exponent-separator", "e"), minus: option("minus-sign", "-"), percent: option("percent", "%"),
		perMille: option("per-mille", "\u2030"), digit: option("digit", "#"), separator: option("pattern-separator", ";"),
		zero: firstRune(option("zero-digit", "0")),
	}
}

func (d *decimalFormat) isDigit(c string) bool {
	r := firstRune(c)
	return r >= d.zero && r < d.zero+10
}

func (d *decimalFormat) active(c string) bool {
	return d.isDigit(c) || c == d.decimal || c == d.exponent || c == d.grouping || c == d.digit || c == d.separator
}

// count is how many characters of s are digits, or (optional) optional digits too.
func (d *decimalFormat) count(s string, optional bool) int {
	n := 0
	for _, r := range s {
		if c := string(r); d.isDigit(c) || optional && c == d.digit {
			n++
		}
	}
	return n
}

// subPicture is one of the two halves of a picture.
type subPicture struct {
	whole, prefix, suffix, active    string
	mantissa, integer, fraction, exp string
	hasExp                           bool

	intMarks, fracMarks      []int
	every                    int
	minInt, minFrac, maxFrac int
	scale, minExp            int
}

func (d *decimalFormat) parse(s string) *subPicture {
	p := &subPicture{whole: s}
	first, last := -1, -1
	for i, r := range s {
		if c := string(r); d.active(c) && c != d.exponent {
			if first < 0 {
				first = i
			}
			last = i + len(c)
		}
	}
	if first < 0 {
		panic(&Error{Code: "D3086", Position: -1})
	}
	p.prefix, p.suffix, p.active = s[:first], s[last:], s[first:last]
	p.mantissa = p.active
	if d.exponent != "" {
		if i := strings.Index(p.active, d.exponent); i >= 0 {
			p.mantissa, p.exp, p.hasExp = p.active[:i], p.active[i+len(d.exponent):], true
		}
	}
	p.integer, p.fraction = p.mantissa, p.suffix
	if i := strings.Index(p.mantissa, d.decimal); i >= 0 {
		p.integer, p.fraction = p.mantissa[:i], p.mantissa[i+len(d.decimal):]
	}
	d.validate(p)
	d.analyse(p)
	return p
}

// validate finds the last of the rules that the picture breaks.
func (d *decimalFormat) validate(p *subPicture) {
	code := ""
	rule := func(broken bool, c string) {
		if broken {
			code = c
		}
	}
	s := p.whole
	rule(strings.Count(s, d.decimal) > 1, "D3081")
	rule(strings.Count(s, d.percent) > 1, "D3082")
	rule(strings.Count(s, d.perMille) > 1, "D3083")
	rule(strings.Contains(s, d.percent) && strings.Contains(s, d.perMille), "D3084")
	rule(d.count(p.mantissa, true) == 0, "D3085")
	for _, r := range p.active {
		rule(!d.active(string(r)), "D3086")
	}
	if i := strings.Index(s, d.decimal); i >= 0 {
		rule(strings.HasSuffix(s[:i], d.grouping) || strings.HasPrefix(s[i+len(d.decimal):], d.grouping), "D3087")
	} else {
		rule(strings.HasSuffix(p.integer, d.grouping), "D3088")
	}
	rule(strings.Contains(s, d.grouping+d.grouping), "D3089")
	if i := strings.Index(p.integer, d.digit); i >= 0 {
		rule(d.count(p.integer[:i], false) > 0, "D3090")
	}
	if i := strings.LastIndex(p.fraction, d.digit); i >= 0 {
		rule(d.count(p.fraction[i:], false) > 0, "D3091")
	}
	percent := strings.Contains(s, d.percent) || strings.Contains(s, d.perMille)
	rule(p.hasExp && p.exp != "" && percent, "D3092")
	rule(p.hasExp && (p.exp == "" || d.count(p.exp, false) < len([]rune(p.exp))), "D3093")
	if code != "" {
		panic(&Error{Code: code, Position: -1})
	}
}

func (d *decimalFormat) analyse(p *subPicture) {
	marks := func(part string, left bool) []int {
		var at []int
		for i := strings.Index(part, d.grouping); i >= 0 && i < len(part); {
			side := part[i:]
			if left {
				side = part[:i]
			}
			at = append(at, d.count(side, true))
			next := strings.Index(part[i+len(d.grouping):], d.grouping)
			if next < 0 {
				break
			}
			i += len(d.grouping) + next
		}
		return at
	}
	if d.grouping != "" {
		p.intMarks, p.fracMarks = marks(p.integer, false), marks(p.fraction, true)
	}
	p.every = regularDistance(p.intMarks)
	p.minInt = d.count(p.integer, false)
	p.scale = p.minInt
	p.minFrac, p.maxFrac = d.count(p.fraction, false), d.count(p.fraction, true)
	if p.minInt == 0 && p.maxFrac == 0 {
		if p.hasExp {
			p.minFrac, p.maxFrac = 1, 1
		} else {
			p.minInt = 1
		}
	}
	if p.hasExp && p.minInt == 0 && strings.Contains(p.integer, d.digit) {
		p.minInt = 1
	}
	if p.minInt == 0 && p.minFrac == 0 {
		p.minFrac = 1
	}
	if p.hasExp {
		p.minExp = d.count(p.exp, false)
	}
}

// maxPicture bounds the digits that a picture may ask for.
const maxPicture = 10_000

func formatNumber(ev *eval, f float64, picture string, options val) string {
	d := newDecimalFormat(options)
	ev.charge(32 * len(picture))
	if len(picture) > maxPicture {
		ev.tooMuch()
	}
	subs := strings.Split(picture, d.separator)
	if len(subs) > 2 {
		panic(&Error{Code: "D3080", Position: -1})
	}
	parts := []*subPicture{d.parse(subs[0])}
	if len(subs) == 2 {
		parts = append(parts, d.parse(subs[1]))
	}
	p, prefix := parts[0], parts[0].prefix
	if !(f >= 0) {
		if len(parts) == 2 {
			p, prefix = parts[1], parts[1].prefix
		} else {
			prefix = d.minus + prefix
		}
	}
	switch {
	case strings.Contains(p.whole, d.percent):
		f *= 100
	case strings.Contains(p.whole, d.perMille):
		f *= 1000
	}
	exp := 0
	if p.minExp > 0 {
		most, least := math.Pow(10, float64(p.scale)), math.Pow(10, float64(p.scale-1))
		for f != 0 && math.Abs(f) < least && exp > -2000 {
			f *= 10
			exp--
		}
		for math.Abs(f) > most && exp < 2000 {
			f /= 10
			exp++
		}
	}
	s := d.place(p, d.text(round(f, float64(p.maxFrac)), p.maxFrac))
	if p.minExp > 0 {
		e := d.text(float64(exp), 0)
		if lack := p.minExp - len([]rune(e)); lack > 0 {
			e = strings.Repeat(string(d.zero), lack) + e
		}
		sign := ""
		if exp < 0 {
			sign = d.minus
		}
		s += d.exponent + sign + e
	}
	return prefix + s + p.suffix
}

// text is |f| with so many places, in the digits of the format, the point as it is.
func (d *decimalFormat) text(f float64, places int) string {
	s := strconv.FormatFloat(math.Abs(f), 'f', places, 64)
	if d.zero == '0' {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + d.zero
		}
		return r
	}, s)
}

// place fits the digits into the picture: padding, grouping, the decimal separator.
func (d *decimalFormat) place(p *subPicture, s string) string {
	whole, frac, _ := strings.Cut(s, ".")
	zero := string(d.zero)
	for strings.HasPrefix(whole, zero) {
		whole = whole[len(zero):]
	}
	for strings.HasSuffix(frac, zero) {
		frac = frac[:len(frac)-len(zero)]
	}
	w, fr := []rune(whole), []rune(frac)
	for len(w) < p.minInt {
		w = append([]rune{d.zero}, w...)
	}
	for len(fr) < p.minFrac {
		fr = append(fr, d.zero)
	}
	var b strings.Builder
	for i, r := range w {
		right := len(w) - i
		if i > 0 && (p.every > 0 && right%p.every == 0 || p.every == 0 && containsInt(p.intMarks, right)) {
			b.WriteString(d.grouping)
		}
		b.WriteRune(r)
	}
	if len(fr) == 0 || !strings.Contains(p.whole, d.decimal) {
		return b.String()
	}
	b.WriteString(d.decimal)
	for i, r := range fr {
		if i > 0 && containsInt(p.fracMarks, i) {
			b.WriteString(d.grouping)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func containsInt(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}
