package jsonata

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"anthill/value"
)

// integerPicture is how an integer is written: a picture of XPath's fn:format-integer.
type integerPicture struct {
	style    numberStyle
	letters  letterCase
	ordinal  bool
	token    string // styleSequence: what it would have started with
	zero     rune   // the digit zero of the family
	digits   int    // at least so many
	optional int
	every    int // separators stand at every so many digits; 0: at the places in marks
	marks    []groupMark
	width    int // date pictures: exactly so many digits when parsing; 0: any
}

type groupMark struct {
	at   int // digits to its right
	char string
}

type numberStyle uint8

const (
	styleDecimal numberStyle = iota
	styleLetters
	styleRoman
	styleWords
	styleSequence
)

type letterCase uint8

const (
	caseLower letterCase = iota
	caseUpper
	caseTitle
)

// decimalFamilies are the zeros of the digit families that a picture may use.
const decimalFamilies = "\u0030\u0660\u06F0\u07C0\u0966\u09E6\u0A66\u0AE6\u0B66\u0BE6\u0C66\u0CE6\u0D66\u0DE6\u0E50\u0ED0\u0F20\u1040\u1090\u17E0" +
	"\u1810\u1946\u19D0\u1A80\u1A90\u1B50\u1BB0\u1C40\u1C50\uA620\uA8D0\uA900\uA9D0\uA9F0\uAA50\uABF0\uFF10"

func parseIntegerPicture(ev *eval, picture string) integerPicture {
	p := integerPicture{}
	primary := picture
	if i := strings.LastIndexByte(picture, ';'); i >= 0 {
		primary = picture[:i]
		p.ordinal = strings.HasPrefix(picture[i+1:], "o")
	}
	ev.charge(16 * len(picture))
	switch primary {
	case "A":
		p.style, p.letters = styleLetters, caseUpper
	case "a":
		p.style = styleLetters
	case "I":
		p.style, p.letters = styleRoman, caseUpper
	case "i":
		p.style = styleRoman
	case "W":
		p.style, p.letters = styleWords, caseUpper
	case "Ww":
		p.style, p.letters = styleWords, caseTitle
	case "w":
		p.style = styleWords
	default:
		p.parseDigits(primary)
	}
	return p
}

// parseDigits reads a decimal pattern from the right.
func (p *integerPicture) parseDigits(pattern string) {
	signs := []rune(pattern)
	at := 0
	for i := len(signs) - 1; i >= 0; i-- {
		zero := rune(0)
		for _, z := range decimalFamilies {
			if signs[i] >= z && signs[i] <= z+9 {
				zero = z
			}
		}
		switch {
		case zero != 0:
			p.digits++
			at++
			if p.zero != 0 && p.zero != zero {
				panic(&Error{Code: "D3131", Position: -1})
			}
			p.zero = zero
		case signs[i] == '#':
			at++
			p.optional++
		default:
			p.marks = append(p.marks, groupMark{at, string(signs[i])})
		}
	}
	if p.digits == 0 {
		p.style, p.token = styleSequence, pattern
		return
	}
	p.every = regularMarks(p.marks)
}

// regularMarks is the distance of separators that repeat, or 0.
func regularMarks(marks []groupMark) int {
	if len(marks) == 0 {
		return 0
	}
	at := make([]int, len(marks))
	for i, m := range marks {
		if m.char != marks[0].char {
			return 0
		}
		at[i] = m.at
	}
	return regularDistance(at)
}

func regularDistance(at []int) int {
	if len(at) == 0 {
		return 0
	}
	factor := at[0]
	for _, n := range at[1:] {
		a, b := factor, n
		for b != 0 {
			a, b = b, a%b
		}
		factor = a
	}
	for i := 1; i <= len(at); i++ {
		found := false
		for _, n := range at {
			found = found || n == i*factor
		}
		if !found {
			return 0
		}
	}
	return factor
}

func (p *integerPicture) format(ev *eval, f float64) string {
	negative := f < 0
	f = math.Abs(f)
	var s string
	switch p.style {
	case styleLetters:
		s = toLetters(f, map[bool]byte{true: 'A', false: 'a'}[p.letters == caseUpper])
	case styleRoman:
		ev.chargeN(f/1000, 1)
		s = toRoman(f)
		if p.letters == caseUpper {
			s = strings.ToUpper(s)
		}
	case styleWords:
		s = toWords(f, p.ordinal)
		switch p.letters {
		case caseUpper:
			s = strings.ToUpper(s)
		case caseLower:
			s = strings.ToLower(s)
		}
	case styleSequence:
		panic(&Error{Code: "D3130", Position: -1, detail: ofString(p.token)})
	default:
		s = p.formatDigits(ev, f)
	}
	if negative {
		return "-" + s
	}
	return s
}

