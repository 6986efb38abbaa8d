package process

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"anthill/fault"
	"anthill/sandbox"
	"anthill/sandbox/confine"
	"anthill/sandbox/runtimes"
	"anthill/sandbox/supervisor"
)

// Config says how a Driver behaves.
type Config struct {
	// Dir holds the supervisor's socket and a directory for each environment. It is required, and must outlive the
	// platform for environments to be found again.
	Dir string

	// Cache holds what is made once for a machine: bootstraps and the libraries of runtimes. "" means the user's cache
	// directory, and Dir/cache when there is none.
	Cache string

	// Progress is told what is being installed, in lines without newline. nil tells nobody.
	Progress func(line string)

	// Spares is how many environments of a function are made ahead of its cold starts. 0 means 1; a negative value none.
	Spares int

	// Strict refuses to run an identifier on another version than its own.
	Strict bool

	// Supervisor is the program that runs supervisor.Main, and its first arguments. nil means this program's hidden
	// command "supervisor".
	Supervisor []string

	// ImageEngine is the path of crun, which starts the environments of container images in its own containers then. ""
	// starts them as all others.
	ImageEngine string

	// Runtimes is what the machine has. nil looks for itself.
	Runtimes *runtimes.Catalog
}

// Driver runs environments as processes.
type Driver struct {
	c      Config
	opened time.Time
	limit  time.Duration // of the hooks after a restore
	filter []byte        // of the system calls of functions; empty when there is none for this machine

	mu struct {
		sync.Mutex
		client       *supervisor.Client
		environments map[string]*environment
		bootstraps   map[string]string // by interpreter path
		prepared     map[string]*libraries
		learned      map[string]*learned // by codeKey; nil for what is known to be unknown
		firsts       map[string]*first   // by codeKey: inits that may teach
		refused      map[string]string   // by Spec.Key: why no snapshot of it is kept
		complete     time.Time           // as Complete
		places       []string            // directories that ended environments left
		n            int                 // of them so far
		closed       bool
	}
	prompts *prompts

	launch sync.Mutex // one launch of a supervisor at a time
	wg     sync.WaitGroup
}

var (
	_ sandbox.Driver   = (*Driver)(nil)
	_ sandbox.Preparer = (*Driver)(nil)
	_ sandbox.Gauge    = (*Driver)(nil)

	_ sandbox.Snapshotter = (*Driver)(nil)
)

// Open connects to the supervisor of c.Dir if one is alive. Otherwise it starts one when the first environment needs it.
func Open(ctx context.Context, c Config) (*Driver, error) {
	const op = "process.Open"
	if c.Dir == "" {
		return nil, fault.Invalidf(op, "driver", "no directory")
	}
	if c.Cache == "" {
		c.Cache = filepath.Join(c.Dir, "cache")
		if dir, err := DefaultCache(); err == nil {
			c.Cache = dir
		}
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.Runtimes == nil {
		c.Runtimes = &runtimes.Catalog{Cache: c.Cache}
	}
	if c.Supervisor == nil {
		self, err := os.Executable()
		if err != nil {
			return nil, fault.In(op, err)
		}
		c.Supervisor = []string{self, "supervisor"}
	}
	d := &Driver{c: c, opened: time.Now(), limit: sandbox.RestoreLimit, prompts: newPrompts()}
	d.filter, _ = confine.Filter() // without one for this machine's architecture there is none, which Doctor says
	d.mu.environments = map[string]*environment{}
	d.mu.bootstraps = map[string]string{}
	d.mu.prepared = map[string]*libraries{}
	d.mu.learned = map[string]*learned{}
	d.mu.refused = map[string]string{}
	d.mu.firsts = map[string]*first{}
	if err := os.MkdirAll(d.environmentsDir(), 0o711); err != nil {
		return nil, fault.In(op, err)
	}
	_ = os.RemoveAll(d.placesDir()) // an earlier platform's
	if err := os.Mkdir(d.placesDir(), 0o711); err != nil {
		return nil, fault.In(op, err)
	}
	d.pruneLearned(time.Now())
	return d, nil
}

// DefaultCache is the directory that Config.Cache means when it is "" and the user has a cache directory.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.In("process.DefaultCache", err)
	}
	return filepath.Join(dir, "anthill"), nil
}

