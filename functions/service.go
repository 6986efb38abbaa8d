package functions

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/history"
	"anthill/registry"
	"anthill/sandbox"
	"anthill/sandbox/image"
	"anthill/store"
)

// Config says what a Service stands on and how it behaves. Store, History, Blobs, Pool and Dir must be set.
type Config struct {
	Store   *store.Store
	History *history.Log
	Blobs   *blobs.Store
	Pool    *sandbox.Pool

	// Dir is where code is unpacked, on the machine's own filesystem: environments see it.
	Dir string

	// Endpoint is the platform's URL as functions reach it. Empty means that they get none.
	Endpoint string

	// Credentials gives what a function of that role signs its calls with. nil means a key that names the account.
	Credentials func(account, role string) (sandbox.Credentials, error)

	// Runtime says what on this machine runs a runtime identifier. nil means that each runs as it is named.
	Runtime func(identifier string) (Interpreter, error)
	// Architecture is the machine's, as Lambda calls it. "" means what this program was built for.
	Architecture string
	// StrictRuntimes refuses an identifier that only a nearest interpreter, or another architecture, would run.
	StrictRuntimes bool

	// LambdaCPU gives every function AWS's share of processors, not those alone that have the tag TagCPU.
	LambdaCPU bool

	// SnapStart says that Pool restores environments from snapshots; without it functions that ask for that are refused.
	SnapStart bool

	// RestoreAll keeps a snapshot of the initialised process of every version that can have one, $LATEST too: beyond AWS,
	// which does so for published versions that ask for it. A function's tag RestoreTag overrides it. It needs SnapStart.
	RestoreAll bool

	// Images holds the images of functions. nil means that functions of PackageType Image are refused.
	Images *registry.Service
	// Objects reads code that is given as an object of a bucket. nil means that there are no buckets.
	Objects func(ctx context.Context, account, bucket, key, version string) ([]byte, error)
	// Destinations deliver records of queued invocations to other services, by the service's word in an ARN ("sqs").
	// Functions are reached without one; "s3" gets those of failures only.
	Destinations map[string]Destination

	// Concurrency is the account's limit of concurrent invocations. 0 means 1000.
	Concurrency int
	// Settle is how long a function stays Pending or InProgress after a change. 0 means 500 ms, negative not at all.
	Settle time.Duration

	// Served hears of every invocation that ran, a few milliseconds after its caller, of many in a row. It must be quick.
	// nil: nobody listens.
	Served func(of Key, s *Served)

	Log *slog.Logger // nil means slog.Default
}

// Interpreter is what runs a runtime identifier on this machine.
type Interpreter struct {
	Version string // "3.11.2"
	Exact   bool   // it is what the identifier asks for
	Remedy  string // how what it asks for comes to this machine
}

// Destination delivers records of queued invocations to resources of another service.
type Destination interface {
	// Exists reports whether there is a resource of that ARN.
	Exists(arn string) bool
	// Deliver hands a record over. Again with the same Delivery, after a crash, it is the same record. A fault of kind NotFound
	// says that the resource has gone.
	Deliver(ctx context.Context, d Delivery) error
}

// Delivery is a record on its way.
type Delivery struct {
	To        string // ARN
	Function  Key    // that was invoked
	RequestID string
	Accepted  time.Time // when its invocation was queued
	Source    string    // ARN of what was invoked, with its qualifier
	Succeeded bool
	Error     string // the function's error message, cut after 1 KB; "" when it was not the function that failed
	Letter    bool   // Record is not a record but the event itself, for a dead-letter queue
	Record    []byte
}

const (
	defaultConcurrency = 1000
	defaultSettle      = 500 * time.Millisecond
)

// Service keeps functions and invokes them.
type Service struct {
	c         Config
	log       *slog.Logger
	functions *store.Collection[Function]
	versions  *store.Collection[Version]
	layers    *store.Collection[Layer]
	signing   *store.Collection[SigningConfig]
	roots     *image.Store // where images are unpacked

	// change is held while a definition is changed and flushed.
	change sync.Mutex
	mu     struct {
		sync.RWMutex
		live     map[Key]*live
		layers   map[Key]*Layer
		signing  map[string]*SigningConfig // by ARN
		urls     map[string]Ref            // by URL id
		accounts map[account]*pressure
	}
	edition  atomic.Uint64 // rises with every change of what a name means
	queue    *queue
	recorder *recorder

	// ahead is the work that makes first starts quick. It ends with the service.
	ahead struct {
		sync.WaitGroup
		ctx  context.Context
		stop context.CancelFunc
	}
}

