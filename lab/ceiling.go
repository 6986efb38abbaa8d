package lab

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/loadtest"
	"anthill/report"
)

// CeilingConfig says how Ceiling measures the load generator itself.
type CeilingConfig struct {
	URL     string        // a bare HTTP echo, in a process of its own
	RunTime time.Duration // of each measurement. 0 means 3 s
	// Connections is how many there are at once. 0 means 16.
	Connections int
	// Rounds is how often each generator is measured, in turn with the others. 0 means 3.
	Rounds int
	// Say is told what is being measured. nil means nobody is.
	Say func(string)
}

// CeilingRow is one way of loading the echo: the round of the median rate.
type CeilingRow struct {
	Name      string          `json:"name"`
	PerSecond float64         `json:"per_second"` // 0 when it was not run
	Rates     []float64       `json:"rates"`      // of all rounds
	Ratio     float64         `json:"of_wrk"`     // of wrk's rate; 0 when there is none
	CPU       float64         `json:"cpu_us"`     // of the generator for each request, the median of the rounds, in microseconds
	Took      latency.Summary `json:"took"`
	Late      float64         `json:"late_p99_ms"`
	Missing   string          `json:"missing,omitempty"` // why it was not run

	rounds []CeilingRow
}

// Ceiling finds the most requests a second that the generator can send, against an echo that does nothing, with wrk beside it where it is
// installed: what a load test reports above it would be the generator's own limit. The generator does all that it does in a test; its log goes to a file.
func Ceiling(ctx context.Context, c CeilingConfig) ([]CeilingRow, error) {
	const op = "lab.Ceiling"
	c.RunTime = cmp.Or(c.RunTime, 3*time.Second)
	c.Connections, c.Rounds = cmp.Or(c.Connections, 16), cmp.Or(c.Rounds, 3)
	if c.Say == nil {
		c.Say = func(string) {}
	}
	dir, err := os.MkdirTemp("", "anthill-ceiling-")
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer os.RemoveAll(dir)
	rows := make([]CeilingRow, 4)
	for round := range c.Rounds {
		c.Say(fmt.Sprintf("round %d of %d: wrk", round+1, c.Rounds))
		if err := rows[0].add(c.wrk(ctx, dir)); err != nil {
			return nil, err
		}
		c.Say(fmt.Sprintf("round %d of %d: closed model", round+1, c.Rounds))
		if err := rows[1].add(c.closed(ctx, dir)); err != nil {
			return nil, err
		}
		full := rows[1].rounds[0].PerSecond // the first round's, so that all rounds ask for the same
		for i, share := range []float64{0.5, 1.5} {
			c.Say(fmt.Sprintf("round %d of %d: open model, %.0f a second", round+1, c.Rounds, full*share))
			if err := rows[2+i].add(c.open(ctx, dir, full*share)); err != nil {
				return nil, err
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	for i := range rows {
		rows[i] = rows[i].settle()
		if w := rows[0].PerSecond; w > 0 {
			rows[i].Ratio = rows[i].PerSecond / w
		}
	}
	return rows, nil
}

func (r *CeilingRow) add(round CeilingRow, err error) error {
	r.rounds = append(r.rounds, round)
	return err
}

// settle takes the round of the median rate, and the median of the CPU times.
func (r CeilingRow) settle() CeilingRow {
	rounds := slices.SortedFunc(slices.Values(r.rounds), func(a, b CeilingRow) int { return cmp.Compare(a.PerSecond, b.PerSecond) })
	out := rounds[(len(rounds)-1)/2]
	var cpu []float64
	for _, x := range rounds {
		out.Rates, cpu = append(out.Rates, x.PerSecond), append(cpu, x.CPU)
	}
	slices.Sort(cpu)
	out.CPU = cpu[(len(cpu)-1)/2]
	return out
}

func (c CeilingConfig) closed(ctx context.Context, dir string) (CeilingRow, error) {
	return measured(fmt.Sprintf("closed, %d users that do not wait", c.Connections), dir, func(log *os.File) (*loadtest.Result, error) {
		return loadtest.Closed{URL: c.URL, Body: []byte("{}"), Users: c.Connections, SpawnRate: 1e6, RunTime: c.RunTime, NoWait: true, Log: log}.Run(ctx)
	})
}

func (c CeilingConfig) open(ctx context.Context, dir string, rate float64) (CeilingRow, error) {
	as, err := loadtest.Constant(max(rate, 10), c.RunTime)
	if err != nil {
		return CeilingRow{}, err
	}
	return measured(fmt.Sprintf("open, %.0f a second asked for", rate), dir, func(log *os.File) (*loadtest.Result, error) {
		return loadtest.Open{URL: c.URL, Body: []byte("{}"), Arrivals: as, MaxInFlight: 4 * c.Connections, Log: log}.Run(ctx)
	})
}

func measured(name, dir string, run func(log *os.File) (*loadtest.Result, error)) (CeilingRow, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return CeilingRow{}, fault.In("lab.Ceiling", err)
	}
	defer log.Close()
	before := cpuTime()
	r, err := run(log)
	if err != nil {
		return CeilingRow{}, err
	}
	spent := cpuTime() - before
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
	n := float64(max(len(took), 1))
	return CeilingRow{Name: name, PerSecond: float64(len(took)) / max(last.Sub(first).Seconds(), 1e-9), CPU: latency.Millis(spent) * 1000 / n,
		Took: latency.Of(took).Summary(), Late: latency.Millis(latency.Of(late).Percentile(99))}, nil
}

// cpuTime is what this process has spent of the CPUs.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// wrk runs wrk where it is installed, with the same request.
func (c CeilingConfig) wrk(ctx context.Context, dir string) (CeilingRow, error) {
	row := CeilingRow{Name: fmt.Sprintf("wrk, 2 threads, %d connections", c.Connections)}
	path, err := exec.LookPath("wrk")
	if err != nil {
		row.Missing = "not run: wrk is not installed (apt-get install wrk)"
		return row, nil
	}
	script := filepath.Join(dir, "post.lua")
	if err := os.WriteFile(script, []byte("wrk.method = \"POST\"\nwrk.body = \"{}\"\n"), 0o644); err != nil {
		return row, fault.In("lab.Ceiling", err)
	}
	cmd := exec.CommandContext(ctx, path, "-t2", "-c"+strconv.Itoa(c.Connections), "-d"+strconv.Itoa(max(1, int(c.RunTime.Seconds())))+"s", "--latency", "-s", script, c.URL)
	out, err := cmd.Output()
	if err != nil {
		row.Missing = "not run: " + err.Error()
		return row, nil
	}
	row.PerSecond, row.Took = readWrk(string(out))
	if row.PerSecond == 0 {
		row.Missing = "not run: what wrk printed cannot be read"
	}
	row.CPU = latency.Millis(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) * 1000 / float64(max(row.Took.N, 1))
	return row, nil
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
	t := report.Table{Caption: fmt.Sprintf("The load generator against a bare net/http echo in a process of its own on this machine: medians of %d rounds, in turn.", len(rows[len(rows)-1].Rates)),
		Head:  []string{"Generator", "#requests/s", "#of all rounds", "#of wrk", "#its CPU a request (µs)", "#p50 (ms)", "#p99 (ms)", "#sent late, p99 (ms)"},
		Notes: "All share this machine's CPUs with the echo, so that the rates move with what else runs; the CPU time of a request moves less. In the last row more is asked for than can be sent: its rate is the ceiling, and the lateness shows that it was reached."}
	for _, r := range rows {
		if r.Missing != "" {
			t.Rows = append(t.Rows, []string{r.Name, r.Missing, "", "", "", "", "", ""})
			continue
		}
		ratio := "–"
		if r.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", r.Ratio)
		}
		late := figure(r.Late)
		if strings.HasPrefix(r.Name, "wrk") {
			late = "–"
		}
		t.Rows = append(t.Rows, []string{r.Name, report.Number(r.PerSecond), report.Number(r.Rates[0]) + " – " + report.Number(r.Rates[len(r.Rates)-1]), ratio, report.Number(r.CPU), figure(r.Took.P50), figure(r.Took.P99), late})
	}
	return t
}
