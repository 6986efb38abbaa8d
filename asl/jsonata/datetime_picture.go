package jsonata

import (
	"strings"
)

// datePart is a literal piece of a date picture, or one component: XPath's fn:format-dateTime.
type datePart struct {
	literal   string
	component byte // 0: literal
	first     string
	second    byte // second presentation modifier: a, t, c, o
	names     bool
	letters   letterCase
	minWidth  int // -1: none
	maxWidth  int // -1: none
	yearMod   int // digits of a year that are shown; -1: all
	integer   *integerPicture
}

var defaultPresentations = map[byte]string{
	'Y': "1", 'M': "1", 'D': "1", 'd': "1", 'F': "n", 'W': "1", 'w': "1", 'X': "1", 'x': "1", 'H': "1", 'h': "1",
	'P': "n", 'm': "01", 's': "01", 'f': "1", 'Z': "01:01", 'z': "01:01", 'C': "n", 'E': "n",
}

func parseDatePicture(ev *eval, picture string) []datePart {
	ev.charge(64 * len(picture))
	var parts []datePart
	literal := func(s string) {
		if s != "" {
			parts = append(parts, datePart{literal: strings.ReplaceAll(s, "]]", "]")})
		}
	}
	start := 0
	for i := 0; i < len(picture); i++ {
		if picture[i] != '[' {
			continue
		}
		literal(picture[start:i])
		if strings.HasPrefix(picture[i:], "[[") {
			literal("[")
			i++
			start = i + 1
			continue
		}
		end := strings.IndexByte(picture[i:], ']')
		if end < 0 {
			panic(&Error{Code: "D3135", Position: -1})
		}
		parts = append(parts, parseMarker(ev, strings.Join(strings.Fields(picture[i+1:i+end]), "")))
		i += end
		start = i + 1
	}
	literal(picture[start:])
	return parts
}

func parseMarker(ev *eval, marker string) datePart {
	p := datePart{minWidth: -1, maxWidth: -1, yearMod: -1}
	if marker != "" {
		p.component = marker[0]
	}
	rest := marker[min(1, len(marker)):]
	if i := strings.LastIndexByte(rest, ','); i >= 0 {
		low, high, _ := strings.Cut(rest[i+1:], "-")
		p.minWidth, p.maxWidth = parseWidth(low), parseWidth(high)
		rest = rest[:i]
	}
	switch {
	case rest == "":
		p.first = defaultPresentations[p.component]
		if p.first == "" {
			panic(&Error{Code: "D3132", Position: -1, detail: ofString(marker[:min(1, len(marker))])})
		}
	case len(rest) > 1 && strings.IndexByte("atco", rest[len(rest)-1]) >= 0:
		p.first, p.second = rest[:len(rest)-1], rest[len(rest)-1]
	default:
		p.first = rest
	}
	switch {
	case p.first[0] == 'n':
		p.names, p.letters = true, caseLower
	case strings.HasPrefix(p.first, "Nn"):
		p.names, p.letters = true, caseTitle
	case p.first[0] == 'N':
		p.names, p.letters = true, caseUpper
	case p.component != 0 && strings.IndexByte("YMDdFWwXxHhmsf", p.component) >= 0:
		p.parseNumber(ev)
	}
	if p.component == 'Z' || p.component == 'z' {
		ip := parseIntegerPicture(ev, p.first)
		p.integer = &ip
	}
	return p
}

func (p *datePart) parseNumber(ev *eval) {
	pattern := p.first
	if p.second != 0 {
		pattern += ";" + string(p.second)
	}
	ip := parseIntegerPicture(ev, pattern)
	p.integer = &ip
	if p.minWidth > ip.digits {
		ip.digits = p.minWidth
	}
	if strings.IndexByte("YMD", p.component) < 0 {
		return
	}
	if p.maxWidth >= 0 {
		p.yearMod = p.maxWidth
		ip.digits = p.maxWidth
	} else if w := ip.digits + ip.optional; w >= 2 && ip.style == styleDecimal {
		p.yearMod = w
	}
	ip.width = max(p.yearMod, 0)
}

// parseWidth reads a width; none and * are -1.
func parseWidth(s string) int {
	if s == "" || s == "*" {
		return -1
	}
	f := parseInt(s)
	if !(f >= 0 && f < 1000) {
		return -1
	}
	return int(f)
}
