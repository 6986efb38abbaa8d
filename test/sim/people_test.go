package sim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"anthill/fault"
	"anthill/sandbox/sandboxtest"
	"anthill/workflows"
)

// attempt is what a handler is given: it names one attempt of one task.
type attempt struct {
	Execution, State, Entered, I, Token string
	Redrive, Retry                      int
	N                                   json.Number
}

func (a *attempt) key() string {
	return fmt.Sprint(a.Execution, " ", a.Redrive, " ", a.State, a.I, " ", a.Entered, " retry ", a.Retry)
}

// handlers are the functions. What an attempt does depends on its name and the seed alone.
func (w *world) handlers() map[string]sandboxtest.Func {
	enter := func(event []byte) attempt {
		var a attempt
		if err := json.Unmarshal(event, &a); err != nil {
			w.failf("a handler was given %s: %v", event, err)
		}
		w.note("handler %s", a.key())
		w.mu.Lock()
		defer w.mu.Unlock()
		w.mu.entered[a.key()]++
		return a
	}
	return map[string]sandboxtest.Func{
		"work": func(ctx context.Context, event []byte) ([]byte, error) {
			a := enter(event)
			r := w.draw("work", a.key())
			takes := time.Duration(r.Int64N(int64(3 * time.Second)))
			fate := r.IntN(20)
			if fate == 0 {
				takes = 40 * time.Second
			}
			select {
			case <-time.After(takes):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			switch {
			case fate < 3:
				return nil, &sandboxtest.Error{Type: "Boom", Message: a.State}
			case fate < 5:
				return nil, &sandboxtest.Error{Type: "Bang", Message: a.State}
			case fate < 6:
				panic(sandboxtest.Exit(1))
			}
			return fmt.Appendf(nil, `{"n":%d}`, r.IntN(10)), nil
		},
		"token": func(ctx context.Context, event []byte) ([]byte, error) {
			a := enter(event)
			w.answerers(a.Token, "token "+a.key())
			time.Sleep(time.Duration(w.draw("token", a.key()).IntN(int(50 * time.Millisecond))))
			return []byte(`"sent"`), nil
		},
	}
}

// answerers are those who have a task's token: mostly one, else two who answer differently at the same instant, of whom one
// comes too late.
func (w *world) answerers(token, purpose string) {
	for who := range 1 + w.draw("answerers", purpose).IntN(3)/2 {
		w.wg.Go(func() { w.answer(token, purpose, who) })
	}
}

// answer is one of them: signs of life, then an answer, again until it is acknowledged.
func (w *world) answer(token, purpose string, who int) {
	r := w.draw("answer", purpose)
	for range r.IntN(4) {
		if !w.sleep(time.Duration(r.Int64N(int64(4 * time.Second)))) {
			return
		}
		ask(w, func(p *platform) (bool, error) { return true, p.SendHeartbeat(context.Background(), token) })
	}
	if !w.sleep(time.Duration(r.Int64N(int64(6 * time.Second)))) {
		return
	}
	word := w.draw("word", purpose, who)
	said := fmt.Sprintf("said-%x", word.Uint64())
	fails := word.IntN(4) == 0
	for {
		_, err, ok := ask(w, func(p *platform) (bool, error) {
			if fails {
				return true, p.SendFailure(context.Background(), token, "Declined", said)
			}
			return true, p.SendSuccess(context.Background(), token, `"`+said+`"`)
		})
		switch {
		case ok && err == nil:
			w.mu.Lock()
			w.mu.answers = append(w.mu.answers, said)
			w.mu.Unlock()
			return
		case ok && fault.Is(err, fault.Timeout): // the task has ended without us
			return
		case ok && fault.Of(err).Kind != fault.Canceled && fault.Of(err).Kind != fault.Full:
			w.failf("an answer of %s: %v", purpose, err)
			return
		}
		if !w.sleep(300 * time.Millisecond) {
			return
		}
	}
}

// sleep is false when everything is over.
func (w *world) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-w.over.Done():
		return false
	}
}

// worker fetches the activity's tasks.
func (w *world) worker(n int) {
	for w.over.Err() == nil {
		ctx, cancel := context.WithCancel(w.over)
		task, err, ok := ask(w, func(p *platform) (*workflows.Fetched, error) {
			stop := context.AfterFunc(ctx, func() {})
			defer stop()
			go func() {
				select {
				case <-p.died:
					cancel()
				case <-ctx.Done():
				}
			}()
			return p.Fetch(ctx, w.activity, fmt.Sprint("worker", n))
		})
		cancel()
		switch {
		case !ok || err != nil:
			w.sleep(100 * time.Millisecond)
		case task != nil:
			a := struct{ N json.Number }{}
			if err := json.Unmarshal([]byte(task.Input), &a); err != nil {
				w.failf("a worker was given %s", task.Input)
			}
			w.mu.Lock()
			w.mu.fetched[task.Token]++
			w.mu.Unlock()
			w.answer(task.Token, "worker "+task.Token, 0)
		}
	}
}

