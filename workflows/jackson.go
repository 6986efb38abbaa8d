package workflows

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"anthill/value"
)

// jacksonMessage says in the words of AWS's JSON reader why text is not JSON.
func jacksonMessage(text string, err error) string {
	if strings.TrimSpace(text) == "" {
		return "Invalid execution input."
	}
	var syntax *value.SyntaxError
	if !errors.As(err, &syntax) || syntax.Offset >= len(text) {
		return "Unexpected end-of-input"
	}
	rest := text[syntax.Offset:]
	c, _ := utf8.DecodeRuneInString(rest)
	if word := leadingWord(rest); word != "" && !strings.Contains(syntax.Msg, "key") {
		return fmt.Sprintf("Unrecognized token '%s': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", word)
	}
	expecting := "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
	switch {
	case strings.Contains(syntax.Msg, "key in quotes"):
		expecting = "double-quote to start field name"
	case strings.Contains(syntax.Msg, "':'"):
		expecting = "a colon to separate field name and value"
	case strings.Contains(syntax.Msg, "'}'"):
		expecting = "comma to separate Object entries"
	case strings.Contains(syntax.Msg, "']'"):
		expecting = "comma to separate Array entries"
	case strings.Contains(syntax.Msg, "control character"):
		return fmt.Sprintf("Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in string value", c)
	}
	if expecting[0] == '(' {
		return fmt.Sprintf("Unexpected character ('%c' (code %d)): expected a valid value %s", c, c, expecting)
	}
	return fmt.Sprintf("Unexpected character ('%c' (code %d)): was expecting %s", c, c, expecting)
}

// leadingWord is the identifier that text begins with.
func leadingWord(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool {
		return r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		end = len(text)
	}
	if end > 0 && text[0] >= '0' && text[0] <= '9' {
		return ""
	}
	return text[:end]
}
