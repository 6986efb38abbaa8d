package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"anthill/fault"
)

// Config says how a Pool behaves.
type Config struct {
	// Driver makes the environments. It is required. The pool closes it.
	Driver Driver

	// Lines is where log lines go. nil drops them.
	Lines Lines

	// KeepAlive is how long an idle environment is kept. 0 means 10 minutes; a negative value keeps it forever.
	KeepAlive time.Duration

	// MaxEnvironments is the most environments at once, over all functions. 0 means 1000. Above it idle environments
	// of other functions give way, the longest idle first, and then invocations wait.
	MaxEnvironments int

	// InitLimit is how long an on-demand init may take before it is repeated under the function's timeout. 0 means
	// AWS's 10 seconds.
	InitLimit time.Duration

	// InitDelay is added to every init on purpose, for teaching. nil: nothing is.
	InitDelay func() time.Duration

	// Ended is told of every environment that ends. It must not wait, and must not call the pool. nil: nobody is.
	Ended func(Info)

	// Inits is how many inits may run at once while no processor of the machine is to spare. 0 means two for each processor
	// when the driver can tell (Gauge), and no limit when it cannot.
	Inits int

	// FreezeAfter is how long an environment is idle before what its function left running is stopped until the next
	// invocation, where the driver can (Freezer). AWS does so at once; here invocations that come close together do not pay
	// for it. 0 means 100 ms; a negative value never.
	FreezeAfter time.Duration

	// AdoptWithin is how long the outcome of an environment that survived the platform is kept for Adopt. 0 means one
	// minute. Until then the environment serves nothing else.
	AdoptWithin time.Duration
}

func (c Config) withDefaults() Config {
	if c.KeepAlive == 0 {
		c.KeepAlive = 10 * time.Minute
	}
	if c.MaxEnvironments == 0 {
		c.MaxEnvironments = 1000
	}
	if c.InitLimit == 0 {
		c.InitLimit = 10 * time.Second
	}
	if c.FreezeAfter == 0 {
		c.FreezeAfter = 100 * time.Millisecond
	}
	if c.AdoptWithin == 0 {
		c.AdoptWithin = time.Minute
	}
	return c
}

// Pool keeps environments warm and starts them on demand.
type Pool struct {
	c      Config
	ctx    context.Context // ends with the pool
	stop   context.CancelFunc
	wg     sync.WaitGroup // every goroutine of the pool
	gate   *gate
	wakeUp chan struct{} // tells the reaper that there is something to watch again

	settled chan struct{} // closed when every survivor has said what it is doing

	mu struct {
		sync.Mutex
		closed    bool
		members   map[string]*member   // by environment id
		idle      map[string][]*member // by Spec.Key, the longest idle first: the last is reused first
		starting  int                  // environments that are being created or about to be, not yet in members
		queues    map[string]*queue    // by Spec.Key: the requests that wait while environments are made
		paces     map[string]*pace     // by Spec.Key: how fast warm environments serve
		changed   chan struct{}        // closed and made anew when room or an idle environment appears, if anybody waits
		waiters   int
		adoptions map[string]*adoption // by request id
		found     map[string]bool      // request ids that survivors told of
		unsure    bool                 // a survivor could not be asked

		provisions map[string]*provision // by Spec.Key

		ended []Info // environments that are gone, the oldest first; no more than keptLives
	}
}

// member is an environment of the pool.
type member struct {
	id      string
	stream  string // log stream
	spec    Spec
	env     Environment
	created time.Time
	once    bool // it ends after its first invocation
	fresh   bool // its first init is over, and no invocation has been told of it

	// These belong to whoever runs an invocation or an init in it.
	booted  bool
	boots   int
	boot    Boot
	start   Start // of its next invocation
	lines   []Line
	scratch []byte
	tail    []byte // the last of the running invocation's log

	ice    sync.Mutex // held while it is frozen or thawed
	frozen bool       // guarded by ice

	// These are guarded by Pool.mu.
	cooling   bool // something will look whether it is idle for long enough to be frozen
	dropped   bool // it ends when it is released
	busy      bool
	requestID string // running
	since     time.Time
	pace      *pace     // of its key, while it serves warm
	taken     time.Time // when it began to
	running   bool      // since then no outcome has come
	served    int
	memoryMB  int
	lastStart Start
	pid       int
	life      life
}

