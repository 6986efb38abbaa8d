package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// WriteText prints the table for a terminal: figures to the right, a rule under the head.
func (t Table) WriteText(w io.Writer) error {
	widths := make([]int, len(t.Head))
	head := make([]string, len(t.Head))
	for i, h := range t.Head {
		head[i] = strings.TrimPrefix(h, "#")
		widths[i] = utf8.RuneCountInString(head[i])
	}
	for _, row := range t.Rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	if t.Caption != "" {
		b.WriteString(t.Caption + "\n")
	}
	line := func(row []string) {
		var l strings.Builder
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if strings.HasPrefix(t.Head[i], "#") {
				l.WriteString("  " + pad + c)
			} else {
				l.WriteString("  " + c + pad)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(head)
	total := 0
	for _, n := range widths {
		total += n + 2
	}
	b.WriteString("  " + strings.Repeat("─", max(total-2, 0)) + "\n")
	for _, row := range t.Rows {
		line(row)
	}
	if t.Notes != "" {
		b.WriteString("  " + t.Notes + "\n")
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}
