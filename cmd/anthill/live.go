package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"anthill/lab"
	"anthill/latency"
)

// liveLoad shows a running load test on a terminal. Ctrl-C and q end the test, not the program: its report is written.
type liveLoad struct {
	title  string
	stop   context.CancelFunc
	last   lab.LoadProgress
	rates  []float64 // one a second
	p95s   []float64 // ms
	ending bool
	width  int
}

// loadOver tells the view that the test and its report are done.
type loadOver struct{}

// newest is how many seconds the little curves show.
const newest = 60

// Init asks for nothing.
func (l *liveLoad) Init() tea.Cmd { return nil }

// Update takes a key or a look at the test.
func (l *liveLoad) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.KeyPressMsg:
		if k := m.String(); k == "ctrl+c" || k == "q" {
			l.ending = true
			l.stop()
		}
	case tea.WindowSizeMsg:
		l.width = m.Width
	case lab.LoadProgress:
		if !m.Done {
			before := l.last.Requests
			l.rates = tail(append(l.rates, float64(m.Requests-before)), newest)
			l.p95s = tail(append(l.p95s, latency.Millis(m.P95)), newest)
		}
		l.last = m
	case loadOver:
		return l, tea.Quit
	}
	return l, nil
}

func tail(vs []float64, n int) []float64 { return vs[max(0, len(vs)-n):] }

// View draws it.
func (l *liveLoad) View() tea.View {
	p := l.last
	name := lipgloss.NewStyle().Faint(true).Width(13)
	strong := lipgloss.NewStyle().Bold(true)
	bad := strong
	if p.Failures > 0 {
		bad = strong.Foreground(lipgloss.Red)
	}
	row := func(label, text string) string { return name.Render(label) + text + "\n" }
	number := func(d time.Duration) string { return strong.Render(fmt.Sprintf("%8.2f", latency.Millis(d))) + " ms" }
	var b strings.Builder
	b.WriteString(strong.Render(l.title) + "\n")
	b.WriteString(row("time", fmt.Sprintf("%s of %s  %s", p.Elapsed.Round(time.Second), p.Of.Round(time.Second), progressBar(p.Elapsed, p.Of, 30))))
	if p.Users > 0 {
		b.WriteString(row("users", strong.Render(fmt.Sprint(p.Users))))
	}
	b.WriteString(row("requests", strong.Render(fmt.Sprint(p.Requests))+"   failed "+bad.Render(fmt.Sprint(p.Failures))))
	b.WriteString(row("rate", strong.Render(fmt.Sprintf("%8.1f", p.PerSecond))+" /s  "+spark(l.rates)))
	b.WriteString(row("p50", number(p.P50)))
	b.WriteString(row("p95", number(p.P95)+"  "+spark(l.p95s)))
	b.WriteString(row("p99", number(p.P99)))
	b.WriteString(row("max", number(p.Worst)))
	if p.Late > 0 && p.Users == 0 {
		b.WriteString(row("sent late", number(p.Late)+"  (p99)"))
	}
	if p.Told {
		b.WriteString(row("cold starts", strong.Render(fmt.Sprint(p.Cold))+fmt.Sprintf(" of %d invocations", p.Cold+p.Warm)))
		b.WriteString(row("environments", strong.Render(fmt.Sprint(p.Environments))+fmt.Sprintf(" alive, %d busy, %d started", p.Busy, p.EnvironmentsStarted)))
	}
	switch {
	case l.ending || p.Done:
		b.WriteString(name.Render("") + "writing the report …\n")
	default:
		b.WriteString(lipgloss.NewStyle().Faint(true).Render("percentiles over the last ten seconds; Ctrl-C ends the test and writes its report") + "\n")
	}
	return tea.NewView(b.String())
}

func progressBar(at, of time.Duration, width int) string {
	if of <= 0 {
		return ""
	}
	n := min(width, int(float64(width)*float64(at)/float64(of)))
	return strings.Repeat("█", n) + strings.Repeat("░", width-n)
}

// spark draws values as a line of blocks, from zero to the largest.
func spark(vs []float64) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	top := 0.0
	for _, v := range vs {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range vs {
		i := 0
		if top > 0 {
			i = int(v / top * float64(len(blocks)-1))
		}
		b.WriteRune(blocks[i])
	}
	return b.String()
}

// runLoad runs a load test with the live view on a terminal, and with a line every five seconds elsewhere.
func runLoad(ctx context.Context, out io.Writer, live bool, c lab.LoadConfig) (*lab.Loaded, error) {
	if !live {
		c.Progress = func(p lab.LoadProgress) {
			if p.Done || int(p.Elapsed.Round(time.Second).Seconds())%5 == 0 {
				fmt.Fprintln(out, loadLine(p))
			}
		}
		return lab.Load(ctx, c)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	view := &liveLoad{title: loadTitle(c), stop: stop}
	program := tea.NewProgram(view, tea.WithOutput(out), tea.WithoutSignalHandler())
	c.Progress = func(p lab.LoadProgress) { program.Send(p) }
	type answer struct {
		l   *lab.Loaded
		err error
	}
	done := make(chan answer, 1)
	go func() {
		l, err := lab.Load(ctx, c)
		done <- answer{l, err}
		program.Send(loadOver{})
	}()
	_, err := program.Run()
	if err != nil { // no terminal after all, or one that was lost: the test goes on to its end
		fmt.Fprintln(out, err)
	}
	a := <-done
	return a.l, a.err
}

func loadTitle(c lab.LoadConfig) string { return "anthill load " + c.URL + c.Function + c.StateMachine }

// loadLine is a look at a load test in a line.
func loadLine(p lab.LoadProgress) string {
	s := fmt.Sprintf("%4.0f s of %.0f s", p.Elapsed.Seconds(), p.Of.Seconds())
	if p.Users > 0 {
		s += fmt.Sprintf("  %d users", p.Users)
	}
	s += fmt.Sprintf("  %d requests (%d failed)  %.1f/s  p50 %.2f  p95 %.2f  p99 %.2f  max %.2f ms", p.Requests, p.Failures, p.PerSecond,
		latency.Millis(p.P50), latency.Millis(p.P95), latency.Millis(p.P99), latency.Millis(p.Worst))
	if p.Told {
		s += fmt.Sprintf("  %d cold  %d environments", p.Cold, p.Environments)
	}
	return s
}