// Open takes over the environments that the driver still has from an earlier platform and starts the pool.
func Open(ctx context.Context, c Config) (*Pool, error) {
	const op = "sandbox.Open"
	if c.Driver == nil {
		return nil, fault.Invalidf(op, "pool", "no driver")
	}
	p := &Pool{c: c.withDefaults(), wakeUp: make(chan struct{}, 1), settled: make(chan struct{})}
	p.mu.members = map[string]*member{}
	p.mu.idle = map[string][]*member{}
	p.mu.queues = map[string]*queue{}
	p.mu.paces = map[string]*pace{}
	p.mu.adoptions = map[string]*adoption{}
	p.mu.found = map[string]bool{}
	p.mu.provisions = map[string]*provision{}
	p.mu.changed = make(chan struct{})
	var spare func() bool
	if g, ok := c.Driver.(Gauge); ok {
		spare = g.Spare
	}
	p.gate = newGate(c.Inits, spare)
	survivors, err := c.Driver.Survivors(ctx)
	if err != nil {
		return nil, fault.In(op, err)
	}
	p.ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.takeOver(survivors)
	p.wg.Go(p.reap)
	return p, nil
}

// take gives an idle environment for spec, or a place in the line for one; with cold it makes one of its own. The environment
// is busy and the caller's. With keep, too, no request waits while one is idle.
func (p *Pool) take(ctx context.Context, spec *Spec, cold, keep bool) (*member, *waiter, error) {
	p.mu.Lock()
	for {
		if p.mu.closed {
			p.mu.Unlock()
			return nil, nil, errClosed()
		}
		if !cold && len(p.mu.idle[spec.Key]) > 0 {
			if !keep && p.mu.paces[spec.Key].full() {
				w := p.joinLocked(spec)
				p.mu.Unlock()
				return nil, w, nil
			}
			m := p.popLocked(spec.Key)
			p.mu.Unlock()
			return m, nil, nil
		}
		if len(p.mu.members)+p.mu.starting < p.c.MaxEnvironments {
			break
		}
		if victim := p.longestIdleLocked(); victim != nil {
			p.removeLocked(victim)
			continue
		}
		changed := p.mu.changed
		p.mu.waiters++
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		p.mu.Lock()
		p.mu.waiters--
		if ctx.Err() != nil {
			p.mu.Unlock()
			return nil, nil, &fault.Error{Kind: fault.Canceled, Noun: "environment", Err: ctx.Err()}
		}
	}
	if !cold {
		w := p.joinLocked(spec)
		p.mu.Unlock()
		return nil, w, nil
	}
	p.mu.starting++
	p.mu.Unlock()
	m, err := p.create(ctx, spec, true)
	return m, nil, err
}

func (p *Pool) create(ctx context.Context, spec *Spec, once bool) (*member, error) {
	id := newID()
	env, err := p.c.Driver.Create(ctx, *spec, id)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.starting--
	if err != nil {
		p.signalLocked()
		return nil, err
	}
	m := newMember(id, *spec, env, time.Now())
	m.once, m.busy = once, true
	p.mu.members[id] = m
	return m, nil
}

func newMember(id string, spec Spec, env Environment, created time.Time) *member {
	if spec.Version == "" {
		spec.Version = "$LATEST"
	}
	return &member{id: id, spec: spec, env: env, created: created,
		stream: created.UTC().Format("2006/01/02/") + "[" + spec.Version + "]" + id}
}

