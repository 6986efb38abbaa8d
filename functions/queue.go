package functions

import (
	"container/heap"
	"context"
	"encoding/json"
	"sync"
	"time"

	"anthill/arn"
	"anthill/fault"
	"anthill/internal/disk"
	"anthill/store"
	"anthill/uuid"
)

// Limits of queued invocations (Lambda developer guide, "How Lambda handles errors and retries with asynchronous
// invocation").
const (
	defaultRetries = 2
	defaultMaxAge  = 6 * time.Hour
	retryPause     = time.Minute // before the first retry; twice that before the second
	maxBackOff     = 5 * time.Minute

	// queueWorkers is how many queued invocations run at once. Nobody waits for them, so they leave the machine to
	// those that somebody waits for.
	queueWorkers = 64
)

// queued is the document of an invocation that nobody waits for.
type queued struct {
	Ref           Ref
	RequestID     string
	TraceID       string
	ClientContext string `json:",omitzero"`
	Payload       []byte
	Accepted      time.Time
	NotBefore     time.Time // of the next attempt
	Attempts      int       // that ended with an error of the function
	// LastOutcome is when the last of them was written down. An outcome that an environment still keeps from before is
	// that attempt's, not the next one's.
	LastOutcome time.Time
	// Delivery is a record that is on its way to another service: what came of the invocation of that request.
	Delivery *Delivery `json:",omitzero"`
}

func (d *queued) key() string {
	key := d.Ref.Key().path() + "/" + d.RequestID
	switch {
	case d.Delivery == nil:
		return key
	case d.Delivery.Letter:
		return key + "/letter"
	}
	return key + "/record"
}

// queue runs queued invocations. Every document of its collection is in waiting, or has a goroutine.
type queue struct {
	s    *Service
	docs *store.Collection[queued]
	ctx  context.Context // ends when the queue closes
	stop context.CancelFunc
	wg   sync.WaitGroup
	wake chan struct{}
	room chan struct{} // a token for each running one

	mu struct {
		sync.Mutex
		waiting entries
	}
}

// entry is a document that waits for its time.
type entry struct {
	key      string
	due      time.Time
	refusals int  // throttled or failed by us, in a row
	adopt    bool // it may still run in an environment that an earlier platform left
}

// entries is a heap, the earliest due first.
type entries []entry

func (e entries) Len() int           { return len(e) }
func (e entries) Less(i, j int) bool { return e[i].due.Before(e[j].due) }
func (e entries) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *entries) Push(x any)        { *e = append(*e, x.(entry)) }
func (e *entries) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// openQueue goes on with what an earlier platform accepted.
func openQueue(s *Service) (*queue, error) {
	q := &queue{s: s, docs: store.Of[queued](s.c.Store, "queued-invocations"), wake: make(chan struct{}, 1), room: make(chan struct{}, queueWorkers)}
	for d, err := range q.docs.Scan("") {
		if err != nil {
			return nil, err
		}
		heap.Push(&q.mu.waiting, entry{key: d.Key, adopt: true})
	}
	q.ctx, q.stop = context.WithCancel(context.Background())
	q.wg.Go(q.loop)
	return q, nil
}

func (q *queue) close() {
	q.stop()
	q.wg.Wait()
}

// accept makes an invocation durable and gives it to the loop.
func (q *queue) accept(t *target, inv *Invocation) error {
	now := time.Now()
	d := queued{Ref: inv.Ref, RequestID: inv.RequestID, TraceID: inv.TraceID, ClientContext: inv.ClientContext,
		Payload: inv.Payload, Accepted: now, NotBefore: now}
	if err := q.docs.Put(d.key(), d); err != nil {
		return err
	}
	q.push(entry{key: d.key(), due: now})
	return nil
}

func (q *queue) push(e entry) {
	q.mu.Lock()
	heap.Push(&q.mu.waiting, e)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// loop starts each entry when it is due and there is room.
func (q *queue) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		e, wait, ok := q.next(time.Now())
		if ok {
			select {
			case q.room <- struct{}{}:
			case <-q.ctx.Done():
				return
			}
			q.wg.Go(func() {
				defer func() { <-q.room }()
				q.attempt(e)
			})
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-q.wake:
		case <-q.ctx.Done():
			return
		}
	}
}

// next takes the entry that is due, or says how long there is none.
func (q *queue) next(now time.Time) (e entry, wait time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.mu.waiting) == 0 {
		return e, time.Hour, false
	}
	if wait = q.mu.waiting[0].due.Sub(now); wait > 0 {
		return e, wait, false
	}
	return heap.Pop(&q.mu.waiting).(entry), 0, true
}