func (p *integerPicture) formatDigits(ev *eval, f float64) string {
	s := value.OfFloat(f).String()
	if lack := p.digits - len(s); lack > 0 {
		ev.charge(4 * lack)
		s = strings.Repeat("0", lack) + s
	}
	digits := []rune(s)
	if p.zero != '0' {
		for i := range digits {
			digits[i] += p.zero - '0'
		}
	}
	marks := map[int]string{}
	if p.every > 0 {
		for at := p.every; at < len(digits); at += p.every {
			marks[at] = p.marks[0].char
		}
	} else {
		// Marks stand from right to left; several may share a place.
		for i := len(p.marks) - 1; i >= 0; i-- {
			marks[p.marks[i].at] += p.marks[i].char
		}
	}
	var b strings.Builder
	for at := range marks {
		if at > len(digits) {
			delete(marks, at)
		}
	}
	for i, d := range digits {
		if char, ok := marks[len(digits)-i]; ok && (i > 0 || p.every == 0) {
			b.WriteString(char)
		}
		b.WriteRune(d)
	}
	b.WriteString(marks[0])
	if p.ordinal {
		b.WriteString(ordinalSuffix(digits))
	}
	return b.String()
}

func ordinalSuffix(digits []rune) string {
	n := len(digits)
	if n > 1 && digits[n-2] == '1' {
		return "th"
	}
	switch digits[n-1] {
	case '1':
		return "st"
	case '2':
		return "nd"
	case '3':
		return "rd"
	}
	return "th"
}

// pattern is the regular expression that a date picture's number matches.
func (p *integerPicture) pattern() string {
	upper := p.letters == caseUpper
	switch p.style {
	case styleLetters:
		if upper {
			return "[A-Z]+"
		}
		return "[a-z]+"
	case styleRoman:
		if upper {
			return "[MDCLXVI]+"
		}
		return "[mdclxvi]+"
	case styleWords:
		return wordPattern()
	case styleSequence:
		panic(&Error{Code: "D3130", Position: -1, detail: ofString(p.token)})
	}
	s := "[0-9]+"
	if p.width > 0 {
		s = "[0-9]{" + strconv.Itoa(p.width) + "}"
		if p.optional > 0 {
			s = "[0-9]{" + strconv.Itoa(max(p.width-p.optional, 0)) + "," + strconv.Itoa(p.width) + "}"
		}
	}
	if p.ordinal {
		s += "(?:th|st|nd|rd)"
	}
	return s
}

// parse reads a number that was written by the picture.
func (p *integerPicture) parse(s string) float64 {
	switch p.style {
	case styleLetters:
		first := byte('a')
		if p.letters == caseUpper {
			first = 'A'
		}
		n := 0.0
		for i := range len(s) {
			n += (float64(s[len(s)-1-i]) - float64(first) + 1) * math.Pow(26, float64(i))
		}
		return n
	case styleRoman:
		if p.letters != caseUpper {
			s = strings.ToUpper(s)
		}
		return fromRoman(s)
	case styleWords:
		return fromWords(strings.ToLower(s))
	case styleSequence:
		panic(&Error{Code: "D3130", Position: -1, detail: ofString(p.token)})
	}
	if p.ordinal && len(s) >= 2 {
		s = s[:len(s)-2]
	}
	if p.every > 0 {
		s = strings.ReplaceAll(s, ",", "")
	} else {
		for _, m := range p.marks {
			s = strings.ReplaceAll(s, m.char, "")
		}
	}
	if p.zero != '0' {
		s = strings.Map(func(r rune) rune { return r - p.zero + '0' }, s)
	}
	return parseInt(s)
}

// parseInt is JavaScript's: the digits at the front.
func parseInt(s string) float64 {
	s = strings.TrimLeft(s, " \t\n\r")
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	start := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == start {
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(s[:i], 64)
	return f
}

func toLetters(f float64, first byte) string {
	var b []byte
	for f > 0 {
		b = append(b, first+byte(math.Mod(f-1, 26)))
		f = math.Floor((f - 1) / 26)
	}
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

var romans = [...]struct {
	n float64
	s string
}{{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"}}

func toRoman(f float64) string {
	var b strings.Builder
	for _, r := range romans {
		for f >= r.n {
			b.WriteString(r.s)
			f -= r.n
		}
	}
	return b.String()
}

func fromRoman(s string) float64 {
	total, most := 0.0, 1.0
	for i := len(s) - 1; i >= 0; i-- {
		v := map[byte]float64{'M': 1000, 'D': 500, 'C': 100, 'L': 50, 'X': 10, 'V': 5, 'I': 1}[s[i]]
		if v < most {
			total -= v
		} else {
			most = v
			total += v
		}
	}
	return total
}

func firstRune(s string) rune { r, _ := utf8.DecodeRuneInString(s); return r }
