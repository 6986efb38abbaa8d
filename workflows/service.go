package workflows

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"anthill/arn"
	"anthill/asl"
	"anthill/fault"
	"anthill/functions"
	"anthill/history"
	"anthill/logs"
	"anthill/store"
)

// Config says what a Service stands on and how it behaves. Store and History must be set.
type Config struct {
	Store     *store.Store
	History   *history.Log
	Functions *functions.Service // nil: tasks that call functions fail
	Objects   Objects            // nil: distributed Maps neither read from nor write to object storage

	// Logs is where executions with a loggingConfiguration write, in the words of LogLine. nil: such configurations are refused.
	Logs    *logs.Service
	LogLine func(of *Execution, e *Event, data bool) string

	// Integrations do tasks of other services, by resource type: "apigateway", "http", "aws-sdk:s3". Functions, activities
	// and nested executions are built in.
	Integrations map[string]Integration

	// SDK does the tasks of aws-sdk resources that are not in Integrations, Services those of optimized ones. nil: they fail.
	SDK, Services Integration

	// Mocks reads a MockConfigFile.json; executions started with "stateMachineArn#TestCase" have their tasks answered by it.
	// nil: there are none.
	Mocks func() ([]byte, error)

	// StartNotice is how long a task runs before its TaskStarted is written by itself; quicker ones have it written with
	// their outcome, in one flush. 0 means 100 ms.
	StartNotice time.Duration

	// RestAfter is how long an execution that only waits stays in memory before it is put down to disk, and how far its
	// next deadline must be for that. 0 means five seconds.
	RestAfter time.Duration
	// Delays are added on purpose, for teaching. nil: none.
	Delays Delays

	// TasksAtOnce is how many tasks call functions at the same time; above it state machines take turns. 0 means 1000.
	TasksAtOnce int

	// Ended hears of every execution that has ended and whose last event is in history, Express and the children of map runs
	// too. It must be quick. nil: nobody listens.
	Ended func(Execution)

	Log *slog.Logger // nil means slog.Default
}

const defaultStartNotice = 100 * time.Millisecond

// Scope is an account in a region: what names are unique in.
type Scope struct{ Account, Region string }

// Service keeps state machines and runs executions.
type Service struct {
	c            Config
	log          *slog.Logger
	machineDocs  *store.Collection[Machine]
	revisionDocs *store.Collection[Revision]
	versionDocs  *store.Collection[Version]
	aliasDocs    *store.Collection[Alias]
	activityDocs *store.Collection[Activity]
	executions   *store.Collection[Execution]
	order        *store.Collection[struct{}] // machine ARN / start, newest first / execution ARN
	mapRunDocs   *store.Collection[MapRun]
	mapRunsOf    *store.Collection[struct{}]   // execution ARN / start / map run ARN
	open         *store.Collection[openRecord] // Standard executions that have not ended
	transitions  atomic.Int64                  // states entered since Open
	wakeRest     chan struct{}                 // has room for one: the keeper of those that rest has something to do
	turns        *turns
	rooms        *eventRooms

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup // everything that drives executions or does tasks

	mocked mockCounts

	// change is held while a definition is changed and flushed.
	change sync.Mutex
	mu     struct {
		sync.RWMutex
		closed     bool
		machines   map[string]*Machine   // by ARN; replaced as a whole
		versions   map[string][]*Version // by machine ARN, oldest first
		aliases    map[string]*Alias     // by ARN
		activities map[string]*activity  // by ARN
		compiled   map[string]*asl.Machine
		callees    map[string]*callees  // by revision key
		revisions  map[string]*Revision // by key: those of executions that were taken up
		runs       map[string]*run      // by execution ARN: the open ones that are driven
		resting    map[string]*resting  // and those that are not, since they only wait
		due        dueHeap              // of resting: when they are to be taken up
		calm       []calmRun            // that may be put down, by when to look at them
		starting   map[string]*start
		mapRuns    map[string]*mapRun
	}
}

