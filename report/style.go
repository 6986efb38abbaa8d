package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"anthill/fault"
)

// Figure is one drawing.
type Figure struct {
	Name    string // file name without its ending
	Title   string
	Caption string // what was run and what is to be seen, a sentence or two
	SVG     []byte // a whole SVG document
	PNG     []byte // the same at 200 dots per inch
}

// tone is how one kind of data looks. Dark to light they stay apart in grey.
type tone struct {
	color  color.Color
	dashes []vg.Length
	width  vg.Length
}

func ink() color.Color       { return color.NRGBA{0x1c, 0x24, 0x2c, 0xff} }
func faint() color.Color     { return color.NRGBA{0x66, 0x70, 0x7a, 0xff} }
func hairline() color.Color  { return color.NRGBA{0xe3, 0xe6, 0xea, 0xff} }
func deepBlue() color.Color  { return color.NRGBA{0x12, 0x3f, 0x6b, 0xff} }
func brick() color.Color     { return color.NRGBA{0xc4, 0x5a, 0x1f, 0xff} }
func sky() color.Color       { return color.NRGBA{0x7f, 0xb2, 0xd9, 0xff} }
func paleBlue() color.Color  { return color.NRGBA{0xc9, 0xdd, 0xee, 0xff} }
func paleBrick() color.Color { return color.NRGBA{0xf3, 0xd5, 0xc0, 0xff} }
func paleGrey() color.Color  { return color.NRGBA{0xd5, 0xd9, 0xde, 0xff} }

func solid(c color.Color, w float64) tone { return tone{color: c, width: vg.Points(w)} }
func dashed(c color.Color, w float64, d ...float64) tone {
	t := tone{color: c, width: vg.Points(w)}
	for _, l := range d {
		t.dashes = append(t.dashes, vg.Points(l))
	}
	return t
}

func (t tone) line() draw.LineStyle {
	return draw.LineStyle{Color: t.color, Width: t.width, Dashes: t.dashes}
}

// letters is text of a size in points. Weight and colour may be changed by the caller.
func letters(size float64, c color.Color) text.Style {
	return text.Style{Color: c, Handler: text.Plain{Fonts: font.DefaultCache},
		Font: font.Font{Typeface: plot.DefaultFont.Typeface, Variant: "Sans", Size: vg.Points(size)}}
}

func bold(s text.Style) text.Style {
	s.Font.Weight = xfont.WeightBold
	return s
}

// key is one entry of a figure's legend.
type key struct {
	label string
	paint func(c draw.Canvas, x0, x1, y vg.Length) // draws the sample
}

func lineKey(label string, t tone) key {
	return key{label, func(c draw.Canvas, x0, x1, y vg.Length) { c.StrokeLine2(t.line(), x0, y, x1, y) }}
}

func boxKey(label string, fill color.Color) key {
	return key{label, func(c draw.Canvas, x0, x1, y vg.Length) {
		c.FillPolygon(fill, box(x0+vg.Points(5), y-vg.Points(4), x1-vg.Points(5), y+vg.Points(4)))
	}}
}

func dotKey(label string, g draw.GlyphStyle) key {
	return key{label, func(c draw.Canvas, x0, x1, y vg.Length) { c.DrawGlyph(g, vg.Point{X: (x0 + x1) / 2, Y: y}) }}
}

func box(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}

// painter is a plotter made of a function.
type painter func(c draw.Canvas, p *plot.Plot)

// Plot draws it.
func (f painter) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// newPlot is an empty plot in the house's look.
func newPlot(xLabel, yLabel string) *plot.Plot {
	p := plot.New()
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle = letters(9.5, ink())
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		a.Label.Padding = vg.Points(4)
		a.Tick.Label.Font, a.Tick.Label.Handler, a.Tick.Label.Color = letters(9, ink()).Font, text.Plain{Fonts: font.DefaultCache}, ink()
		a.LineStyle = draw.LineStyle{Color: faint(), Width: vg.Points(0.6)}
		a.Tick.LineStyle = a.LineStyle
		a.Tick.Length = vg.Points(3)
		a.Padding = 0
	}
	p.X.Label.Text, p.Y.Label.Text = xLabel, yLabel
	return p
}

