package functions

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"anthill/fault"
	"anthill/history"
	"anthill/sandbox"
)

// Served is what is known of one invocation that ran: the happening of a function's stream.
type Served struct {
	RequestID   string
	TraceID     string
	Version     string // that ran
	Qualifier   string // of the alias it was invoked by; "" when by none
	Mode        Mode
	Start       sandbox.Start
	Method      string // how the environment was started, when the invocation waited for that: "plain", "template", "spare"
	Environment string
	LogStream   string

	FunctionError string // "Unhandled", or "" for success
	ErrorType     string

	MemoryMB, MaxMemoryMB          int
	Duration, Billed, InitDuration time.Duration // as in REPORT
	Phases                         sandbox.Phases
}

// stream is where the invocations of a function are.
func stream(k Key) history.Stream { return history.Stream("function/" + k.path()) }

// recorder writes what was served into history, behind the answers, and tells who listens. Its goroutine ends with close.
type recorder struct {
	log *slog.Logger
	to  *history.Log

	served func(Key, *Served) // Config.Served
	wake   chan struct{}
	wg     sync.WaitGroup

	writing sync.Mutex // held by whoever writes what is pending
	spare   []pending  // guarded by writing: room for what will be pending
	mu      struct {
		sync.Mutex
		pending []pending
		closed  bool
	}
}

// recordEvery is how long records are gathered before they are written together.
const recordEvery = 50 * time.Millisecond

// pending is an invocation that is not written yet: what its Served is made of when its turn comes, many at a time.
type pending struct {
	alias, trace string
	mode         Mode
	out          *sandbox.Result
}

func newRecorder(to *history.Log, log *slog.Logger, served func(Key, *Served)) *recorder {
	r := &recorder{log: log, to: to, served: served, wake: make(chan struct{}, 1)}
	r.wg.Go(func() {
		for range r.wake {
			time.Sleep(recordEvery)
			r.write()
		}
	})
	return r
}

// add remembers an invocation; it costs its caller no disk. Nothing of out that a Served holds may change from now on.
func (r *recorder) add(alias string, inv *Invocation, out *sandbox.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.closed {
		return
	}
	r.mu.pending = append(r.mu.pending, pending{alias, inv.TraceID, inv.Mode, out})
	if len(r.mu.pending) == 1 {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

func (p *pending) key() Key {
	return Key{p.out.Spec.Account, p.out.Spec.Region, p.out.Spec.FunctionName}
}

func (p *pending) fill(s *Served) {
	out := p.out
	*s = Served{RequestID: out.RequestID, TraceID: p.trace, Version: out.Spec.Version, Qualifier: p.alias, Mode: p.mode,
		Start: out.Start, Method: out.Method, Environment: out.EnvironmentID, LogStream: out.LogStream,
		FunctionError: out.FunctionError, ErrorType: out.ErrorType,
		MemoryMB: out.Spec.MemoryMB, MaxMemoryMB: out.MaxMemoryMB,
		Duration: out.Duration, Billed: out.Billed, InitDuration: out.InitDuration, Phases: out.Phases}
}

// write appends what is pending. It returns once everything added before is readable, and who listens has heard of it.
func (r *recorder) write() {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	batch := r.mu.pending
	r.mu.pending = r.spare[:0]
	r.mu.Unlock()
	streams := map[Key][][]byte{}
	var s Served
	var b []byte
	for i := range batch {
		batch[i].fill(&s)
		key := batch[i].key()
		if r.served != nil {
			r.served(key, &s)
		}
		if cap(b)-len(b) < servedSize {
			b = make([]byte, 0, servedSize*min(len(batch)-i, 64))
		}
		from := len(b)
		b = s.append(b)
		streams[key] = append(streams[key], b[from:len(b):len(b)])
	}
	clear(batch)
	if r.spare = batch[:0]; cap(batch) > 4096 {
		r.spare = nil
	}
	for k, events := range streams {
		if _, err := r.to.Append(context.Background(), stream(k), history.Behind, events); err != nil {
			r.log.Error("records of invocations are lost", "function", k.ARN(), "records", len(events), "err", err)
		}
	}
}

func (r *recorder) close() {
	r.mu.Lock()
	r.mu.closed = true
	close(r.wake)
	r.mu.Unlock()
	r.wg.Wait()
	r.write()
}

// Invocations gives what the function of that name served since an instant, in the order in which it was answered: the
// last limit of them, or all when limit is 0.
func (s *Service) Invocations(k Key, since time.Time, limit int) ([]Served, error) {
	const op = "functions.Invocations"
	s.recorder.write()
	var out []Served
	for e, err := range s.c.History.ReadBack(stream(k)) {
		if err != nil {
			return nil, fault.In(op, err)
		}
		v, err := decodeServed(e.Data)
		if err != nil {
			return nil, fault.In(op, err)
		}
		if v.Phases.Received < since.UnixNano() && !since.IsZero() {
			break
		}
		if out = append(out, v); len(out) == limit {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}

// servedFormat is the first byte of a record. The rest is described in docs/formats.md.
const servedFormat = 3

// served2 is the format before Arrived and Spawned.
const served2 = 2

// parts are the variable members of a record, in their order on disk.
func (v *Served) texts() []*string {
	return []*string{&v.RequestID, &v.TraceID, &v.Version, &v.Qualifier, (*string)(&v.Start), &v.Method, &v.Environment, &v.LogStream,
		&v.FunctionError, &v.ErrorType}
}

// instants are its numbers of nanoseconds, in their order on disk; what a later format added is at the end.
func (v *Served) instants() []*int64 {
	p := &v.Phases
	return []*int64{&p.Queued, &p.SpawnBegin, &p.InitBegin, &p.InitEnd, &p.Sent, &p.Entered, &p.Returned, &p.Received, &p.Deadline,
		(*int64)(&v.Duration), (*int64)(&v.Billed), (*int64)(&v.InitDuration), &p.Arrived, &p.Spawned}
}

// instants2 is how many of them served2 has.
const instants2 = 12

// servedSize is about what a record takes.
const servedSize = 512

func (v *Served) encode() []byte { return v.append(nil) }

func (v *Served) append(b []byte) []byte {
	b = append(b, servedFormat, byte(v.Mode))
	b = binary.AppendUvarint(b, uint64(v.MemoryMB))
	b = binary.AppendUvarint(b, uint64(v.MaxMemoryMB))
	for _, t := range v.texts() {
		b = binary.AppendUvarint(b, uint64(len(*t)))
		b = append(b, *t...)
	}
	for _, n := range v.instants() {
		b = binary.LittleEndian.AppendUint64(b, uint64(*n))
	}
	return b
}

var errRecord = errors.New("a record of an invocation that cannot be read")

func decodeServed(b []byte) (v Served, err error) {
	if len(b) < 2 || b[0] != servedFormat && b[0] != served2 {
		return v, errRecord
	}
	instants := v.instants()
	if b[0] == served2 {
		instants = instants[:instants2]
	}
	v.Mode = Mode(b[1])
	b = b[2:]
	number := func() uint64 {
		n, used := binary.Uvarint(b)
		if used <= 0 {
			err, used, n = errRecord, 0, 0
		}
		b = b[used:]
		return n
	}
	v.MemoryMB, v.MaxMemoryMB = int(number()), int(number())
	for _, t := range v.texts() {
		n := number()
		if n > uint64(len(b)) {
			return v, errRecord
		}
		*t, b = string(b[:n]), b[n:]
	}
	for _, n := range instants {
		if len(b) < 8 {
			return v, errRecord
		}
		*n, b = int64(binary.LittleEndian.Uint64(b)), b[8:]
	}
	return v, err
}
