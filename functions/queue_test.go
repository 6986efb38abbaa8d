package functions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/functions"
	"anthill/sandbox/sandboxtest"
)

// ledger remembers what ran and when.
type ledger struct {
	mu    sync.Mutex
	began time.Time
	lines []string
}

func (l *ledger) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%v ", time.Since(l.began).Round(time.Second))+fmt.Sprintf(format, args...))
}

func (l *ledger) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// handler notes each run and fails while fails says so.
func (l *ledger) handler(fails func(run int) bool) sandboxtest.Func {
	runs := 0
	return func(_ context.Context, event []byte) ([]byte, error) {
		l.mu.Lock()
		runs++
		n := runs
		l.mu.Unlock()
		l.note("run %d %s", n, event)
		if fails(n) {
			return nil, &sandboxtest.Error{Type: "ValueError", Message: "no"}
		}
		return []byte(`{"done":true}`), nil
	}
}

func (h *house) queue(name, payload string) {
	h.t.Helper()
	out, err := h.Invoke(h.t.Context(), functions.Invocation{Ref: ref(name, ""), Mode: functions.Queued, Payload: []byte(payload)})
	if err != nil {
		h.t.Fatal(err)
	}
	if out.RequestID == "" {
		h.t.Error("no request id")
	}
}

// The function is tried again after one and after two minutes.
func TestQueuedRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{}
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": l.handler(func(n int) bool { return n < 3 })})
		h.function("hello", "app.h")
		l.began = time.Now()
		h.queue("hello", `"a"`)
		time.Sleep(time.Hour)
		want := []string{`0s run 1 "a"`, `1m0s run 2 "a"`, `3m0s run 3 "a"`}
		if got := l.all(); !slices.Equal(got, want) {
			t.Errorf("ran %q, want %q", got, want)
		}
		h.wantQueueEmpty()
	})
}

func (h *house) wantQueueEmpty() {
	h.t.Helper()
	synctest.Wait()
	for _, key := range functions.QueuedKeys(h.Service) {
		h.t.Errorf("still queued: %s", key)
	}
}

// Destinations are functions, and get AWS's record; a failed invocation's after its last retry.
func TestDestinations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{}
		var mu sync.Mutex
		var records []map[string]any
		catch := func(_ context.Context, event []byte) ([]byte, error) {
			var r map[string]any
			if err := json.Unmarshal(event, &r); err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			records = append(records, r)
			return []byte("null"), nil
		}
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{
			"app.good": l.handler(func(int) bool { return false }), "app.bad": l.handler(func(int) bool { return true }), "app.catch": catch})
		h.function("catch", "app.catch")
		h.function("good", "app.good")
		h.function("bad", "app.bad")
		one := 1
		to := ref("catch", "").ARN()
		_, e1 := h.SetAsync(ref("good", ""), functions.AsyncConfig{HasTargets: true, OnSuccess: to}, false)
		_, e2 := h.SetAsync(ref("bad", ""), functions.AsyncConfig{HasTargets: true, OnFailure: to, Retries: &one}, false)
		if err := errors.Join(e1, e2); err != nil {
			t.Fatal(err)
		}
		h.queue("good", `{"n":1}`)
		h.queue("bad", `{"n":2}`)
		time.Sleep(time.Hour)
		h.wantQueueEmpty()
		mu.Lock()
		defer mu.Unlock()
		if len(records) != 2 {
			t.Fatalf("%d records, want 2: %v", len(records), records)
		}
		for i, want := range []string{
			`{"condition":"Success","count":1,"payload":{"n":1},"response":{"executedVersion":"$LATEST","statusCode":200},"answer":{"done":true},"arn":"arn:aws:lambda:us-east-1:000000000000:function:good:$LATEST"}`,
			`{"condition":"RetriesExhausted","count":2,"payload":{"n":2},"response":{"executedVersion":"$LATEST","functionError":"Unhandled","statusCode":200},"answer":{"errorMessage":"no","errorType":"ValueError"},"arn":"arn:aws:lambda:us-east-1:000000000000:function:bad:$LATEST"}`,
		} {
			c := records[i]["requestContext"].(map[string]any)
			if e, ok := records[i]["responsePayload"].(map[string]any); ok {
				delete(e, "requestId")
				delete(e, "stackTrace")
			}
			got := asJSON(t, struct {
				Condition any `json:"condition"`
				Count     any `json:"count"`
				Payload   any `json:"payload"`
				Response  any `json:"response"`
				Answer    any `json:"answer"`
				ARN       any `json:"arn"`
			}{c["condition"], c["approximateInvokeCount"], records[i]["requestPayload"], records[i]["responseContext"], records[i]["responsePayload"], c["functionArn"]})
			if got != want {
				t.Errorf("record %d:\ngot  %s\nwant %s", i, got, want)
			}
		}
	})
}