// grid draws hairlines at the labelled ticks of the axes.
func grid(x, y bool) painter {
	return func(c draw.Canvas, p *plot.Plot) {
		fx, fy := p.Transforms(&c)
		style := draw.LineStyle{Color: hairline(), Width: vg.Points(0.7)}
		if y {
			for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
				if t.Label != "" && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
					c.StrokeLine2(style, c.Min.X, fy(t.Value), c.Max.X, fy(t.Value))
				}
			}
		}
		if x {
			for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
				if t.Label != "" && t.Value >= p.X.Min && t.Value <= p.X.Max {
					c.StrokeLine2(style, fx(t.Value), c.Min.Y, fx(t.Value), c.Max.Y)
				}
			}
		}
	}
}

// sheet is a figure before it is drawn.
type sheet struct {
	name, title, subtitle, caption string
	width, height                  float64 // points
	keys                           []key
	plot                           *plot.Plot
}

// figure draws the sheet twice. Trouble is our own.
func (s sheet) figure() (Figure, error) {
	const op = "report.Figure"
	w, h := vg.Points(s.width), vg.Points(s.height)
	f := Figure{Name: s.name, Title: s.title, Caption: s.caption}

	svg := vgsvg.New(w, h)
	s.draw(draw.New(svg))
	var b bytes.Buffer
	if _, err := svg.WriteTo(&b); err != nil {
		return f, fault.In(op, err)
	}
	f.SVG = tidySVG(b.Bytes(), s.title+". "+s.subtitle)

	img := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(200))
	s.draw(draw.New(img))
	b.Reset()
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(&b); err != nil {
		return f, fault.In(op, err)
	}
	f.PNG = b.Bytes()
	return f, nil
}

// draw puts the title, a line below it and the legend on top of the plot.
func (s sheet) draw(c draw.Canvas) {
	c.FillPolygon(color.White, box(c.Min.X, c.Min.Y, c.Max.X, c.Max.Y))
	c = draw.Crop(c, vg.Points(8), vg.Points(-12), vg.Points(6), vg.Points(-8))
	y := c.Max.Y
	at := func(x vg.Length) vg.Point { return vg.Point{X: x, Y: y} }
	title := bold(letters(12.5, ink()))
	y -= vg.Points(12)
	c.FillText(title, at(c.Min.X), s.title)
	if s.subtitle != "" {
		y -= vg.Points(14)
		c.FillText(letters(9.5, faint()), at(c.Min.X), s.subtitle)
	}
	if len(s.keys) > 0 {
		y -= vg.Points(17)
		y = s.drawKeys(c, y)
	}
	s.plot.Draw(draw.Crop(c, 0, 0, 0, y-vg.Points(10)-c.Max.Y))
}

// drawKeys writes the legend in as many lines as it needs, and gives the last line's place.
func (s sheet) drawKeys(c draw.Canvas, y vg.Length) vg.Length {
	style := letters(9.5, ink())
	x := c.Min.X
	for _, k := range s.keys {
		need := vg.Points(24+5+16) + style.Width(k.label)
		if x+need > c.Max.X+vg.Points(16) && x > c.Min.X {
			x = c.Min.X
			y -= vg.Points(14)
		}
		k.paint(c, x, x+vg.Points(24), y+vg.Points(3))
		c.FillText(style, vg.Point{X: x + vg.Points(29), Y: y}, k.label)
		x += need
	}
	return y
}

// tidySVG makes the drawing part of any page: no fixed size, fonts that every machine has, and words for those who do not see it.
func tidySVG(svg []byte, words string) []byte {
	s := string(svg)
	if i := strings.Index(s, "<svg"); i >= 0 {
		s = s[i:]
	}
	s = regexp.MustCompile(`<svg width="[^"]*" height="[^"]*"`).ReplaceAllString(s, `<svg role="img"`)
	s = strings.Replace(s, "xmlns:xlink=\"http://www.w3.org/1999/xlink\">", fmt.Sprintf(">\n<title>%s</title>", html.EscapeString(words)), 1)
	s = regexp.MustCompile(`font-family:[^;"]*`).ReplaceAllString(s, `font-family:'Liberation Sans',Arial,Helvetica,sans-serif`)
	s = regexp.MustCompile(`font-variant:[^;"]*;?`).ReplaceAllString(s, ``)
	return []byte(s)
}