// client starts one execution, again until that is acknowledged.
func (w *world) client(m *workflows.Machine, name, input string) {
	for w.over.Err() == nil {
		e, err, ok := ask(w, func(p *platform) (*workflows.Execution, error) {
			return p.Start(context.Background(), workflows.StartInput{Target: m.ARN, Name: name, Input: &input})
		})
		if ok && (err == nil || fault.Is(err, fault.Exists)) {
			arn := strings.Replace(m.ARN, ":stateMachine:", ":execution:", 1) + ":" + name
			if err == nil && e.ARN != arn {
				w.failf("%s was started as %s", arn, e.ARN)
			}
			w.note("started %s", arn)
			k := &known{arn: arn, name: name, machine: m.ARN, input: input, acked: true}
			w.mu.Lock()
			w.mu.known[arn] = k
			w.mu.order = append(w.mu.order, k)
			w.mu.Unlock()
			return
		}
		if ok && fault.Of(err).Kind != fault.Canceled && fault.Of(err).Kind != fault.Full {
			w.failf("starting %s: %v", name, err)
			return
		}
		w.sleep(200 * time.Millisecond)
	}
}

// meddler stops an execution, or starts a failed one again.
func (w *world) meddler(n int) {
	r := w.draw("meddler", n)
	if !w.sleep(time.Duration(r.Int64N(int64(40 * time.Second)))) {
		return
	}
	k := w.some(r.IntN(1 << 20))
	if k == nil {
		return
	}
	if r.IntN(2) == 0 {
		_, err, ok := ask(w, func(p *platform) (time.Time, error) { return p.Redrive(context.Background(), k.arn, "") })
		w.note("redrive %s: %v %v", k.arn, ok, err)
		return
	}
	_, err, ok := ask(w, func(p *platform) (time.Time, error) { return p.Stop(context.Background(), k.arn, "Stopped", "by hand") })
	w.note("stop %s: %v %v", k.arn, ok, err)
	if ok && err == nil {
		w.mu.Lock()
		k.stopped = true
		w.mu.Unlock()
	}
}

func (w *world) some(n int) *known {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.mu.order) == 0 {
		return nil
	}
	return w.mu.order[n%len(w.mu.order)]
}

// reader looks at histories now and then.
func (w *world) reader() {
	r := w.draw("reader")
	for w.sleep(time.Duration(r.Int64N(int64(4 * time.Second)))) {
		if k := w.some(r.IntN(1 << 20)); k != nil && (!w.ended(k) || r.IntN(8) == 0) {
			w.look(k)
		}
	}
}

func (w *world) ended(k *known) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return k.outcome != ""
}

// look reads an execution and compares it with what was seen of it before.
func (w *world) look(k *known) {
	type view struct {
		events []string
		d      *workflows.Result
	}
	v, err, ok := ask(w, func(p *platform) (v view, err error) {
		if v.d, err = p.Describe(k.arn); err != nil {
			return v, err
		}
		v.events, err = historyOf(p, k.arn)
		return v, err
	})
	if !ok {
		return
	}
	if err != nil {
		w.failf("reading %s, which was acknowledged: %v", k.arn, err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, line := range k.seen {
		if i >= len(v.events) || v.events[i] != line {
			now := "nothing"
			if i < len(v.events) {
				now = v.events[i]
			}
			w.mu.trouble = append(w.mu.trouble, fmt.Sprintf("event %d of %s was\n\t%s\nand is\n\t%s", i+1, k.arn, line, now))
			break
		}
	}
	k.seen = v.events
	if v.d.Input.String() != k.input {
		w.mu.trouble = append(w.mu.trouble, fmt.Sprintf("the input of %s is %s, not %s", k.arn, v.d.Input, k.input))
	}
	outcome := ""
	if v.d.Status != workflows.Running {
		outcome = fmt.Sprintf("%s %s %s %s", v.d.Status, v.d.Output, v.d.Error, v.d.Cause)
	}
	if k.outcome != "" && v.d.Redrives == k.redrive && outcome != k.outcome {
		w.mu.trouble = append(w.mu.trouble, fmt.Sprintf("%s had ended as %q and is %q", k.arn, k.outcome, outcome))
	}
	k.outcome, k.redrive = outcome, v.d.Redrives
}

// historyOf is the whole history as AWS shows it, an event a line.
func historyOf(p *platform, arn string) (lines []string, err error) {
	for after := ""; ; {
		page, next, err := p.Events(workflows.History{Execution: arn, Limit: 1000, After: after})
		if err != nil {
			return nil, err
		}
		for i := range page {
			e := &page[i]
			lines = append(lines, fmt.Sprint(e.ID, " ", e.Prev, " ", e.Type, " ", e.Name, " ", e.Time.UnixNano(), " ", e.Payload, " ", e.Error, " ", e.Cause))
		}
		if after = next; next == "" {
			return lines, nil
		}
	}
}