// attempt runs a queued invocation once, or takes the outcome that an environment kept of it.
func (q *queue) attempt(e entry) {
	d, ok, err := q.docs.Get(e.key)
	if err != nil {
		q.again(e, err)
		return
	}
	if !ok {
		return
	}
	if d.Delivery != nil {
		q.hand(e, &d)
		return
	}
	now := time.Now()
	r := &result{}
	if e.adopt {
		r.Result, err = q.adopt(&d)
		if e.adopt = false; err == nil && r.Result == nil && d.NotBefore.After(now) {
			e.due = d.NotBefore
			q.push(e)
			return
		}
	}
	config := q.configOf(d.Ref)
	switch {
	case err != nil || r.Result != nil:
	case now.Sub(d.Accepted) >= maxAgeOf(config):
		r.condition = "EventAgeExceeded"
	default:
		r.Result, err = q.run(&d, r)
	}
	q.conclude(e, &d, config, r, err)
}

// result is how an attempt ended. condition is set when no further one is to be made.
type result struct {
	*Result
	condition string // AWS's word for a destination's record
}

// adopt looks for an outcome of d in the environments that an earlier platform left. nil means that there is none.
func (q *queue) adopt(d *queued) (*Result, error) {
	out, found, err := q.s.Adopt(q.ctx, d.RequestID)
	if err != nil || !found {
		return nil, err
	}
	if !d.LastOutcome.IsZero() && out.Phases.Sent <= d.LastOutcome.UnixNano() {
		out.Release()
		return nil, nil
	}
	return out, nil
}

// run invokes d's function and waits for it.
func (q *queue) run(d *queued, r *result) (*Result, error) {
	t, err := q.s.target("functions.queue", d.Ref)
	if err != nil {
		return nil, err
	}
	if t.gauge.reserved.Load() == 1 {
		r.condition = "ZeroReservedConcurrency"
		return nil, nil
	}
	if err := t.recursive("functions.queue", d.TraceID); err != nil { // AWS does not say what its record's condition is then
		q.s.log.Info("a queued invocation was stopped: its function calls itself", "function", d.Ref.ARN(), "request", d.RequestID)
		r.condition = "RetriesExhausted"
		return nil, nil
	}
	return q.s.run(q.ctx, t.pick(), &Invocation{Ref: d.Ref, Mode: Queued, RequestID: d.RequestID, Payload: d.Payload,
		TraceID: d.TraceID, ClientContext: d.ClientContext, Arrived: d.Accepted.UnixNano(), Keep: true})
}

// conclude writes down how an attempt ended, and only then lets the outcome go.
func (q *queue) conclude(e entry, d *queued, config AsyncConfig, r *result, err error) {
	switch {
	case fault.Is(err, fault.NotFound):
		q.s.log.Info("a queued invocation's function is gone", "function", d.Ref.ARN(), "request", d.RequestID)
		if err := q.docs.Delete(e.key); err != nil {
			q.again(e, err)
		}
		return
	case err != nil:
		q.again(e, err)
		return
	case r.condition == "" && r.FunctionError == "":
		r.condition = "Success"
	case r.condition == "":
		d.Attempts++
		if d.Attempts <= retriesOf(config) {
			d.LastOutcome = time.Now()
			d.NotBefore = d.LastOutcome.Add(time.Duration(d.Attempts) * retryPause)
			if err := q.docs.Put(e.key, *d); err != nil {
				q.s.log.Error("a queued invocation's failure cannot be written down", "function", d.Ref.ARN(), "request", d.RequestID, "err", err)
			}
			r.Release()
			q.push(entry{key: e.key, due: d.NotBefore})
			return
		}
		r.condition = "RetriesExhausted"
	}
	if err := q.finish(d, config, r); err != nil {
		q.s.log.Error("a queued invocation's end cannot be written down; it will run again", "function", d.Ref.ARN(), "request", d.RequestID, "err", err)
		q.again(e, err)
	}
	if r.Result != nil {
		r.Release()
	}
}

// again tries once more after a refusal that is not the function's fault: 1 s at first, then twice that, up to 5 min.
func (q *queue) again(e entry, err error) {
	if q.ctx.Err() != nil {
		return // the next platform goes on with it
	}
	if !fault.Is(err, fault.Throttled) && !fault.Is(err, fault.Canceled) {
		q.s.log.Warn("a queued invocation could not be run", "key", e.key, "err", err)
	}
	e.due = time.Now().Add(min(time.Second<<min(e.refusals, 10), maxBackOff))
	e.refusals++
	q.push(e)
}