// account is an account in a region: what a concurrency limit is for.
type account struct{ Account, Region string }

// live is a function as invocations see it. It is replaced as a whole when the function changes.
type live struct {
	*Function
	targets map[string]*target // by qualifier
	gauge   *gauge             // shared by all snapshots of the function
}

// Open reads every definition, and goes on with what is queued.
func Open(ctx context.Context, c Config) (*Service, error) {
	const op = "functions.Open"
	if c.Concurrency == 0 {
		c.Concurrency = defaultConcurrency
	}
	if c.Settle == 0 {
		c.Settle = defaultSettle
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Architecture == "" {
		c.Architecture = machineArchitecture()
	}
	s := &Service{c: c, log: c.Log,
		functions: store.Of[Function](c.Store, "functions"),
		versions:  store.Of[Version](c.Store, "function-versions"),
		layers:    store.Of[Layer](c.Store, "layers"),
		signing:   store.Of[SigningConfig](c.Store, "code-signing-configs"),
		roots:     image.Open(filepath.Join(c.Dir, "images")),
	}
	s.mu.live = map[Key]*live{}
	s.mu.layers = map[Key]*Layer{}
	s.mu.signing = map[string]*SigningConfig{}
	s.mu.urls = map[string]Ref{}
	s.mu.accounts = map[account]*pressure{}
	if err := errors.Join(s.load(), s.tidy()); err != nil {
		return nil, fault.In(op, err)
	}
	s.ahead.ctx, s.ahead.stop = context.WithCancel(context.Background())
	for _, l := range s.mu.live {
		s.provision(nil, l.Function)
		s.prepareImages(l.Function)
	}
	s.recorder = newRecorder(c.History, c.Log, c.Served)
	q, err := openQueue(s)
	if err != nil {
		s.ahead.stop()
		s.recorder.close()
		return nil, fault.In(op, err)
	}
	s.queue = q
	s.snapshotAgain()
	return s, nil
}

// load reads the definitions. A document that cannot be read is an error: it is better not to start than to lose it.
func (s *Service) load() error {
	for d, err := range s.functions.Scan("") {
		if err != nil {
			return err
		}
		f := &d.Doc
		for v, err := range s.versions.Scan(f.Key().path() + "/") {
			if err != nil {
				return err
			}
			f.Versions = append(f.Versions, &v.Doc)
		}
		s.show(f, nil)
	}
	for d, err := range s.layers.Scan("") {
		if err != nil {
			return err
		}
		s.mu.layers[d.Doc.Key()] = &d.Doc
	}
	for d, err := range s.signing.Scan("") {
		if err != nil {
			return err
		}
		s.mu.signing[d.Doc.ARN] = &d.Doc
	}
	return nil
}

// Close waits for the work of the queue that runs, leaves the rest for the next Open, and writes the last records.
// Invocations that others wait for must have ended before.
func (s *Service) Close() error {
	s.ahead.stop()
	s.queue.close()
	s.ahead.Wait()
	s.recorder.close()
	return nil
}

// Settle returns when Config.Served has heard of every invocation that was answered before.
func (s *Service) Settle() { s.recorder.write() }

// find gives the function of that name as it is now.
func (s *Service) find(k Key) (*live, bool) {
	s.mu.RLock()
	l, ok := s.mu.live[k]
	s.mu.RUnlock()
	return l, ok
}

// show makes f what readers and invocations see. before is what it replaces, nil for a new one.
func (s *Service) show(f *Function, before *live) {
	l := &live{Function: f}
	if before != nil {
		l.gauge = before.gauge
	} else {
		l.gauge = &gauge{}
	}
	l.targets = s.targetsOf(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pressureLocked(account{f.Account, f.Region})
	if before != nil {
		p.release(before.Reserved)
		for _, u := range before.URLs {
			delete(s.mu.urls, u.ID)
		}
	}
	p.reserve(f.Reserved)
	l.gauge.set(f.Reserved)
	l.gauge.account = p
	for q, u := range f.URLs {
		s.mu.urls[u.ID] = f.ref(q)
	}
	s.mu.live[f.Key()] = l
	s.edition.Add(1)
}

// hide takes a deleted function from the readers.
func (s *Service) hide(l *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pressureLocked(account{l.Account, l.Region}).release(l.Reserved)
	for _, u := range l.URLs {
		delete(s.mu.urls, u.ID)
	}
	delete(s.mu.live, l.Key())
	s.edition.Add(1)
}

// edit is a change of one function in the making.
type edit struct {
	*Function // a copy, to be changed
	now       time.Time
}

// edit changes the function that r names, in one transaction: do changes a copy, which is flushed and then shown.
// Environments of instances that are no more are dropped. The callers hold nothing.
func (s *Service) edit(op string, r Ref, do func(*edit) error) (*Function, error) {
	s.change.Lock()
	defer s.change.Unlock()
	before, ok := s.find(r.Key())
	if !ok {
		return nil, missing(op, r)
	}
	e := &edit{Function: before.clone(), now: time.Now()}
	e.Latest = *e.Latest.at(e.now)
	if err := do(e); err != nil {
		return nil, fault.In(op, err)
	}
	if err := s.commit(before, e.Function); err != nil {
		return nil, fault.In(op, err)
	}
	return e.Function, nil
}

// commit flushes what differs between before, which is nil for a new function, and after, and shows after. Environments
// of versions that changed or went are dropped, and so is code that nothing needs any more. s.change must be held.
func (s *Service) commit(before *live, after *Function) error {
	var old *Function
	if before != nil {
		old = before.Function
	}
	writes, lost := s.references(old, after)
	writes = append(writes, s.functions.Write(after.Key().path(), *after))
	for _, v := range after.Versions {
		if was, ok := old.published(v.Number); !ok || was != v {
			writes = append(writes, s.versions.Write(versionKey(after.Key(), v.Number), *v))
		}
	}
	if old != nil {
		for _, v := range old.Versions {
			if _, ok := after.published(v.Number); !ok {
				writes = append(writes, s.versions.Remove(versionKey(after.Key(), v.Number)))
			}
		}
	}
	if err := s.c.Store.Commit(writes...); err != nil {
		return err
	}
	s.show(after, before)
	s.prepareNew(old, after)
	s.followTag(old, after)
	s.prepareImages(after)
	s.provision(old, after)
	if old != nil {
		s.dropGone(old, after)
	}
	s.letGo(lost...)
	return nil
}

// prepareNew lets the pool work ahead for versions that before, which may be nil, did not have.
func (s *Service) prepareNew(before, after *Function) {
	known := map[string]bool{}
	if before != nil {
		for _, v := range before.all() {
			known[v.Instance] = true
		}
	}
	for _, v := range after.all() {
		if known[v.Instance] {
			continue
		}
		if v.Code.Image != nil {
			continue
		}
		spec := s.specOf(after, v)
		if v.Phase == Snapping || spec.InitializationType == sandbox.SnapStart {
			s.ahead.Go(func() { s.takeSnapshot(after.Key(), v.Number, v.Instance) })
			continue
		}
		s.ahead.Go(func() {
			if err := s.c.Pool.Prepare(s.ahead.ctx, spec); err != nil && s.ahead.ctx.Err() == nil {
				s.log.Warn("the first start of a function will be slow", "function", spec.FunctionName, "err", err)
			}
		})
	}
}

// dropGone ends the environments of versions that changed or went.
func (s *Service) dropGone(before, after *Function) {
	alive := map[string]bool{}
	for _, v := range after.all() {
		alive[v.Instance] = true
	}
	for _, v := range before.all() {
		if !alive[v.Instance] {
			s.c.Pool.Drop(instanceKey(before.Key(), v))
		}
	}
}

// all is every version, the unpublished one first.
func (f *Function) all() []*Version {
	return append([]*Version{&f.Latest}, f.Versions...)
}

// functionsOf gives the functions of an account in a region, by name.
func (s *Service) functionsOf(acct, region string) []*live {
	var out []*live
	s.mu.RLock()
	for k, l := range s.mu.live {
		if k.Account == acct && k.Region == region {
			out = append(out, l)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(out, func(a, b *live) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// settle is how long a change shows as being under way.
func (s *Service) settle() time.Duration { return max(s.c.Settle, 0) }
