package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"anthill/latency"
)

// measure takes every cell in every repetition once, in an order that chance decides. The first one is not counted: templates and
// spares are made by the first that need them. The end of ctx ends it; it is a fault only when less than two repetitions were done.
func (x *experiment) measure(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(x.Seed, 5))
	var began time.Time
	for block := range x.Repetitions + 1 {
		if block == 1 {
			began = time.Now()
		}
		for i, n := range rng.Perm(len(x.levels)) {
			l := x.levels[n]
			what := fmt.Sprintf("repetition %d of %d", block, x.Repetitions)
			if done := max(block-1, 0)*len(x.levels) + i; block > 0 && done > 0 {
				left := time.Since(began) / time.Duration(done) * time.Duration(x.Repetitions*len(x.levels)-done)
				what += fmt.Sprintf(", %s to go", left.Round(time.Second))
			}
			x.Progress(what + ": " + strings.TrimSpace(l.Factor+" "+l.Level))
			if err := x.once(ctx, l, block); err != nil {
				if ctx.Err() != nil && block > 2 {
					x.counted = block - 1
					return nil
				}
				return err
			}
		}
		x.counted = block
	}
	return nil
}

// once sends one burst to a level.
func (x *experiment) once(ctx context.Context, l *Level, block int) error {
	header := http.Header{}
	switch {
	case l.force && x.s.platform != nil:
		header.Set("X-Anthill-Force-Cold", "1")
		header.Set("X-Anthill-Start-Method", l.method)
	case l.force && l.qualifier == "": // elsewhere a change of configuration makes every environment new
		if err := x.s.reconfigure(ctx, l.function, fmt.Sprintf("%d-%d", block, time.Now().UnixNano())); err != nil {
			return err
		}
	}
	path := "/2015-03-31/functions/" + l.function + "/invocations"
	if l.qualifier != "" {
		path += "?Qualifier=" + l.qualifier
	}
	if l.ping {
		for _, s := range x.shoot(ctx, l.burst, path, nil) {
			if s.err != nil {
				return s.err
			}
		}
	}
	shots := x.shoot(ctx, l.burst, path, header)
	if ctx.Err() != nil {
		return ctx.Err() // a burst that was cut off is not counted
	}
	var good []time.Duration
	for _, s := range shots {
		switch {
		case s.err != nil:
			return s.err
		case block == 0 && s.a.status >= 400:
			return s.a.fault("lab.ColdStarts", l.Factor+" "+l.Level+": POST "+path)
		case block == 0:
			continue
		case s.a.status >= 400 || s.a.header.Get("X-Amz-Function-Error") != "":
			l.Failed++
			continue
		}
		l.took, good = append(l.took, s.took), append(good, s.took)
		l.rows = append(l.rows, []string{l.Factor, l.Level, fmt.Sprint(block), exactMs(s.took), s.a.header.Get("X-Amzn-Requestid")})
	}
	if len(good) > 0 {
		l.each = append(l.each, latency.Of(good).Median())
	}
	return nil
}

// shot is one request of a burst.
type shot struct {
	took time.Duration
	a    *answer
	err  error
}

// shoot sends n requests at once and waits for all answers.
func (x *experiment) shoot(ctx context.Context, n int, path string, header http.Header) []shot {
	shots := make([]shot, n)
	var wg sync.WaitGroup
	for i := range shots {
		wg.Go(func() {
			began := time.Now()
			a, err := x.s.aws.send(ctx, "lambda", "POST", path, header, x.Payload)
			shots[i] = shot{time.Since(began), a, err}
		})
	}
	wg.Wait()
	return shots
}

// join finds what the platform recorded of every request.
func (x *experiment) join(ctx context.Context) error {
	byID := map[string]latency.Invocation{}
	for _, name := range x.made {
		records, ok, err := x.s.invocations(ctx, name)
		if err != nil || !ok {
			return err
		}
		for _, r := range records {
			byID[r.RequestID] = r
		}
	}
	for _, l := range x.levels {
		l.served = map[string]int{}
		for i, row := range l.rows {
			r, ok := byID[row[4]]
			if !ok {
				l.rows[i] = append(row, "", "", "")
				continue
			}
			l.served[strings.TrimSpace(string(r.Start)+" "+r.Method)]++
			l.records = append(l.records, r)
			init := ""
			if r.Start.IsCold() && r.Init() > 0 {
				l.init = append(l.init, r.Init())
				init = exactMs(r.Init())
			}
			l.rows[i] = append(row, string(r.Start), r.Method, init)
		}
	}
	return nil
}
