package interp

import (
	"fmt"
	"slices"
	"strings"
)

// Dump prints everything that an Execution remembers.
func (x *Execution) Dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s seq %d id %d deadline %v redrives %d next %d out %s fail %v seed %x\n", x.status, x.seq, x.lastID, x.started, x.redrives, x.nextFrame, x.output, x.fail, x.seed)
	var ids []uint32
	for id := range x.frames {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		f := x.frames[id]
		fmt.Fprintf(&b, "%d of %v#%d phase %d prev %d data %s input %s entered %d %d %v try %d %v result %s fail %v %v ab %v item %s",
			f.id, parentID(f), f.index, f.phase, f.prev, f.data, f.input, f.enteredID, f.enteredBy, f.enteredAt, f.attempt, f.tries, f.result, f.fail, f.heartbeat, f.aborted, f.item)
		if f.state != nil {
			fmt.Fprintf(&b, " in %s", f.state.Name)
		}
		if f.task != nil {
			fmt.Fprintf(&b, " task %+v", *f.task)
		}
		if f.mapRun != nil {
			fmt.Fprintf(&b, " map run %+v", *f.mapRun)
		}
		if j := f.join; j != nil {
			fmt.Fprintf(&b, " join next %d running %d done %d width %d launch %d succeeded %d results %v", j.next, j.running, j.done, j.width, j.launch, j.succeeded, j.results)
		}
		var names []string
		for n, v := range f.vars.vars {
			names = append(names, n+"="+v.String())
		}
		slices.Sort(names)
		fmt.Fprintf(&b, " vars %v timer %v\n", names, f.timer)
	}
	for _, e := range x.Pending() {
		fmt.Fprintf(&b, "owes %v\n", e.Key())
		switch e := e.(type) {
		case *Timer:
			fmt.Fprintf(&b, "  at %v\n", e.At)
		case *RunTask:
			fmt.Fprintf(&b, "  %+v\n", *e)
		}
	}
	return b.String()
}

func parentID(f *frame) int {
	if f.parent == nil {
		return -1
	}
	return int(f.parent.id)
}
