package asl

import (
	"fmt"
	"strings"
)

// badLabel reports a label that will not do. The recorded answers to such definitions are worded as an exception of
// Python's with the whole definition behind it; CreateStateMachine repeats them in that form.
func (p *parser) badLabel(at, message string) {
	p.problems = append(p.problems, Problem{
		Code: "INVALID_LABEL_NAME", Message: message, Location: at,
		verbatim: fmt.Sprintf("Error=ValueError Args=[%s] in definition '%s'.", quoted(message), p.text),
	})
}

// quoted is s as Python's repr prints it: in single quotes unless it has some and no double ones.
func quoted(s string) string {
	q := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteRune(q)
	for _, r := range s {
		switch {
		case r == q || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r >= 0x7f && r <= 0xa0:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteRune(q)
	return b.String()
}
