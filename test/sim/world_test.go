package sim_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/functions"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
	"anthill/store"
	"anthill/workflows"
)

const labRole = "arn:aws:iam::000000000000:role/LabRole"

var home = workflows.Scope{Account: "000000000000", Region: "us-east-1"}

// world is one seed's: a machine with its disk, the environments on it, a platform that comes and goes, and everybody
// who talks to it.
type world struct {
	t      *testing.T
	seed   uint64
	dir    string // of unpacked code
	events *bytes.Buffer
	sum    *tally

	revivals int // how often the disk failed

	disk   *flushDisk
	faulty *disk.Faulty // disk, as the platform has it
	now    atomic.Pointer[platform]
	driver *sandboxtest.Driver
	sent   sendings
	wg     sync.WaitGroup // clients, workers, readers
	over   context.Context
	end    context.CancelFunc

	mu struct {
		sync.Mutex
		p       *platform
		up      chan struct{} // closed when p is there
		known   map[string]*known
		order   []*known
		answers []string       // acknowledged: what was said of tasks
		entered map[string]int // handlers, by attempt
		fetched map[string]int // activity tasks, by token
		trouble []string
	}
	kills    bool // the machine never goes down in this world
	machines []*workflows.Machine
	heard    map[string]bool // answers that are in a history
	activity string
}

// platform is one life of the system.
type platform struct {
	*workflows.Service
	dead      atomic.Bool
	died      chan struct{} // closed with dead
	image     *disk.Memory  // what the disk holds after its death
	closed    bool
	functions *functions.Service
	pool      *sandbox.Pool
	db        *disk.DB
	log       *history.Log
}

// known is an execution that somebody asked for.
type known struct {
	arn, name, machine, input string

	// These are guarded by world.mu.
	acked   bool
	seen    []string // its history as it was last read
	outcome string   // once somebody saw its end
	redrive int      // the redrive that outcome is of
	stopped bool     // StopExecution was acknowledged
}

func newWorld(t *testing.T, seed uint64, image *disk.Memory, dir string) *world {
	w := &world{t: t, seed: seed, dir: dir, events: &bytes.Buffer{}, sum: &tally{}}
	w.insert(image)
	w.sent.n = map[string]int{}
	w.driver = sandboxtest.New(w.handlers())
	w.over, w.end = context.WithCancel(context.Background())
	w.mu.up = make(chan struct{})
	w.mu.known = map[string]*known{}
	w.heard = map[string]bool{}
	w.mu.entered = map[string]int{}
	w.mu.fetched = map[string]int{}
	return w
}

// draw gives the random numbers of one purpose: they depend on the seed and on nothing that happened.
func (w *world) draw(purpose string, args ...any) *rand.Rand {
	var h uint64 = 14695981039346656037
	for _, c := range []byte(purpose + fmt.Sprint(args...)) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(w.seed, h))
}

func (w *world) failf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.trouble = append(w.mu.trouble, fmt.Sprintf(format, args...))
}

// give ends the test at once, since a world without a platform cannot be ended in order.
func (w *world) give(up error) {
	fmt.Fprintf(os.Stderr, "%s\nseed %d: %v\nreplay with go test ./test/sim -run TestSimulation -seed %d -count 20\n", w.events, w.seed, up, w.seed)
	os.Exit(1)
}

// note writes what happened, for whoever replays a seed.
func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.events, "%9.3fs %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

// journal takes what the platform logs among the notes.
type journal struct{ w *world }

func (j journal) Write(line []byte) (int, error) {
	j.w.mu.Lock()
	defer j.w.mu.Unlock()
	return j.w.events.Write(line)
}

// began is when time begins in a bubble.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// insert gives the machine a disk.
func (w *world) insert(image *disk.Memory) {
	d := newFlushDisk(image)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disk, w.faulty = d, disk.NewFaulty(d)
}

// open starts a platform on the disk, which a crash may be set for. When the disk fails meanwhile, it tries again.
func (w *world) open(c *crash) *platform {
	if c != nil && c.flush > 0 {
		w.disk.failAt(c.flush, c.after, func() { w.kill(c) })
	}
	for {
		p := &platform{died: make(chan struct{})}
		w.now.Store(p)
		err := w.try(p)
		if err == nil {
			w.mu.Lock()
			w.mu.p = p
			close(w.mu.up)
			w.mu.Unlock()
			return p
		}
		w.close(p)
		if p.dead.Load() { // whoever asks for a platform goes on waiting
			return p
		}
		if !w.disk.troubled() {
			w.give(err)
		}
		w.note("opening failed: %v", err)
		time.Sleep(time.Second)
	}
}