func (d *Driver) environmentsDir() string { return filepath.Join(d.c.Dir, "environments") }

// supervisor gives the connection, and starts a supervisor when there is none.
func (d *Driver) supervisor(ctx context.Context) (*supervisor.Client, error) {
	d.launch.Lock()
	defer d.launch.Unlock()
	d.mu.Lock()
	client, closed := d.mu.client, d.mu.closed
	d.mu.Unlock()
	since := d.opened // our first: nothing was handed over before it
	switch {
	case closed:
		return nil, &fault.Error{Kind: fault.Canceled, Noun: "environment", Detail: "the platform is stopping"}
	case client != nil && client.Err() == nil:
		return client, nil
	case client != nil:
		_ = client.Close()
		since = time.Now()
	}
	client, err := supervisor.Launch(ctx, d.c.Dir, d.c.Supervisor, d.exited)
	if err != nil {
		return nil, err
	}
	d.inCare(client, since) // before anything is handed over
	d.mu.Lock()
	d.mu.client = client
	d.mu.Unlock()
	return client, nil
}

// Prepare does what the first start of spec would otherwise wait for: its interpreter is found, and the runtime's
// libraries are installed if they never were. The latter needs a package index once.
func (d *Driver) Prepare(ctx context.Context, spec sandbox.Spec) error {
	const op = "process.Prepare"
	m, err := d.resolve(ctx, spec)
	if err != nil {
		return fault.In(op, err)
	}
	if spec.Image != nil {
		return nil
	}
	if m.interpreter.Language != "provided" {
		if _, err := d.bootstrap(ctx, m.interpreter); err != nil {
			return fault.In(op, err)
		}
	}
	if _, err = d.libraries(ctx, m.interpreter); err != nil {
		return fault.In(op, err)
	}
	if m.interpreter.Language == "nodejs" {
		_, err := d.sdk(ctx, m.interpreter, &spec)
		return fault.In(op, err)
	}
	if m.interpreter.Language != "python" {
		return nil
	}
	return fault.In(op, d.warm(ctx, spec))
}

// Forget drops what was made for key.
func (d *Driver) Forget(key string) {
	d.mu.Lock()
	client := d.mu.client
	delete(d.mu.refused, key)
	d.mu.Unlock()
	if client != nil {
		_ = client.Forget(key + "\x00") // a supervisor that is gone has none
	}
}

// exited is told by the supervisor that a runtime has ended by itself.
func (d *Driver) exited(id string, e supervisor.Exit) {
	d.mu.Lock()
	env := d.mu.environments[id]
	d.mu.Unlock()
	if env != nil {
		env.exited(e)
	}
}

// kept is what an environment's directory says about it.
type kept struct {
	ID      string
	Spec    sandbox.Spec
	Created time.Time
	Version string // of the runtime, as INIT_START showed it
	Tmp     string // the name of its /tmp
}

// Create makes an environment's directory.
func (d *Driver) Create(ctx context.Context, spec sandbox.Spec, id string) (sandbox.Environment, error) {
	const op = "process.Create"
	dir := filepath.Join(d.environmentsDir(), id)
	e := &environment{d: d, id: id, spec: spec, dir: dir, created: time.Now()}
	e.out.path = filepath.Join(dir, "log")
	var err error
	if e.runtime, err = d.resolve(ctx, spec); err != nil {
		return nil, fault.In(op, err)
	}
	if _, err := d.libraries(ctx, e.runtime.interpreter); err != nil {
		e.notice = "The runtime's libraries (boto3) are missing: " + err.Error() + "\n"
	}
	if e.runtime.interpreter.Language == "nodejs" {
		if _, err := d.sdk(ctx, e.runtime.interpreter, &spec); err != nil {
			e.notice = "AWS's SDK is missing: " + err.Error() + "\n"
		}
	}
	if err := d.place(dir); err != nil {
		return nil, fault.In(op, err)
	}
	if err := e.note(); err != nil {
		return nil, fault.In(op, err)
	}
	d.mu.Lock()
	d.mu.environments[id] = e
	d.mu.Unlock()
	return e, nil
}

