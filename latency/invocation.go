package latency

import "time"

// Invocation is what the platform knows of one invocation: a record of GET /_anthill/invocations.
// Instants are nanoseconds since 1970 by one machine's clock; zero means that it did not happen or is not known. Of one
// that was the first of an environment initialised ahead (Proactive) the init's instants lie before Queued.
type Invocation struct {
	RequestID    string `json:"requestId"`
	TraceID      string `json:"traceId,omitempty"` // the X-Amzn-Trace-Id that the caller's answer carried
	FunctionName string `json:"functionName,omitempty"`
	Version      string `json:"version,omitempty"`
	Start        Start  `json:"start"`
	Method       string `json:"method,omitempty"` // how a cold one's environment was started: plain, template, spare
	Environment  string `json:"environmentId,omitempty"`
	LogStream    string `json:"logStream,omitempty"`
	Error        string `json:"errorType,omitempty"`
	Queue        bool   `json:"queued_invocation,omitempty"` // nobody waited: it came out of the queue of asynchronous invocations
	MemoryMB     int    `json:"memoryMB,omitempty"`
	MaxMemoryMB  int    `json:"maxMemoryMB,omitempty"`

	Arrived    int64 `json:"arrived,omitempty"` // the request came in by a door, or was taken into the queue
	Queued     int64 `json:"queued"`            // the pool was asked
	SpawnBegin int64 `json:"spawnBegin"`        // a process was asked for
	Spawned    int64 `json:"spawned,omitempty"` // it was there
	InitBegin  int64 `json:"initBegin"`         // the runtime's first instruction
	InitEnd    int64 `json:"initEnd"`           // the handler's module was imported
	Sent       int64 `json:"sent"`              // the environment was handed the request
	Entered    int64 `json:"entered"`           // the handler was called
	Returned   int64 `json:"returned"`          // the handler returned
	Received   int64 `json:"received"`          // the outcome was read
}

// Phase is one part of an invocation's way.
type Phase string

// The phases in the order of an invocation's way. Each begins where the one before it ends, so that they sum up to Total.
const (
	Gateway      Phase = "gateway"       // a door read, checked and mapped the request; of a queued one, the wait in the queue
	Slot         Phase = "slot"          // the pool gave an environment, or room for a new one
	ProcessStart Phase = "process start" // the place was made and a process was there
	RuntimeStart Phase = "runtime start" // the interpreter started and the runtime's first instruction ran
	Imports      Phase = "imports"       // the handler's module was imported: the user's init
	Restore      Phase = "restore"       // instead of the two before: a snapshot was taken up, and its hooks ran
	Delivery     Phase = "delivery"      // the request went to the handler
	Handler      Phase = "handler"
	Answer       Phase = "answer" // the outcome came back to the platform
)

// Phases are all phases in their order.
func Phases() []Phase {
	return []Phase{Gateway, Slot, ProcessStart, RuntimeStart, Imports, Restore, Delivery, Handler, Answer}
}

// Part is how long one phase took.
type Part struct {
	Phase Phase
	Took  time.Duration
}

// Parts cuts the invocation's way at the instants that are known. Phases that it did not go through are left out; what lies between two known
// instants always belongs to some phase.
func (v Invocation) Parts() []Part {
	from := v.Arrived
	var out []Part
	cut := func(p Phase, to int64) {
		if to == 0 {
			return
		}
		if from != 0 {
			out = append(out, Part{p, time.Duration(to - from)})
		}
		from = to
	}
	cut(Gateway, v.Queued)
	if v.Start.IsCold() {
		cut(Slot, v.SpawnBegin)
		cut(ProcessStart, v.Spawned)
		if v.Start == Restored {
			cut(Restore, v.InitEnd)
		} else {
			cut(RuntimeStart, v.InitBegin)
			cut(Imports, v.InitEnd)
		}
	} else {
		cut(Slot, v.Sent)
	}
	cut(Delivery, v.Entered)
	cut(Handler, v.Returned)
	cut(Answer, v.Received)
	return out
}

// Total is the time from the request's coming in to the outcome's reading; 0 when one of them is not known.
func (v Invocation) Total() time.Duration {
	if v.Arrived != 0 {
		return Span(v.Arrived, v.Received)
	}
	return Span(v.Queued, v.Received)
}

// Init is how long the init took that made the environment, from asking for a process to the module's import, whether
// the invocation waited for it or not; 0 when this was not its first invocation.
func (v Invocation) Init() time.Duration { return Span(v.SpawnBegin, v.InitEnd) }

// Environment is what the platform knows of one execution environment: a record of GET /_anthill/environments.
type Environment struct {
	ID           string    `json:"ID"`
	FunctionName string    `json:"FunctionName"`
	Version      string    `json:"Version"`
	Created      time.Time `json:"Created"`
	Ended        time.Time `json:"Ended"` // zero while it is alive
	SpawnBegin   int64     `json:"SpawnBegin"`
	InitEnd      int64     `json:"InitEnd"`
	Start        Start     `json:"Start"`
	Method       string    `json:"Method"`
	// Kind is "on-demand", "provisioned-concurrency" or "snap-start".
	Kind   string `json:"InitializationType"`
	Served int    `json:"Served"`
	Busy   bool   `json:"Busy"`
}