// try opens the rooms of p. After an error some may be open.
func (w *world) try(p *platform) (err error) {
	w.disk.wake(false) // it may be the one of the platform before
	if p.db, err = disk.Open("db", disk.Options{FS: w.faulty}); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	w.disk.wake(true)
	b, err := blobs.Open("blobs", w.disk, p.db)
	if err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	if p.pool, err = sandbox.Open(context.Background(), sandbox.Config{Driver: &gate{w.driver, &p.dead, &w.sent}}); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	st := store.Open(p.db)
	p.log = history.Open(p.db)
	log := slog.New(slog.NewTextHandler(journal{w}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	p.functions, err = functions.Open(context.Background(), functions.Config{Store: st, History: p.log, Blobs: b, Pool: p.pool, Dir: w.dir, Architecture: "x86_64", Log: log})
	if err != nil {
		return fmt.Errorf("functions: %w", err)
	}
	p.Service, err = workflows.Open(context.Background(), workflows.Config{Store: st, History: p.log, Functions: p.functions, Log: log,
		RestAfter: []time.Duration{0, time.Second, 100 * time.Millisecond}[w.seed%3]})
	if err != nil {
		return fmt.Errorf("workflows: %w", err)
	}
	return nil
}

// kill ends the platform that lives at this instant: the disk keeps what a kill or a power cut leaves of it, and nothing
// that the platform still does reaches anybody.
func (w *world) kill(c *crash) {
	p := w.now.Load()
	if p.dead.Swap(true) {
		return
	}
	p.image = w.disk.mem.Crash(c.unflushed, w.seed)
	if c.machine {
		w.driver.Kill()
	}
	close(p.died)
}

// bury waits until the last goroutine of a dead platform has gone, and puts its disk in place.
func (w *world) bury(p *platform, c *crash) {
	w.leave()
	w.disk.set(0, false)
	w.faulty.Fail(nil)
	w.close(p)
	if c.machine {
		w.driver.Close()
		w.driver = sandboxtest.New(w.handlers())
	}
	w.insert(p.image)
}

// leave has everybody wait for the next platform.
func (w *world) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.p != nil {
		w.mu.p = nil
		w.mu.up = make(chan struct{})
	}
}

// close takes down what is open of p. Of a platform that died, or whose disk failed, the environments live on.
func (w *world) close(p *platform) {
	if p.closed {
		return
	}
	var errs []error
	lost := p.dead.Load() || p.db == nil || p.db.Err() != nil
	if p.Service != nil {
		errs = append(errs, p.Service.Close())
	}
	if p.pool != nil && lost {
		p.pool.Abandon()
	}
	if p.functions != nil {
		errs = append(errs, p.functions.Close())
	}
	if p.pool != nil && !lost {
		errs = append(errs, p.pool.Close())
	}
	w.disk.wake(false)
	if p.db != nil {
		if err := p.db.Close(); p.db.Err() == nil || err != nil && strings.Contains(err.Error(), "somebody") {
			errs = append(errs, err)
		}
	}
	for _, err := range errs {
		if err != nil {
			w.failf("closing: %v", err)
		}
	}
	p.closed = true
}

// platform waits until there is one. It is nil when everything is over.
func (w *world) platform() *platform {
	for {
		w.mu.Lock()
		p, up := w.mu.p, w.mu.up
		w.mu.Unlock()
		if p != nil && !p.dead.Load() {
			return p
		}
		if p != nil { // it is about to be buried
			select {
			case <-time.After(time.Millisecond):
				continue
			case <-w.over.Done():
				return nil
			}
		}
		select {
		case <-up:
		case <-w.over.Done():
			return nil
		}
	}
}

// ask does one request. ok is false when the platform died before its answer was there, or its disk had failed and it was
// refused; then it is as if it had never been given.
func ask[T any](w *world, do func(p *platform) (T, error)) (out T, err error, ok bool) {
	p := w.platform()
	if p == nil {
		return out, errDead, false
	}
	out, err = do(p)
	if err != nil && (fault.Is(err, fault.Full) || p.db.Err() != nil) {
		w.sum.refused.Add(1)
	}
	return out, err, !p.dead.Load() && (err == nil || p.db.Err() == nil)
}

// crash says how and when a platform ends.
type crash struct {
	flush     int           // at this flush of its life
	after     bool          // which is done, but nobody is told
	within    time.Duration // when flush is 0: so long after its start
	machine   bool          // the environments go down too
	unflushed int           // percent of what was written and not flushed that stays
}

func (c *crash) String() string {
	what, when := "kill", fmt.Sprintf("after %s", c.within)
	if c.machine {
		what = "power cut"
	}
	if c.flush > 0 {
		when = fmt.Sprintf("at flush %d (done: %v)", c.flush, c.after)
	}
	return fmt.Sprintf("%s %s, %d %% of unflushed blocks stay", what, when, c.unflushed)
}

func zipOf(t *testing.T, text string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("app.py")
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
