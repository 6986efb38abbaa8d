package loadtest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

// Arrivals are when the requests of an open load test are to be sent, counted from its begin, in ascending order.
type Arrivals []time.Duration

// mostArrivals bounds a schedule: an hour of 10,000 a second.
const mostArrivals = 36_000_000

func refuseTooMany(n float64) error {
	if n > mostArrivals {
		return fault.Invalidf("loadtest.Arrivals", "schedule", "%.0f requests are more than one schedule can hold (%d): lower the rate or the time", n, mostArrivals)
	}
	return nil
}

// Constant sends perSecond requests every second, evenly.
func Constant(perSecond float64, during time.Duration) (Arrivals, error) {
	if perSecond <= 0 || math.IsNaN(perSecond) || during <= 0 {
		return nil, fault.Invalidf("loadtest.Constant", "schedule", "the rate and the time must be above zero")
	}
	n := math.Floor(perSecond*during.Seconds() + 1e-9)
	if err := refuseTooMany(n); err != nil {
		return nil, err
	}
	as := make(Arrivals, int(n))
	for i := range as {
		as[i] = time.Duration(float64(i) / perSecond * 1e9)
	}
	return as, nil
}

// Poisson sends perSecond requests a second on the average, each independent of all others: exponential gaps.
func Poisson(perSecond float64, during time.Duration, seed uint64) (Arrivals, error) {
	if perSecond <= 0 || math.IsNaN(perSecond) || during <= 0 {
		return nil, fault.Invalidf("loadtest.Poisson", "schedule", "the rate and the time must be above zero")
	}
	if err := refuseTooMany(perSecond * during.Seconds()); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	var as Arrivals
	for at := rng.ExpFloat64() / perSecond; at < during.Seconds(); at += rng.ExpFloat64() / perSecond {
		as = append(as, time.Duration(at*1e9))
	}
	return as, nil
}

// Steps reads "10x30s,50x1m": 10 requests a second for 30 seconds, then 50 for a minute.
func Steps(text string) (Arrivals, error) {
	var as Arrivals
	var begin time.Duration
	for part := range strings.SplitSeq(text, ",") {
		rate, length, ok := strings.Cut(strings.TrimSpace(part), "x")
		r, err := strconv.ParseFloat(rate, 64)
		d, err2 := time.ParseDuration(length)
		if !ok || err != nil || err2 != nil {
			return nil, fault.Invalidf("loadtest.Steps", "schedule", "%q is no step: write RATExTIME, as in 10x30s,50x1m", part)
		}
		if r > 0 {
			step, err := Constant(r, d)
			if err != nil {
				return nil, err
			}
			for _, a := range step {
				as = append(as, begin+a)
			}
		}
		if d <= 0 || r < 0 {
			return nil, fault.Invalidf("loadtest.Steps", "schedule", "the step %q needs a rate that is not negative and a time above zero", part)
		}
		begin += d
		if err := refuseTooMany(float64(len(as))); err != nil {
			return nil, err
		}
	}
	return as, nil
}

// Replay reads an arrival trace and spreads each minute's count over the minute at random, as independent arrivals would
// lie. The trace is one count per line, or a table like the Azure Functions invocation trace of 2019, whose columns 1 to
// 1440 count the invocations of each minute of a day; the rows of such a table are summed, or only the one whose HashFunction is function.
// speed plays it so many times faster; 0 means 1.
func Replay(r io.Reader, function string, speed float64, seed uint64) (Arrivals, error) {
	const op = "loadtest.Replay"
	if speed == 0 {
		speed = 1
	}
	if speed < 0 || math.IsNaN(speed) || math.IsInf(speed, 0) {
		return nil, fault.Invalidf(op, "trace", "the speed must be above zero")
	}
	counts, err := minuteCounts(r, function)
	if err != nil {
		return nil, err
	}
	total := 0.0
	for _, c := range counts {
		total += float64(c)
	}
	if err := refuseTooMany(total); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	var as Arrivals
	for minute, c := range counts {
		from := len(as)
		for range c {
			as = append(as, time.Duration((float64(minute)+rng.Float64())*float64(time.Minute)/speed))
		}
		slices.Sort(as[from:])
	}
	return as, nil
}

// mostPerMinute bounds one count of a trace.
const mostPerMinute = 1_000_000

func minuteCounts(r io.Reader, function string) ([]int, error) {
	const op = "loadtest.Replay"
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	var columns []int // of minutes, in a table
	functionColumn := -1
	var counts []int
	add := func(minute int, field string, line int) error {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 0 || n > mostPerMinute {
			return fault.Invalidf(op, "trace", "line %d: %q is no count of invocations in a minute", line, field)
		}
		for len(counts) <= minute {
			counts = append(counts, 0)
		}
		counts[minute] += n
		return nil
	}
	rows := 0
	for line := 1; ; line++ {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Invalidf(op, "trace", "line %d: %v", line, err)
		}
		if line == 1 && len(row) > 1 {
			for i, name := range row {
				if _, err := strconv.Atoi(strings.TrimSpace(name)); err == nil {
					columns = append(columns, i)
				}
				if strings.EqualFold(strings.TrimSpace(name), "HashFunction") {
					functionColumn = i
				}
			}
			if len(columns) == 0 {
				return nil, fault.Invalidf(op, "trace", "the table has no columns that are named for minutes (1, 2, 3, …)")
			}
			continue
		}
		if columns == nil {
			if err := add(line-1, row[0], line); err != nil {
				return nil, err
			}
			rows++
			continue
		}
		if function != "" && (functionColumn < 0 || functionColumn >= len(row) || row[functionColumn] != function) {
			continue
		}
		rows++
		for minute, i := range columns {
			if i >= len(row) {
				return nil, fault.Invalidf(op, "trace", "line %d is shorter than the table's head", line)
			}
			if err := add(minute, row[i], line); err != nil {
				return nil, err
			}
		}
	}
	if rows == 0 {
		what := "the trace is empty"
		if function != "" {
			what = fmt.Sprintf("the trace has no row of the function %q", function)
		}
		return nil, fault.Invalidf(op, "trace", "%s", what)
	}
	return counts, nil
}
