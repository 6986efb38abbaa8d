package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"anthill/latency"
	"anthill/loadtest"
	"anthill/report"
)

var update = flag.Bool("update", false, "record golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-recorded +now; -update records):\n%s", name, d)
	}
}

// words are the texts that a drawing shows, in their order. It fails the test when the drawing is no well-formed XML, or
// when a number in it is none.
func words(t *testing.T, f report.Figure) []string {
	t.Helper()
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if bytes.Contains(f.SVG, []byte(bad)) {
			t.Errorf("%s holds %s", f.Name, bad)
		}
	}
	var out []string
	in := false
	for d := xml.NewDecoder(bytes.NewReader(f.SVG)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s is no XML: %v", f.Name, err)
			break
		}
		switch e := tok.(type) {
		case xml.StartElement:
			in = e.Name.Local == "text" || e.Name.Local == "title"
		case xml.EndElement:
			in = false
		case xml.CharData:
			if in && strings.TrimSpace(string(e)) != "" {
				out = append(out, strings.TrimSpace(string(e)))
			}
		}
	}
	img, err := png.Decode(bytes.NewReader(f.PNG))
	if err != nil || img.Bounds().Dx() < 1000 {
		t.Errorf("%s as PNG: %v %v", f.Name, err, img)
	}
	return out
}

// some draws n durations about a middle, the same ones each time.
func some(seed uint64, n int, about time.Duration) []time.Duration {
	rng := rand.New(rand.NewPCG(seed, 1))
	ds := make([]time.Duration, n)
	for i := range ds {
		ds[i] = time.Duration(float64(about) * (1 + 0.2*rng.Float64()))
	}
	return ds
}

func start() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

func aRun() (*loadtest.Run, latency.Split) {
	r := &loadtest.Run{Generator: "Anthill"}
	for i, d := range some(1, 60, 4*time.Millisecond) {
		r.Responses = append(r.Responses, latency.Response{At: start().Add(time.Duration(i) * 500 * time.Millisecond), Latency: d, Status: 200, Start: latency.Warm})
	}
	for i, d := range some(2, 5, 300*time.Millisecond) {
		r.Responses[i].Latency, r.Responses[i].Start = d, latency.Cold
	}
	for s := range 30 {
		row := loadtest.StatsRow{Name: "Aggregated", Percentiles: map[string]float64{"50%": 4, "95%": 300 / float64(s+1), "100%": 310}}
		r.History = append(r.History, loadtest.HistoryRow{At: start().Add(time.Duration(s) * time.Second), User: 3, StatsRow: row})
	}
	return r, latency.ExactSplit(r.Responses)
}

