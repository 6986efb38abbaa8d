package interp

import (
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/value"
)

// phase is what a frame will do next.
type phase uint8

const (
	idle     phase = iota
	entering       // will enter state next with data as input
	entered        // is in state, which has yet to do its work
	working        // waits for a task, a timer, a map run or its branches
	waited         // the Wait state is over
	answered       // result is there; the state has yet to exit
	failing        // fail says how the state failed; Retry and Catch have yet to be asked
	retrying       // waits for the next attempt
	ended          // the flow has ended with data as output
	lost           // the flow has failed, or was aborted
)

// frame is one flow of states being run: the machine's own, a branch, an iteration.
type frame struct {
	id     uint32
	parent *frame
	index  int // of the branch or iteration
	flow   *asl.Flow
	vars   *scope
	prev   int64 // id of the flow's last event, which the next one names
	phase  phase
	before phase // of a lost flow: where it stood
	queued bool

	// Of the state that the frame is in, or will enter.
	state     *asl.State
	data      value.Value // entering: the input; ended: the output
	input     value.Value // of the state, as it entered
	enteredID int64
	enteredBy int64 // previousEventId of the StateEntered event
	enteredAt time.Time
	attempt   int // retries so far
	tries     []int64
	result    value.Value
	fail      failure.Failure
	heartbeat bool // fail is a missed heartbeat
	tested    bool // by itself: causes do not name the state
	aborted   bool // a *StateAborted was written for it
	task      *task
	timer     Key // of a Wait, or of a retry
	join      *join
	mapRun    *mapRun
	mapRunARN string      // of the state's map run, for a redrive
	item      value.Value // an iteration's item, or that of the iteration around; Absent in other flows
	itemIndex int
	around    value.Value // the context object, made on demand
}

// task is a task that was scheduled and has no outcome.
type task struct {
	debt      debt // that it be run
	seq       uint64
	token     string
	args      value.Value
	started   bool
	submitted bool
	scheduled time.Time
	timeout   int64
	heartbeat int64
	creds     value.Value
}

// join is a Parallel or inline Map state at work.
type join struct {
	children  []*frame // by index; nil for iterations that have not begun or have ended
	items     value.Value
	results   []value.Value
	next      int   // iterations begun
	running   int   // iterations begun and not ended
	done      int   // iterations or branches that succeeded
	width     int   // iterations at once
	launch    int64 // previousEventId of the next MapIterationStarted
	succeeded int64 // id of the last MapIterationSucceeded, or of MapStateStarted
}

// mapRun is a distributed Map at work.
type mapRun struct {
	seq     uint64
	arn     string
	started int64 // id of MapRunStarted
}

// scope is the workflow variables of a flow. Inner flows read those of outer ones and assign their own (specification,
// "Variable scope").
type scope struct {
	outer *scope
	vars  map[string]value.Value
	bytes int // of vars
}

// total is the bytes of all variables that are seen here.
func (s *scope) total() (bytes int) {
	for ; s != nil; s = s.outer {
		bytes += s.bytes
	}
	return bytes
}

func (s *scope) get(name string) value.Value {
	for ; s != nil; s = s.outer {
		if v, ok := s.vars[name]; ok {
			return v
		}
	}
	return value.Value{}
}

func (s *scope) set(name string, v value.Value) {
	if s.vars == nil {
		s.vars = map[string]value.Value{}
	}
	s.bytes += len(v.String()) - len(s.vars[name].String())
	s.vars[name] = v
}

// newFrame makes a frame that will enter flow's first state. parent is nil for the machine's own.
func (x *Execution) newFrame(parent *frame, index int, flow *asl.Flow, input value.Value, prev int64) *frame {
	f := &frame{id: x.nextFrame, parent: parent, index: index, flow: flow, prev: prev, state: flow.StartAt, data: input, phase: entering, vars: &scope{}}
	if parent != nil {
		f.vars.outer = parent.vars
		f.item, f.itemIndex = parent.item, parent.itemIndex
	}
	x.nextFrame++
	x.frames[f.id] = f
	x.enqueue(f)
	return f
}

// frame finds a frame; nil when it is no more.
func (x *Execution) frame(id uint32) *frame {
	if id == 0 { // the machine's own, which most have alone
		return x.root
	}
	return x.frames[id]
}

// enqueue notes that f can go on.
func (x *Execution) enqueue(f *frame) {
	if f.queued || x.status != Running {
		return
	}
	f.queued = true
	if x.head > 0 && x.head == len(x.ready) {
		x.ready, x.head = x.ready[:0], 0
	}
	x.ready = append(x.ready, f)
}

// drop forgets f and every flow inside of it, with what they were waiting for.
func (x *Execution) drop(f *frame) {
	x.release(f)
	if f.join != nil {
		for _, c := range f.join.children {
			if c != nil {
				x.drop(c)
			}
		}
	}
	f.phase = lost
	delete(x.frames, f.id)
}

// release withdraws what f's state was waiting for.
func (x *Execution) release(f *frame) {
	if f.task != nil {
		x.owed.settle(f.task.debt.key)
		if f.task.timeout > 0 {
			x.owed.settle(Key{f.task.seq, TimeoutTimer})
		}
		if f.task.heartbeat > 0 {
			x.owed.settle(Key{f.task.seq, HeartbeatTimer})
		}
		f.task = nil
	}
	if f.timer.Seq != 0 {
		x.owed.settle(f.timer)
		f.timer = Key{}
	}
	if f.mapRun != nil {
		x.owed.settle(Key{f.mapRun.seq, MapRunEffect})
		f.mapRun = nil
	}
}