// An invocation that waits for its retry when it gets too old ends there; one that may not run at all ends at once.
func TestQueuedAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{}
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.bad": l.handler(func(int) bool { return true })})
		h.function("bad", "app.bad")
		age, zero := 60, 0
		if _, err := h.SetAsync(ref("bad", ""), functions.AsyncConfig{MaxAge: &age}, false); err != nil {
			t.Fatal(err)
		}
		l.began = time.Now()
		h.queue("bad", `1`)
		time.Sleep(time.Hour)
		if err := h.SetReserved(ref("bad", ""), &zero); err != nil {
			t.Fatal(err)
		}
		h.queue("bad", `2`)
		time.Sleep(time.Hour)
		if got := l.all(); len(got) != 1 {
			t.Errorf("ran %q, want one run", got)
		}
		h.wantQueueEmpty()
	})
}

// Throttled invocations wait, they do not fail.
func TestQueuedThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{}
		slow := func(_ context.Context, event []byte) ([]byte, error) {
			l.note("%s", event)
			time.Sleep(time.Second)
			return event, nil
		}
		h := newHouse(t, functions.Config{Concurrency: 1}, map[string]sandboxtest.Func{"app.slow": slow})
		h.function("slow", "app.slow")
		for i := range 5 {
			h.queue("slow", fmt.Sprint(i))
		}
		time.Sleep(time.Hour)
		if got := l.all(); len(got) != 5 {
			t.Errorf("ran %q, want five runs", got)
		}
		h.wantQueueEmpty()
	})
}

// The platform is killed at moments of a seed's choosing while queued invocations run, and started again. Environments
// live on, and so does each invocation: it runs once.
func TestKilledWhileQueued(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			l := &ledger{}
			work := func(_ context.Context, event []byte) ([]byte, error) {
				l.note("%s", event)
				time.Sleep(2 * time.Second)
				return event, nil
			}
			h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.work": work})
			h.function("work", "app.work")
			for i := range 8 {
				h.queue("work", fmt.Sprint(i))
				time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond)
				if rng.IntN(3) == 0 {
					h.kill()
				}
			}
			h.kill()
			time.Sleep(10 * time.Minute)
			h.wantQueueEmpty()
			if got := l.all(); len(got) != 8 {
				t.Errorf("seed %d: %d runs of 8: %q", seed, len(got), got)
			}
		})
	}
}

// kill ends the platform's process and starts it anew: environments live on.
func (h *house) kill() {
	h.t.Helper()
	h.pool.Abandon()
	err := h.Service.Close()
	fs := h.fs.Crash(100, 0) // a process that dies loses nothing that it wrote
	if err := errors.Join(err, h.db.Close()); err != nil {
		h.t.Fatal(err)
	}
	h.fs = fs
	h.open()
}

// The power fails at moments of a seed's choosing. What was accepted runs, perhaps again: Lambda promises at least once.
func TestPowerCutWhileQueued(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 8))
			l := &ledger{}
			work := func(ctx context.Context, event []byte) ([]byte, error) {
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				l.note("%s", event)
				return event, nil
			}
			h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.work": work})
			h.function("work", "app.work")
			for i := range 8 {
				h.queue("work", fmt.Sprint(i))
				time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond)
				if rng.IntN(3) == 0 {
					h.powerCut(rng)
				}
			}
			h.powerCut(rng)
			time.Sleep(10 * time.Minute)
			h.wantQueueEmpty()
			ran := map[string]bool{}
			for _, line := range l.all() {
				ran[line[len(line)-1:]] = true
			}
			if len(ran) != 8 {
				t.Errorf("seed %d: %d of 8 ran: %q", seed, len(ran), l.all())
			}
		})
	}
}

// powerCut starts the machine anew with what was flushed and some of what was not.
func (h *house) powerCut(rng *rand.Rand) {
	h.t.Helper()
	fs := h.fs.Crash(rng.IntN(101), rng.Uint64())
	h.close()
	h.fs = fs
	h.driver = sandboxtest.New(h.handlers)
	h.open()
}