// note writes what the next platform has to know of e.
func (e *environment) note() error {
	b, err := json.Marshal(kept{ID: e.id, Spec: e.spec, Created: e.created, Version: e.runtime.version, Tmp: e.tmp})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.dir, "spec.json"), b, 0o600)
}

// Survivors finds the environments of an earlier platform. Directories that the supervisor knows nothing of are removed.
func (d *Driver) Survivors(ctx context.Context) ([]sandbox.Survivor, error) {
	const op = "process.Survivors"
	dirs, err := os.ReadDir(d.environmentsDir())
	if err != nil {
		return nil, fault.In(op, err)
	}
	alive := map[string]supervisor.Status{}
	if client, err := supervisor.Dial(d.c.Dir, d.exited); err == nil {
		since := d.inCare(client, time.Now())
		d.mu.Lock()
		d.mu.client, d.mu.complete = client, since
		d.mu.Unlock()
		list, err := client.List()
		if err != nil {
			return nil, fault.In(op, err)
		}
		for _, s := range list {
			alive[s.ID] = s
		}
	} else {
		_ = os.RemoveAll(filepath.Join(d.c.Dir, "tmp")) // of environments that are no more; templates that live on have theirs there
	}
	var all []sandbox.Survivor
	for _, entry := range dirs {
		dir := filepath.Join(d.environmentsDir(), entry.Name())
		status, ok := alive[entry.Name()]
		var k kept
		if ok {
			b, err := os.ReadFile(filepath.Join(dir, "spec.json"))
			ok = err == nil && json.Unmarshal(b, &k) == nil && k.ID == entry.Name()
		}
		if _, there := alive[entry.Name()]; there && !ok { // nobody can ask it what it did
			d.mu.Lock()
			d.mu.complete = time.Time{}
			d.mu.Unlock()
		}
		if !ok {
			_ = os.RemoveAll(dir) // what stays is tried again at the next start
			continue
		}
		e := &environment{d: d, id: k.ID, spec: k.Spec, dir: dir, created: k.Created, survivor: true}
		e.runtime, _ = d.resolve(ctx, k.Spec) // asked again when it boots anew
		e.runtime.version = k.Version
		e.tmp = k.Tmp
		e.out.path = filepath.Join(dir, "log")
		e.out.resume()
		e.begin(nil, status.PID)
		d.mu.Lock()
		d.mu.environments[e.id] = e
		d.mu.Unlock()
		if status.Exit != nil {
			e.exited(*status.Exit)
		}
		all = append(all, sandbox.Survivor{ID: e.id, Spec: k.Spec, Created: k.Created, Environment: e})
	}
	return all, nil
}

// Close ends every environment and the supervisor.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.mu.closed = true
	client := d.mu.client
	d.mu.Unlock()
	if client == nil {
		d.wg.Wait()
		return nil
	}
	err := client.Shutdown()
	d.wg.Wait()
	if fault.Is(err, fault.Canceled) {
		return nil // it is gone already
	}
	return fault.In("process.Close", err)
}

// Abandon ends the connection alone, as a kill of this process would: environments live on for the next driver.
func (d *Driver) Abandon() {
	d.mu.Lock()
	d.mu.closed = true
	client := d.mu.client
	all := d.mu.environments
	d.mu.environments = nil
	d.mu.Unlock()
	for _, e := range all {
		e.abandon()
	}
	if client != nil {
		_ = client.Close()
	}
}
