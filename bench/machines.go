package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"anthill/fault"
)

// stampSource is a handler that adds the instants of its own entry and return to a list that it passes on.
const stampSource = `
import time
def handler(event, context):
    entered = time.time_ns()
    stamps = event.get("s", []) if isinstance(event, dict) else []
    return {"s": stamps + [[entered, time.time_ns()]]}
`

// noopSource does nothing.
const noopSource = `
def handler(event, context):
    return {}
`

const (
	hops       = 10  // tasks of the chain whose hops are measured
	longChain  = 500 // tasks of the long chain
	passChain  = 20  // states of the chain whose transitions are counted
	mapsItems1 = 100
	mapsItems2 = 1000
	clients    = 128
)

type object = map[string]any

// prepare makes the functions and state machines of all figures.
func (p *platform) prepare(ctx context.Context) error {
	for name, source := range map[string]string{"stamp": stampSource, "noop": noopSource} {
		if err := p.createFunction(ctx, name, source, nil); err != nil {
			return err
		}
	}
	branches := make([]any, 5)
	for i := range branches {
		branches[i] = object{"StartAt": fmt.Sprint("B", i), "States": object{fmt.Sprint("B", i): object{"Type": "Task", "Resource": functionARN + "stamp", "End": true}}}
	}
	fan := object{"StartAt": "Fan", "States": object{"Fan": object{"Type": "Parallel", "Branches": branches, "End": true}}}
	each := object{"StartAt": "Fan", "States": object{"Fan": object{"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": chainOf(1, "stamp"), "End": true}}}
	for _, m := range []struct {
		name, kind string
		definition any
	}{
		{"hops", "STANDARD", chainOf(hops, "stamp")}, {"hops-express", "EXPRESS", chainOf(hops, "stamp")},
		{"fan", "STANDARD", fan}, {"map", "STANDARD", each},
		{"long", "STANDARD", chainOf(longChain, "noop")}, {"long-express", "EXPRESS", chainOf(longChain, "noop")},
		{"tasks", "STANDARD", chainOf(passChain, "noop")},
		{"pass3", "STANDARD", passes(3)}, {"pass20", "STANDARD", passes(passChain)},
		{"wait", "STANDARD", object{"StartAt": "Wait", "States": object{"Wait": object{"Type": "Wait", "Seconds": 86400, "End": true}}}},
		{"three", "STANDARD", chainOf(3, "stamp")}, {"three-express", "EXPRESS", chainOf(3, "stamp")},
	} {
		if err := p.createMachine(ctx, m.name, m.kind, m.definition); err != nil {
			return err
		}
	}
	return nil
}

// chainOf is a line of n tasks.
func chainOf(n int, function string) object {
	return line(n, func() object { return object{"Type": "Task", "Resource": functionARN + function} })
}

func passes(n int) object { return line(n, func() object { return object{"Type": "Pass"} }) }

func line(n int, state func() object) object {
	states := object{}
	for i := range n {
		s := state()
		if i == n-1 {
			s["End"] = true
		} else {
			s["Next"] = fmt.Sprint("S", i+1)
		}
		states[fmt.Sprint("S", i)] = s
	}
	return object{"StartAt": "S0", "States": states}
}

// stamps are the instants that handlers wrote of themselves.
type stamps struct {
	S [][2]int64 `json:"s"`
}

// gaps gives, for a chain's output, what passed between one handler's return and the next one's entry.
func gaps(output string) ([]time.Duration, error) {
	var s stamps
	if err := json.Unmarshal([]byte(output), &s); err != nil {
		return nil, fault.In("bench.gaps", err)
	}
	var ds []time.Duration
	for i := 1; i < len(s.S); i++ {
		ds = append(ds, time.Duration(s.S[i][0]-s.S[i-1][1]))
	}
	return ds, nil
}

// lastEntered gives the last entry among the branches of a fan-out's output.
func lastEntered(output string) (int64, error) {
	var all []stamps
	if err := json.Unmarshal([]byte(output), &all); err != nil {
		return 0, fault.In("bench.lastEntered", err)
	}
	last := int64(0)
	for _, s := range all {
		for _, one := range s.S {
			last = max(last, one[0])
		}
	}
	return last, nil
}

// instant is an event of an execution with its nanosecond.
type instant struct {
	Type    string `json:"type"`
	Instant int64  `json:"instant"`
}

// instants reads the events of an execution with the platform's own clock, for AWS's history has milliseconds only.
func (c *client) instants(ctx context.Context, arn string) ([]instant, error) {
	b, err := c.post(ctx, "GET", "/_anthill/executions/"+url.PathEscape(arn)+"/trace", "states", "", nil)
	if err != nil {
		return nil, err
	}
	var t struct {
		Events []instant `json:"events"`
	}
	return t.Events, json.Unmarshal(b, &t)
}

// entered is when the fan-out state of an execution was entered.
func entered(events []instant) int64 {
	for _, e := range events {
		if e.Type == "ParallelStateEntered" || e.Type == "MapStateEntered" {
			return e.Instant
		}
	}
	return 0
}

// items is the input of a Map of n.
func items(n int) string {
	return `{"items":[` + strings.TrimSuffix(strings.Repeat(`{},`, n), ",") + `]}`
}