// Two functions that are each other's destination run sixteen times each and are stopped, unless they may go on.
func TestLoops(t *testing.T) {
	for loop, want := range map[string]int{"Terminate": 32, "Allow": 100} {
		synctest.Test(t, func(t *testing.T) {
			runs, stopped := 0, 0
			var mu sync.Mutex
			count := func(context.Context, []byte) ([]byte, error) {
				mu.Lock()
				defer mu.Unlock()
				if runs++; runs == 100 {
					return nil, &sandboxtest.Error{Type: "Enough", Message: "it would go on"}
				}
				return []byte("1"), nil
			}
			failed := func(_ context.Context, event []byte) ([]byte, error) {
				mu.Lock()
				defer mu.Unlock()
				stopped++
				return []byte("1"), nil
			}
			h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": count, "app.failed": failed})
			none := 0
			h.function("failed", "app.failed")
			for _, name := range []string{"ping", "pong"} {
				h.function(name, "app.h")
				if err := h.SetRecursion(ref(name, ""), loop); err != nil {
					t.Fatal(err)
				}
			}
			for name, to := range map[string]string{"ping": "pong", "pong": "ping"} {
				_, err := h.SetAsync(ref(name, ""), functions.AsyncConfig{HasTargets: true, OnSuccess: ref(to, "").ARN(), OnFailure: ref("failed", "").ARN(), Retries: &none}, false)
				if err != nil {
					t.Fatal(err)
				}
			}
			h.queue("ping", `{}`)
			time.Sleep(time.Hour)
			h.wantQueueEmpty()
			if mu.Lock(); runs != want || stopped != 1 {
				t.Errorf("%s: %d runs, %d stopped; want %d and 1", loop, runs, stopped, want)
			}
			mu.Unlock()
		})
	}
}

// drawer is a destination of one resource.
type drawer struct {
	arn string
	mu  struct {
		sync.Mutex
		broken int // deliveries that are still to fail
		got    []functions.Delivery
	}
}

func (d *drawer) Exists(arn string) bool { return arn == d.arn }

func (d *drawer) Deliver(_ context.Context, got functions.Delivery) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.broken--; d.mu.broken >= 0 {
		return errors.New("not now")
	}
	d.mu.got = append(d.mu.got, got)
	return nil
}

// A bucket takes records of failures, until it does; queues take what failed.
func TestDestinationsOfOtherServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, letters := &drawer{arn: "arn:aws:s3:::records"}, &drawer{arn: "arn:aws:sqs:us-east-1:000000000000:dead"}
		bucket.mu.broken = 2
		l := &ledger{}
		h := newHouse(t, functions.Config{Destinations: map[string]functions.Destination{"s3": bucket, "sqs": letters}},
			map[string]sandboxtest.Func{"app.bad": l.handler(func(int) bool { return true })})
		h.function("bad", "app.bad")
		none := 0
		set := func(c functions.AsyncConfig) error {
			c.Retries, c.HasTargets = &none, true
			_, err := h.SetAsync(ref("bad", ""), c, false)
			return err
		}
		wantFault(t, set(functions.AsyncConfig{OnSuccess: bucket.arn}), fault.Invalid, "The destination ARN arn:aws:s3:::records is invalid.")
		wantFault(t, set(functions.AsyncConfig{OnFailure: "arn:aws:s3:::other"}), fault.Invalid, "The destination ARN arn:aws:s3:::other is invalid.")
		wantFault(t, set(functions.AsyncConfig{OnFailure: "arn:aws:sns:us-east-1:000000000000:t"}), fault.Unsupported, "a destination in sns")
		if err := set(functions.AsyncConfig{OnFailure: bucket.arn}); err != nil {
			t.Fatal(err)
		}
		letter := func(to string) error {
			_, err := h.UpdateConfiguration(functions.ConfigurationUpdate{Ref: ref("bad", ""), DeadLetter: &to})
			return err
		}
		wantFault(t, letter(bucket.arn), fault.Unsupported, "DeadLetterConfig with target arn:aws:s3:::records")
		if err := letter(letters.arn); err != nil {
			t.Fatal(err)
		}
		h.queue("bad", `{"n":1}`)
		time.Sleep(time.Hour)
		h.wantQueueEmpty()
		if ran := l.all(); len(ran) != 1 {
			t.Errorf("it ran %d times: %q", len(ran), ran)
		}
		if n := len(bucket.mu.got); n != 1 || !strings.Contains(string(bucket.mu.got[0].Record), `"condition":"RetriesExhausted"`) || bucket.mu.got[0].Function.Name != "bad" {
			t.Errorf("%d records: %+v", n, bucket.mu.got)
		}
		if n := len(letters.mu.got); n != 1 || string(letters.mu.got[0].Record) != `{"n":1}` || !letters.mu.got[0].Letter || letters.mu.got[0].Error != "no" {
			t.Errorf("%d dead letters: %+v", n, letters.mu.got)
		}
	})
}