// LogStreamOf is the log stream that an environment writes to, from the instant of its creation, its version and id.
func LogStreamOf(created time.Time, version, id string) string {
	return newMember(id, Spec{Version: version}, nil, created).stream
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// release gives m to the request that has waited longest or makes it idle again, or ends it when it is not wanted any more.
func (p *Pool) release(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.timedLocked()
	m.busy = false
	m.requestID = ""
	m.since = time.Now()
	if p.mu.members[m.id] != m {
		return
	}
	if p.mu.closed || m.dropped || m.once {
		p.removeLocked(m)
		return
	}
	m.busy = true
	if l := p.mu.paces[m.spec.Key]; !l.full() && p.handLocked(m.spec.Key, arrival{m: m}) {
		p.timeLocked(m)
		for !l.full() && p.seatLocked(m.spec.Key) { // after a time when it was
		}
		return
	}
	m.busy = false
	p.mu.idle[m.spec.Key] = append(p.mu.idle[m.spec.Key], m)
	p.coolLocked(m)
	p.signalLocked()
	select {
	case p.wakeUp <- struct{}{}:
	default:
	}
}

func (p *Pool) signalLocked() {
	if p.mu.waiters > 0 {
		close(p.mu.changed)
		p.mu.changed = make(chan struct{})
	}
}

// longestIdleLocked finds the environment that has been idle for longest.
func (p *Pool) longestIdleLocked() *member {
	var oldest *member
	for key, stack := range p.mu.idle {
		if len(stack) > 0 && (oldest == nil || stack[0].since.Before(oldest.since)) && !p.provisionedLocked(key) {
			oldest = stack[0]
		}
	}
	return oldest
}

// removeLocked takes m, which nobody is using, out of the pool and ends it behind the caller's back.
func (p *Pool) removeLocked(m *member) {
	delete(p.mu.members, m.id)
	p.rememberLocked(m)
	stack := p.mu.idle[m.spec.Key]
	for i := range stack {
		if stack[i] == m {
			stack = append(stack[:i:i], stack[i+1:]...)
			break
		}
	}
	if len(stack) == 0 {
		delete(p.mu.idle, m.spec.Key)
	} else {
		p.mu.idle[m.spec.Key] = stack
	}
	p.signalLocked()
	if p.mu.closed {
		return // Close ends it
	}
	p.refillLocked(m.spec.Key)
	p.wg.Go(func() {
		if m.once {
			p.gate.after(p.ctx)
		}
		p.end(m)
	})
}

// end ends an environment that nobody uses any more, and passes on what it wrote to the last, its extensions' farewell
// included.
func (p *Pool) end(m *member) {
	m.env.Stop()
	m.tail = m.tail[:0]
	m.flush(p)
	_ = m.env.Close()
}

// reap ends environments that have been idle for too long. It sleeps for good while none is idle.
func (p *Pool) reap() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, any := p.reapOnce(time.Now())
		var alarm <-chan time.Time
		var wakeUp <-chan struct{}
		if any {
			timer.Reset(next)
			alarm = timer.C
		} else {
			wakeUp = p.wakeUp
		}
		select {
		case <-alarm:
		case <-wakeUp:
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *Pool) reapOnce(now time.Time) (next time.Duration, any bool) {
	if p.c.KeepAlive < 0 {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		m := p.longestIdleLocked()
		if m == nil {
			return 0, false
		}
		if left := p.c.KeepAlive - now.Sub(m.since); left > 0 {
			return left, true
		}
		p.removeLocked(m)
	}
}

// Drop ends the idle environments of key and lets the busy ones end after their invocation.
func (p *Pool) Drop(key string) {
	p.mu.Lock()
	for _, m := range p.mu.members {
		if m.spec.Key != key {
			continue
		}
		m.dropped = true
		if !m.busy {
			p.removeLocked(m)
		}
	}
	delete(p.mu.paces, key)
	p.mu.Unlock()
	if d, ok := p.c.Driver.(Preparer); ok {
		d.Forget(key)
	}
}

// Prepare lets the driver work ahead, so that the first start of spec is quick. It returns when that is done; it is
// never needed, and an error only means that starts will be plain.
func (p *Pool) Prepare(ctx context.Context, spec Spec) error {
	if d, ok := p.c.Driver.(Preparer); ok {
		return d.Prepare(ctx, spec)
	}
	return nil
}

// Close ends every environment and the driver. What runs is cut off.
func (p *Pool) Close() error {
	members := p.quit()
	var wg sync.WaitGroup
	for _, m := range members {
		wg.Go(func() { p.end(m) })
	}
	wg.Wait()
	return fault.In("sandbox.Close", p.c.Driver.Close())
}

// Abandon ends the pool as a kill of the platform would: the environments and what runs in them live on in the driver,
// for the next pool to take over.
func (p *Pool) Abandon() { p.quit() }

func (p *Pool) quit() map[string]*member {
	p.mu.Lock()
	members := p.mu.members
	p.mu.closed = true
	p.mu.members = map[string]*member{}
	p.mu.idle = map[string][]*member{}
	close(p.mu.changed)
	p.mu.changed = make(chan struct{})
	p.mu.Unlock()
	p.stop()
	p.wg.Wait()
	return members
}

func errClosed() error {
	return &fault.Error{Kind: fault.Canceled, Noun: "environment", Detail: "the platform is stopping"}
}
