package report

import (
	"bytes"
	_ "embed"
	"html"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"anthill/fault"
)

// Page is a report: one HTML file that holds everything it shows.
type Page struct {
	Title    string
	Lead     string // what was done and what came out, in a few sentences
	Warning  string // what a reader must know before any figure: that delays were added on purpose. "" for nothing
	Facts    []Fact // what was run, on what, when, with which command
	Made     string // when and with which command, for every caption: a figure is shown without its page too
	Sections []Section
	Footer   string
}

// Fact is one line of a page's head.
type Fact struct{ Name, Value string }

// Section is a numbered part of a page.
type Section struct {
	Title  string
	Blocks []Block
}

// Block is one thing in a section. Exactly one field is set.
type Block struct {
	Text   string
	Note   string // a paragraph that qualifies what stands before it
	Code   *Code
	Table  *Table
	Figure *Figure
}

// Code is a command, its answer, a file.
type Code struct{ Caption, Text string }

// Table is a table of text. Columns whose name begins with "#" are figures and stand to the right; the sign is not shown.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
	Strong  []int // rows in bold type
	Notes   string
}

// Text, Note, Show and Tab make blocks.
func Text(s string) Block          { return Block{Text: s} }
func Note(s string) Block          { return Block{Note: s} }
func Show(caption, s string) Block { return Block{Code: &Code{Caption: caption, Text: s}} }
func Tab(t Table) Block            { return Block{Table: &t} }
func Fig(f Figure) Block           { return Block{Figure: &f} }

//go:embed page.html
var pageHTML string

// HTML is the page as one file.
func (p Page) HTML() ([]byte, error) {
	const op = "report.HTML"
	figures, tables := 0, 0
	t, err := template.New("page").Funcs(template.FuncMap{
		"add1":    func(i int) int { return i + 1 },
		"svg":     func(f *Figure) template.HTML { return template.HTML(f.SVG) },
		"figure":  func() int { figures++; return figures },
		"made":    func() string { return p.Made },
		"table":   func() int { tables++; return tables },
		"heading": func(s string) string { return strings.TrimPrefix(s, "#") },
		"figures": func(head []string, i int) bool { return i < len(head) && strings.HasPrefix(head[i], "#") },
		"strong": func(t *Table, i int) bool {
			for _, s := range t.Strong {
				if s == i {
					return true
				}
			}
			return false
		},
	}).Parse(pageHTML)
	if err != nil {
		return nil, fault.In(op, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fault.In(op, err)
	}
	return b.Bytes(), nil
}

// Figures are the page's figures in their order.
func (p Page) Figures() []*Figure {
	var fs []*Figure
	for _, s := range p.Sections {
		for _, b := range s.Blocks {
			if b.Figure != nil {
				fs = append(fs, b.Figure)
			}
		}
	}
	return fs
}

// Write puts report.html and every figure as SVG and PNG into dir, which it makes.
func (p Page) Write(dir string) error {
	const op = "report.Write"
	if err := os.MkdirAll(filepath.Join(dir, "figures"), 0o755); err != nil {
		return fault.In(op, err)
	}
	page, err := p.HTML()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.html"), page, 0o644); err != nil {
		return fault.In(op, err)
	}
	var captions strings.Builder
	for _, f := range p.Figures() {
		captions.WriteString(f.Name + ": " + strings.TrimSpace(f.Title+". "+f.Caption+" "+p.Made) + "\n\n")
		for ext, data := range map[string][]byte{".svg": describe(f.SVG, f.Caption+" "+p.Made), ".png": f.PNG} {
			if err := os.WriteFile(filepath.Join(dir, "figures", f.Name+ext), data, 0o644); err != nil {
				return fault.In(op, err)
			}
		}
	}
	if captions.Len() == 0 {
		return nil
	}
	return fault.In(op, os.WriteFile(filepath.Join(dir, "figures", "captions.txt"), []byte(captions.String()), 0o644))
}

// describe puts a caption into a drawing that stands alone, where programs look for it.
func describe(svg []byte, caption string) []byte {
	return bytes.Replace(svg, []byte("</title>"), []byte("</title>\n<desc>"+html.EscapeString(strings.TrimSpace(caption))+"</desc>"), 1)
}
