package logs

import (
	"regexp"
	"strings"
)

// ParsePattern reads a filter pattern, "Filter pattern syntax" in the CloudWatch Logs User Guide. Built are patterns of
// unstructured text (terms, "phrases", ?optional, -excluded, %regular expressions%) and of JSON ({ $.a.b = 1 && … }).
// Patterns of space-delimited text ([a, b]) are refused.
func ParsePattern(pattern string) (match func(text string) bool, err error) {
	const op = "logs.ParsePattern"
	trimmed := strings.TrimSpace(pattern)
	switch {
	case trimmed == "":
		return func(string) bool { return true }, nil
	case strings.HasPrefix(trimmed, "{"):
		return parseJSONPattern(trimmed)
	case strings.HasPrefix(trimmed, "["):
		return nil, invalid(op, "Anthill does not read space-delimited filter patterns: "+pattern)
	}
	terms, ok := splitTerms(trimmed)
	if !ok {
		return nil, invalid(op, "Invalid filter pattern")
	}
	var must, not, any []func(string) bool
	for _, t := range terms {
		f, err := t.match()
		if err != nil {
			return nil, err
		}
		switch t.sign {
		case '-':
			not = append(not, f)
		case '?':
			any = append(any, f)
		default:
			must = append(must, f)
		}
	}
	return func(text string) bool {
		for _, f := range must {
			if !f(text) {
				return false
			}
		}
		for _, f := range not {
			if f(text) {
				return false
			}
		}
		// AWS ignores optional terms beside required ones.
		if len(any) == 0 || len(must)+len(not) > 0 {
			return true
		}
		for _, f := range any {
			if f(text) {
				return true
			}
		}
		return false
	}, nil
}

// term is one word, phrase or regular expression of a pattern.
type term struct {
	sign  byte // 0, '-' or '?'
	text  string
	regex bool
}

func (t term) match() (func(string) bool, error) {
	if !t.regex {
		return func(text string) bool { return strings.Contains(text, t.text) }, nil
	}
	re, err := regexp.Compile(t.text)
	if err != nil {
		return nil, invalid("logs.ParsePattern", "Invalid filter pattern: "+err.Error())
	}
	return re.MatchString, nil
}

// splitTerms cuts a pattern at spaces that stand outside of quotes.
func splitTerms(s string) (terms []term, ok bool) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		var t term
		if len(s) > 1 && (s[0] == '-' || s[0] == '?') {
			t.sign, s = s[0], s[1:]
		}
		switch s[0] {
		case '"':
			var b strings.Builder
			i := 1
			for ; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' && i+1 < len(s) {
					i++
				}
				b.WriteByte(s[i])
			}
			if i >= len(s) {
				return nil, false
			}
			t.text, s = b.String(), s[i+1:]
		case '%':
			text, rest, found := strings.Cut(s[1:], "%")
			if !found {
				return nil, false
			}
			t.text, t.regex, s = text, true, rest
		default:
			end := strings.IndexByte(s, ' ')
			if end < 0 {
				end = len(s)
			}
			t.text, s = s[:end], s[end:]
		}
		terms = append(terms, t)
	}
	return terms, true
}
