package lab

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/loadtest"
)

// Machine is what the figures were measured on.
type Machine struct {
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Memory int64  `json:"memory_bytes"` // 0 when not known
	Kernel string `json:"kernel"`
	System string `json:"system"`
	// LoadBegin and LoadEnd are the load averages over a minute: what else ran on the machine is in every figure.
	LoadBegin string `json:"load_average_begin"`
	LoadEnd   string `json:"load_average_end"`
}

func describeMachine() Machine {
	m := Machine{CPUs: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH}
	m.CPU = firstField("/proc/cpuinfo", "model name")
	if kb, err := strconv.ParseInt(strings.TrimSuffix(firstField("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.Memory = kb << 10
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	m.LoadBegin = loadAverage()
	return m
}

// loadAverage is the mean number of running processes over the last minute; "" where it is not known.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}

// firstField finds "name : value" in one of /proc's files; "" where there is none.
func firstField(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if k, v, ok := strings.Cut(in.Text(), ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// echoFloor measures what HTTP itself costs here: a POST to a bare net/http server in this process that answers with the
// body it got, one after another over one connection, as the lab's own requests are sent.
func echoFloor(ctx context.Context, body []byte, n int) ([]time.Duration, error) {
	e, err := loadtest.EchoHere()
	if err != nil {
		return nil, err
	}
	defer e.Close()
	c := newClient(e.URL)
	return series(ctx, n, func(int) (time.Duration, error) { return c.timedPost(ctx, e.URL, body, nil) })
}

// flushFloor measures a write of 200 bytes and its fdatasync in dir: what one durable step costs at least.
func flushFloor(dir string, n int) ([]time.Duration, error) {
	const op = "lab.flushFloor"
	f, err := os.CreateTemp(dir, "flush-")
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	b := make([]byte, 200)
	var ds []time.Duration
	for range n {
		t := time.Now()
		if _, err := f.Write(b); err != nil {
			return nil, fault.In(op, err)
		}
		if err := f.Sync(); err != nil {
			return nil, fault.In(op, err)
		}
		ds = append(ds, time.Since(t))
	}
	return ds, nil
}

// series calls once n times, after a tenth as many that are not counted.
func series(ctx context.Context, n int, once func(i int) (time.Duration, error)) ([]time.Duration, error) {
	ds := make([]time.Duration, 0, n)
	for i := -n / 10; i < n; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := once(i)
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			ds = append(ds, d)
		}
	}
	return ds, nil
}

// Series is one measured distribution of the report.
type Series struct {
	Name    string          `json:"name"`
	How     string          `json:"how"`
	Served  []string        `json:"served,omitempty"` // how the platform says that the environments came to be: "97 cold spare"
	Total   latency.Summary `json:"total"`            // as the client saw it
	Parts   []Part          `json:"parts,omitempty"`
	Missing string          `json:"missing,omitempty"` // why there is nothing
	values  []time.Duration
}

// Part is one phase of a series, from the platform's records.
type Part struct {
	Name string          `json:"name"`
	Took latency.Summary `json:"took"`
}

func newSeries(name, how string, ds []time.Duration) Series {
	return Series{Name: name, How: how, Total: latency.Of(ds).Summary(), values: ds}
}