// Open reads every definition, and takes up the executions that were open when the platform went down.
func Open(ctx context.Context, c Config) (*Service, error) {
	const op = "workflows.Open"
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.StartNotice == 0 {
		c.StartNotice = defaultStartNotice
	}
	if c.TasksAtOnce == 0 {
		c.TasksAtOnce = defaultTasksAtOnce
	}
	if c.RestAfter == 0 {
		c.RestAfter = defaultRestAfter
	}
	s := &Service{c: c, log: c.Log,
		machineDocs:  store.Of[Machine](c.Store, "state-machines"),
		revisionDocs: store.Of[Revision](c.Store, "state-machine-revisions"),
		versionDocs:  store.Of[Version](c.Store, "state-machine-versions"),
		aliasDocs:    store.Of[Alias](c.Store, "state-machine-aliases"),
		activityDocs: store.Of[Activity](c.Store, "activities"),
		executions:   store.Of[Execution](c.Store, "executions"),
		order:        store.Of[struct{}](c.Store, "executions-by-machine"),
		mapRunDocs:   store.Of[MapRun](c.Store, "map-runs"),
		mapRunsOf:    store.Of[struct{}](c.Store, "map-runs-by-execution"),
		open:         store.Of[openRecord](c.Store, "executions-open"),
		wakeRest:     make(chan struct{}, 1),
		turns:        newTurns(c.TasksAtOnce),
		rooms:        newEventRooms(),
	}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.mu.machines = map[string]*Machine{}
	s.mu.versions = map[string][]*Version{}
	s.mu.aliases = map[string]*Alias{}
	s.mu.activities = map[string]*activity{}
	s.mu.compiled = map[string]*asl.Machine{}
	s.mu.callees = map[string]*callees{}
	s.mu.revisions = map[string]*Revision{}
	s.mu.runs = map[string]*run{}
	s.mu.resting = map[string]*resting{}
	s.mu.starting = map[string]*start{}
	s.mu.mapRuns = map[string]*mapRun{}
	if err := s.load(); err != nil {
		s.stop()
		return nil, fault.In(op, err)
	}
	if err := s.recover(); err != nil {
		s.stop()
		s.wg.Wait()
		return nil, fault.In(op, err)
	}
	s.wg.Go(s.keepResting)
	return s, nil
}

// load reads the definitions. A document that cannot be read is an error: it is better not to start than to lose it.
func (s *Service) load() error {
	for d, err := range s.machineDocs.Scan("") {
		if err != nil {
			return err
		}
		s.mu.machines[d.Key] = &d.Doc
	}
	for d, err := range s.versionDocs.Scan("") {
		if err != nil {
			return err
		}
		s.mu.versions[d.Doc.MachineARN] = append(s.mu.versions[d.Doc.MachineARN], &d.Doc)
	}
	for d, err := range s.aliasDocs.Scan("") {
		if err != nil {
			return err
		}
		s.mu.aliases[d.Key] = &d.Doc
	}
	for d, err := range s.activityDocs.Scan("") {
		if err != nil {
			return err
		}
		s.mu.activities[d.Key] = newActivity(d.Doc)
	}
	return nil
}

// Close stops driving executions and waits until nothing of them runs. Open executions go on with the next Open; tasks
// that run are left to whoever runs them.
func (s *Service) Close() error {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	s.stop()
	s.wg.Wait()
	return nil
}

// Figures are those of the service for those who watch it.
type Figures struct {
	Open        int   // executions that have not ended
	Resting     int   // of them, those that are not in memory since they only wait
	Transitions int64 // states entered since Open
}

// Figures gives them as they are now.
func (s *Service) Figures() Figures {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return Figures{len(s.mu.runs) + len(s.mu.resting), len(s.mu.resting), s.transitions.Load()}
}

// enter counts a piece of work that Close waits for, and is false when the service is closed. Each true needs a leave.
func (s *Service) enter() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.mu.closed {
		return false
	}
	s.wg.Add(1)
	return true
}

func (s *Service) leave() { s.wg.Done() }

// spawn does w, when there is any, in a goroutine that Close waits for.
func (s *Service) spawn(w work) {
	if w != nil && s.enter() {
		go func() {
			defer s.leave()
			w.do()
		}()
	}
}

// compile gives the machine of a revision, which is parsed once.
func (s *Service) compile(r *Revision) (*asl.Machine, error) {
	s.mu.RLock()
	m := s.mu.compiled[r.Key]
	s.mu.RUnlock()
	if m != nil {
		return m, nil
	}
	m, problems := asl.Parse(r.Definition, asl.Options{Express: r.Type == Express})
	if m == nil {
		return nil, &fault.Error{Kind: fault.Internal, Op: "workflows.compile", Noun: "state machine", Name: r.MachineARN,
			Detail: "a definition that was accepted is not any more: " + problems.String()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.compiled[r.Key] = m
	return m, nil
}

// name of a states resource: resource(sc, "stateMachine", "hello").
func resource(sc Scope, kind, name string) string {
	return arn.New("states", sc.Region, sc.Account, kind+":"+name).String()
}