// finish removes d, and queues what its destination and its dead-letter queue are to get, in one transaction.
func (q *queue) finish(d *queued, config AsyncConfig, r *result) error {
	var next []*queued
	to := config.OnFailure
	if r.condition == "Success" {
		to = config.OnSuccess
	}
	if to != "" {
		record := recordOf(d, r)
		a, err := arn.Parse(to)
		switch {
		case err != nil:
			return err
		case a.Service == "lambda":
			target, err := ParseRef(d.Ref.Account, d.Ref.Region, to, "")
			if err != nil {
				return err
			}
			_, trace := lineage(d.TraceID, lineageName(d.Ref.Key()))
			next = append(next, &queued{Ref: target, RequestID: uuid.New(), TraceID: trace, Payload: record})
		default:
			next = append(next, d.delivery(r, to, record, false))
		}
	}
	if dead := q.deadLetterOf(d.Ref); dead != "" && r.condition != "Success" {
		next = append(next, d.delivery(r, dead, d.Payload, true))
	}
	writes, now := []disk.Write{q.docs.Remove(d.key())}, time.Now()
	for _, n := range next {
		n.Accepted, n.NotBefore = now, now
		writes = append(writes, q.docs.Write(n.key(), *n))
	}
	if err := q.s.c.Store.Commit(writes...); err != nil {
		return err
	}
	for _, n := range next {
		q.push(entry{key: n.key(), due: now})
	}
	return nil
}

// delivery is what a service gets of d's end.
func (d *queued) delivery(r *result, to string, record []byte, letter bool) *queued {
	return &queued{Ref: d.Ref, RequestID: d.RequestID, Delivery: &Delivery{To: to, Function: d.Ref.Key(), RequestID: d.RequestID, Accepted: d.Accepted,
		Source: asyncRef(d.Ref).ARN(), Succeeded: r.condition == "Success", Error: r.message(), Letter: letter, Record: record}}
}

// hand hands a record over, and tries again when that fails; it gives up when AWS gives up an event, or when there is nobody to
// take it.
func (q *queue) hand(e entry, d *queued) {
	a, err := arn.Parse(d.Delivery.To)
	if err == nil {
		err = &fault.Error{Kind: fault.NotFound, Noun: "destination", Name: d.Delivery.To}
		if at := q.s.c.Destinations[a.Service]; at != nil {
			err = at.Deliver(q.ctx, *d.Delivery)
		}
	}
	if err != nil && !fault.Is(err, fault.NotFound) && time.Since(d.Accepted) < defaultMaxAge {
		q.again(e, err)
		return
	}
	if err != nil {
		q.s.log.Warn("a record of a queued invocation is lost", "to", d.Delivery.To, "function", d.Delivery.Source, "request", d.RequestID, "err", err)
	}
	if err := q.docs.Delete(e.key); err != nil {
		q.again(e, err)
	}
}

// message is what the function said of its error.
func (r *result) message() string {
	var said struct {
		Message string `json:"errorMessage"`
	}
	if r.Result == nil || json.Unmarshal(r.Payload, &said) != nil {
		return ""
	}
	return said.Message[:min(len(said.Message), 1024)]
}

// configOf gives what was said about r's queued invocations.
func (q *queue) configOf(r Ref) AsyncConfig {
	c, err := q.s.Async(r)
	if err != nil {
		return AsyncConfig{}
	}
	return c
}

func (q *queue) deadLetterOf(r Ref) string {
	d, err := q.s.Get(r)
	if err != nil {
		return ""
	}
	return d.Version.Settings.DeadLetter
}

func retriesOf(c AsyncConfig) int {
	if c.Retries == nil {
		return defaultRetries
	}
	return *c.Retries
}

func maxAgeOf(c AsyncConfig) time.Duration {
	if c.MaxAge == nil {
		return defaultMaxAge
	}
	return time.Duration(*c.MaxAge) * time.Second
}

// recordOf is what a destination gets (Lambda developer guide, "Capturing records of Lambda asynchronous invocations").
func recordOf(d *queued, r *result) []byte {
	type requestContext struct {
		RequestID   string `json:"requestId"`
		FunctionARN string `json:"functionArn"`
		Condition   string `json:"condition"`
		Count       int    `json:"approximateInvokeCount"`
	}
	type responseContext struct {
		StatusCode    int     `json:"statusCode"`
		Version       string  `json:"executedVersion"`
		FunctionError *string `json:"functionError,omitempty"`
	}
	record := struct {
		Version         string           `json:"version"`
		Timestamp       string           `json:"timestamp"`
		RequestContext  requestContext   `json:"requestContext"`
		RequestPayload  json.RawMessage  `json:"requestPayload"`
		ResponseContext *responseContext `json:"responseContext,omitempty"`
		ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
	}{Version: "1.0", Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), RequestPayload: d.Payload,
		RequestContext: requestContext{d.RequestID, asyncRef(d.Ref).ARN(), r.condition, d.Attempts}}
	if r.Result != nil {
		if r.FunctionError == "" {
			record.RequestContext.Count++
		}
		record.ResponseContext = &responseContext{StatusCode: 200, Version: r.ExecutedVersion}
		if r.FunctionError != "" {
			record.ResponseContext.FunctionError = &r.FunctionError
		}
		if record.ResponsePayload = r.Payload; !json.Valid(r.Payload) {
			record.ResponsePayload = json.RawMessage("null")
		}
	}
	return compactJSON(record)
}
