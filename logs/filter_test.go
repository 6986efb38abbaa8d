package logs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"anthill/logs"
)

func everything(string) bool { return true }

// walk reads a group page by page.
func (h *house) walk(group string, match func(string) bool, r logs.Range) (texts []string, pages int) {
	h.t.Helper()
	var at logs.Cursor
	for more := true; more; pages++ {
		var found []logs.Found
		var err error
		if found, at, more, err = h.Filter(here, group, everything, match, r, at); err != nil {
			h.t.Fatal(err)
		}
		for _, e := range found {
			texts = append(texts, fmt.Sprintf("%d %s %s", e.Millis(), e.Stream, e.Text))
		}
	}
	return texts, pages
}

// Pages of any size give together what one would give: every event of the range once, in the order of time.
func TestPagesOfAFilter(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		h := newHouse(t, logs.Config{})
		began := time.Now().Add(-time.Hour).Truncate(time.Second)
		for s := range 1 + rng.IntN(5) {
			at, name := began, fmt.Sprint("s", s)
			for i := range rng.IntN(60) {
				at = at.Add(time.Duration(rng.IntN(3)) * time.Millisecond) // many at the same instant
				when := at
				if seed%3 == 0 && rng.IntN(8) == 0 {
					when = began.Add(time.Duration(rng.IntN(60)) * time.Millisecond)
				}
				h.Write([]logs.Line{line(name, fmt.Sprint("t", i), when)})
			}
			if rng.IntN(2) == 0 {
				h.restart() // these are in history, the next ones in memory
			}
		}
		h.Write([]logs.Line{line("last", "end", began.Add(time.Hour/2))})
		all, _ := h.walk("/aws/lambda/f", everything, logs.Range{})
		if !slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(a[:13], b[:13]) }) {
			t.Errorf("seed %d: not in the order of time: %q", seed, all)
		}
		for range 8 {
			r := logs.Range{Limit: 1 + rng.IntN(40)}
			if rng.IntN(2) == 0 {
				r.Start = began.UnixMilli() + rng.Int64N(60)
			}
			if rng.IntN(2) == 0 {
				r.End = began.UnixMilli() + rng.Int64N(80)
			}
			var want []string
			for _, text := range all {
				var millis int64
				fmt.Sscan(text, &millis)
				if millis >= r.Start && (r.End == 0 || millis < r.End) {
					want = append(want, text)
				}
			}
			if got, _ := h.walk("/aws/lambda/f", everything, r); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %+v: %d events\n%q\nwant %d\n%q", seed, r, len(got), got, len(want), want)
			}
		}
	}
}

// A page of a group of 100,000 events, near its beginning and near its end, and all of its pages of 10,000.
func BenchmarkFilter(b *testing.B) {
	h := newHouse(b, logs.Config{})
	began := time.Now().Add(-24 * time.Hour)
	for i := range 100 {
		lines := make([]logs.Line, 1000)
		for j := range lines {
			n := i*1000 + j
			lines[j] = line(fmt.Sprint("s", n%10), fmt.Sprintf("START RequestId: %08d and what a function says", n), began.Add(time.Duration(n)*time.Millisecond))
		}
		h.Write(lines)
		time.Sleep(30 * time.Millisecond) // until they are written
	}
	h.restart()
	for _, c := range []struct {
		name  string
		after int // milliseconds from the beginning
	}{{"first page of 100", 0}, {"page of 100 near the end", 99_000}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				at := logs.Cursor{At: began.Add(time.Duration(c.after) * time.Millisecond).UnixNano()}
				if found, _, _, err := h.Filter(here, "/aws/lambda/f", everything, everything, logs.Range{Limit: 100}, at); err != nil || len(found) != 100 {
					b.Fatal(len(found), err)
				}
			}
		})
	}
	b.Run("all pages of 10000", func(b *testing.B) {
		for b.Loop() {
			if texts, _ := h.walk("/aws/lambda/f", everything, logs.Range{}); len(texts) != 100_000 {
				b.Fatal(len(texts))
			}
		}
	})
}
