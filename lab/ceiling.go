package lab

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"anthill/latency"
	"anthill/loadtest"
	"anthill/report"
)

// CeilingConfig says how Ceiling measures the load generator itself.
type CeilingConfig struct {
	URL     string        // a bare HTTP echo, in a process of its own
	RunTime time.Duration // of each measurement. 0 means 5 s
	// Connections is how many there are at once. 0 means 16.
	Connections int
	// Say is told what is being measured. nil means nobody is.
	Say func(string)
}

// CeilingRow is one way of loading the echo.
type CeilingRow struct {
	Name      string          `json:"name"`
	PerSecond float64         `json:"per_second"` // 0 when it was not run
	Ratio     float64         `json:"of_wrk"`     // of wrk's rate; 0 when there is none
	Took      latency.Summary `json:"took"`
	Late      float64         `json:"late_p99_ms"`
	Missing   string          `json:"missing,omitempty"` // why it was not run
}

// Ceiling finds the most requests a second that the generator can send, against an echo that does nothing, with wrk beside it where it is
// installed: what a load test reports above it would be the generator's own limit.
func Ceiling(ctx context.Context, c CeilingConfig) ([]CeilingRow, error) {
	if c.RunTime == 0 {
		c.RunTime = 5 * time.Second
	}
	if c.Connections == 0 {
		c.Connections = 16
	}
	if c.Say == nil {
		c.Say = func(string) {}
	}
	rows := []CeilingRow{}
	c.Say("wrk")
	rows = append(rows, c.wrk(ctx))
	c.Say("closed model")
	closed, err := loadtest.Closed{URL: c.URL, Body: []byte("{}"), Users: c.Connections, SpawnRate: 1e6, RunTime: c.RunTime, NoWait: true}.Run(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, ceilingRow(fmt.Sprintf("closed, %d users that do not wait", c.Connections), closed))
	full := rows[1].PerSecond
	for _, share := range []float64{0.5, 0.8, 1.5} {
		as, err := loadtest.Constant(max(full*share, 10), c.RunTime)
		if err != nil {
			return nil, err
		}
		c.Say(fmt.Sprintf("open model, %.0f a second", full*share))
		r, err := loadtest.Open{URL: c.URL, Body: []byte("{}"), Arrivals: as, MaxInFlight: 4 * c.Connections}.Run(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, ceilingRow(fmt.Sprintf("open, %.0f a second asked for", full*share), r))
	}
	if w := rows[0].PerSecond; w > 0 {
		for i := range rows {
			rows[i].Ratio = rows[i].PerSecond / w
		}
	}
	return rows, ctx.Err()
}

func ceilingRow(name string, r *loadtest.Result) CeilingRow {
	var took, late []time.Duration
	first, last := time.Time{}, time.Time{}
	for _, q := range r.Requests {
		took, late = append(took, q.Latency), append(late, q.Late())
		if first.IsZero() || q.Sent.Before(first) {
			first = q.Sent
		}
		if q.At.After(last) {
			last = q.At
		}
	}
	return CeilingRow{Name: name, PerSecond: float64(len(took)) / max(last.Sub(first).Seconds(), 1e-9), Took: latency.Of(took).Summary(), Late: latency.Millis(latency.Of(late).Percentile(99))}
}

// wrk runs wrk where it is installed.
func (c CeilingConfig) wrk(ctx context.Context) CeilingRow {
	row := CeilingRow{Name: fmt.Sprintf("wrk, 2 threads, %d connections", c.Connections)}
	path, err := exec.LookPath("wrk")
	if err != nil {
		row.Missing = "not run: wrk is not installed"
		return row
	}
	out, err := exec.CommandContext(ctx, path, "-t2", "-c"+strconv.Itoa(c.Connections), "-d"+strconv.Itoa(max(1, int(c.RunTime.Seconds())))+"s", "--latency", c.URL).Output()
	if err != nil {
		row.Missing = "not run: " + err.Error()
		return row
	}
	row.PerSecond, row.Took = readWrk(string(out))
	if row.PerSecond == 0 {
		row.Missing = "not run: what wrk printed cannot be read"
	}
	return row
}

// readWrk takes the rate and the percentiles out of what wrk --latency prints.
func readWrk(out string) (perSecond float64, s latency.Summary) {
	if m := regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`).FindStringSubmatch(out); m != nil {
		perSecond, _ = strconv.ParseFloat(m[1], 64) // the pattern holds digits
	}
	if m := regexp.MustCompile(`(\d+) requests in`).FindStringSubmatch(out); m != nil {
		s.N, _ = strconv.Atoi(m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^\s+(50|99)%\s+([0-9.]+)(us|ms|s)`).FindAllStringSubmatch(out, -1) {
		d, err := time.ParseDuration(strings.TrimSpace(m[2]) + m[3])
		if err != nil {
			continue
		}
		if m[1] == "50" {
			s.P50 = latency.Millis(d)
		} else {
			s.P99 = latency.Millis(d)
		}
	}
	return perSecond, s
}

// CeilingTable is what Ceiling found, for a terminal.
func CeilingTable(rows []CeilingRow) report.Table {
	t := report.Table{Caption: "The load generator against a bare net/http echo in a process of its own on this machine", Head: []string{"Generator", "#requests/s", "#of wrk", "#p50 (ms)", "#p99 (ms)", "#sent late, p99 (ms)"},
		Notes: "All share this machine's CPUs with the echo. In the last rows more is asked for than can be sent: their rate is the ceiling, and the lateness shows that it was reached."}
	for _, r := range rows {
		if r.Missing != "" {
			t.Rows = append(t.Rows, []string{r.Name, r.Missing, "", "", "", ""})
			continue
		}
		ratio := "–"
		if r.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", r.Ratio)
		}
		t.Rows = append(t.Rows, []string{r.Name, report.Number(r.PerSecond), ratio, figure(r.Took.P50), figure(r.Took.P99), figure(r.Late)})
	}
	return t
}