func aTrace(t *testing.T) *latency.Trace {
	t.Helper()
	f, err := os.Open("../latency/testdata/aws-parallel.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tr, err := latency.Read(f, "aws-parallel.json")
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func environments() ([]latency.Environment, []latency.Invocation) {
	var es []latency.Environment
	var vs []latency.Invocation
	for i := range 4 {
		at := start().Add(time.Duration(i) * time.Second)
		e := latency.Environment{ID: fmt.Sprintf("%032d", i), FunctionName: "hello", Created: at, SpawnBegin: at.UnixNano(), InitEnd: at.Add(300 * time.Millisecond).UnixNano()}
		if i == 0 {
			e.Ended = at.Add(6 * time.Second)
		}
		es = append(es, e)
		for j := range 5 {
			sent := at.Add(time.Duration(j+1) * 700 * time.Millisecond).UnixNano()
			vs = append(vs, latency.Invocation{Environment: e.ID, Start: latency.Warm, Queued: sent - 1e5, Sent: sent, Entered: sent + 3e5, Returned: sent + 9e7, Received: sent + 1e8})
		}
	}
	return es, vs
}

// figures draws one of each kind, and the poorest data each kind may get.
func figures(t *testing.T) []report.Figure {
	t.Helper()
	run, split := aRun()
	es, vs := environments()
	var fs []report.Figure
	add := func(f report.Figure, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		fs = append(fs, f)
	}
	cold, warm := latency.Of(latency.Latencies(split.Cold)), latency.Of(latency.Latencies(split.Warm))
	add(report.OverTime("over-time", "Response time over the run", "c", run, split))
	add(report.OverTime("over-time-of-nothing", "Response time over the run", "c", &loadtest.Run{}, latency.Split{}))
	add(report.Histogram("histogram", "Cold requests", "c", "cold request", cold, true))
	add(report.Histogram("histogram-of-one", "Cold requests", "c", "cold request", latency.Of([]time.Duration{0}), true))
	add(report.Histogram("histogram-of-none", "Warm requests", "c", "warm request", latency.Of(nil), false))
	add(report.CDF("cdf", "Cold and warm", "c", []report.Named{{Name: "warm", D: warm}, {Name: "cold", D: cold}}))
	add(report.CDF("cdf-of-nothing", "Cold and warm", "c", nil))
	add(report.Ranges("ranges", "Ways", "c", "time (ms)", []report.Named{{Name: "a", D: warm}, {Name: "b", D: cold}, {Name: "elsewhere", D: latency.Of(some(3, 1, time.Second)), Foreign: true}}))
	add(report.Ranges("ranges-of-nothing", "Ways", "c", "time (ms)", []report.Named{{Name: "a"}}))
	add(report.Waterfall("waterfall", "One execution", "c", aTrace(t)))
	add(report.Waterfall("waterfall-of-nothing", "One execution", "c", &latency.Trace{}))
	add(report.Environments("environments", "Environments", "c", es, vs, start(), start().Add(10*time.Second)))
	add(report.Environments("environments-of-nothing", "Environments", "c", nil, nil, start(), start()))
	add(report.PhaseBars("phases", "Phases", "c", []report.PhaseRow{{Name: "warm", N: 20, Phases: vs[0].Parts()}, {Name: "none"}}))
	add(report.StepBars("steps", "Steps", "c", []report.StepRow{{Name: "A → B", N: 3, Steps: []latency.Step{{Name: "decided", Took: 1e5}, {Name: "flushed", Took: 2e5}}}}))
	return fs
}

// What every figure says: titles, axes with their units, legends with their n.
func TestWordsOfFigures(t *testing.T) {
	var b strings.Builder
	for _, f := range figures(t) {
		ws := words(t, f)
		fmt.Fprintf(&b, "%s\n  %s\n", f.Name, strings.Join(ws, " | "))
		unit := false
		for _, w := range ws {
			unit = unit || strings.Contains(w, "(ms)") || strings.Contains(w, "(s)") || w == "time of day"
		}
		if !unit {
			t.Errorf("%s has no axis with a unit: %q", f.Name, ws)
		}
	}
	golden(t, "figures.txt", b.String())
}

// Fills keep apart when colour is gone: no two that stand in one figure have the same lightness.
func TestFiguresCanBeReadInGrey(t *testing.T) {
	light := func(c color.Color) int {
		r, g, b, _ := c.RGBA()
		return int((299*r + 587*g + 114*b) / 1000 >> 8)
	}
	looks := report.PhaseLooks()
	var phases []color.Color
	for _, p := range latency.Phases() {
		if looks[p] == nil {
			t.Fatalf("%s has no look", p)
		}
		phases = append(phases, looks[p])
	}
	for _, fills := range [][]color.Color{phases, report.EnvironmentLooks()} {
		for i, a := range fills {
			for j, b := range fills[i+1:] {
				if d := max(light(a)-light(b), light(b)-light(a)); d < 15 {
					t.Errorf("fills %d and %d have lightness %d and %d", i, i+1+j, light(a), light(b))
				}
			}
		}
	}
}

func TestPage(t *testing.T) {
	run, split := aRun()
	f, err := report.OverTime("over-time", "Response time over the run", "What was run & <how>.", run, split)
	if err != nil {
		t.Fatal(err)
	}
	p := report.Page{Title: "A <title>", Lead: "What came out.", Warning: "Delays were added on purpose.", Facts: []report.Fact{{Name: "Command", Value: "anthill load 'x<y'"}},
		Sections: []report.Section{{Title: "One", Blocks: []report.Block{report.Text("Text."), report.Note("A note."), report.Show("a command", "curl \"x\""), report.Fig(f),
			report.Tab(report.Table{Caption: "A table.", Head: []string{"Name", "#value (ms)"}, Rows: [][]string{{"a", "1"}, {"b <", "2"}}, Strong: []int{1}, Notes: "notes"})}}}, Footer: "The end."}
	b, err := p.HTML()
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, outside := range []string{"src=", "href=\"http", "@import", "url(", "<script"} {
		if strings.Contains(text, outside) {
			t.Errorf("the page is not self-contained: it has %s", outside)
		}
	}
	for _, want := range []string{"@media print", "@page", "Figure 1.", "Table 1.", "A &lt;title&gt;", "What was run &amp; &lt;how&gt;."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if w, l := strings.Index(text, "Delays were added"), strings.Index(text, "What came out"); w < 0 || w > l {
		t.Error("the warning does not stand before everything else")
	}
	a, z := strings.Index(text, "<svg"), strings.LastIndex(text, "</svg>")
	golden(t, "page.html", text[strings.Index(text, "<body>"):a]+"<svg/>"+text[z+len("</svg>"):])
	dir := t.TempDir()
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"report.html", "figures/over-time.svg", "figures/over-time.png"} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTablesAsText(t *testing.T) {
	var b strings.Builder
	if err := (report.Table{Caption: "A caption", Head: []string{"Phase", "#p50 (ms)"}, Rows: [][]string{{"gateway", "0.12"}, {"Überlang", "1,234"}}, Notes: "n = 2"}).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := "A caption\n  Phase     p50 (ms)\n  ──────────────────\n  gateway       0.12\n  Überlang     1,234\n  n = 2\n\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.01234: "0.012", 0.42: "0.42", 9.994: "9.99", 9.996: "10.0", 12.34: "12.3", 999.4: "999.4", 999.6: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := report.Number(v); got != want {
			t.Errorf("%v is printed as %s, want %s", v, got, want)
		}
	}
}
