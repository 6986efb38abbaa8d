package sim_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/functions"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/workflows"
)

var (
	firstSeed = flag.Uint64("seed", 0, "replay this seed alone and print what happened")
	seeds     = flag.Int("seeds", 0, "how many seeds to run; 0 is as many as CI has time for")
	from      = flag.Uint64("from", 1, "the first seed")
)

// answerPattern is what an answer says, wherever it stands.
var answerPattern = regexp.MustCompile("said-[0-9a-f]+")

// lostPattern is the cause of a task that may have run.
var lostPattern = regexp.MustCompile(`The machine went down.*\(request ([-0-9a-f]+)\)`)

// TestSimulation lives through many random worlds. A seed decides machines, outcomes, delays and crashes; only what
// happens at the same instant of simulated time is up to the scheduler, so that a replay may need some turns:
//
//	go test ./test/sim -run TestSimulation -seed 4711 -count 20
func TestSimulation(t *testing.T) {
	dir := t.TempDir()
	image := prepare(t, dir)
	if *firstSeed != 0 {
		synctest.Test(t, func(t *testing.T) { live(t, *firstSeed, image, dir, &tally{}) })
		return
	}
	n := *seeds
	if n == 0 {
		n = 1000
		if testing.Short() {
			n = 100
		}
	}
	var sum tally
	t.Cleanup(func() { t.Log(&sum) })
	var next atomic.Uint64
	next.Store(*from)
	last := *from + uint64(n)
	for i := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint("worker", i), func(t *testing.T) {
			t.Parallel()
			for {
				seed := next.Add(1) - 1
				if seed >= last || t.Failed() {
					return
				}
				synctest.Test(t, func(t *testing.T) { live(t, seed, image, dir, &sum) })
			}
		})
	}
}

// tally counts what happened in all worlds.
type tally struct{ worlds, executions, attempts, crashes, failures, refused atomic.Int64 }

func (s *tally) String() string {
	return fmt.Sprintf("%d worlds with %d executions and %d attempts of tasks; the platform or its machine went down %d times, the disk failed %d times, %d requests were refused meanwhile",
		s.worlds.Load(), s.executions.Load(), s.attempts.Load(), s.crashes.Load(), s.failures.Load(), s.refused.Load())
}

// prepare makes the disk with which every world begins: it holds the functions.
func prepare(t *testing.T, dir string) (image *disk.Memory) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewCrashable()
		w := newWorld(t, 0, mem, filepath.Join(dir, "code"))
		p := w.open(nil)
		for name := range w.handlers() {
			_, err := p.functions.Create(t.Context(), functions.Creation{Ref: functions.Ref{Account: home.Account, Region: home.Region, Name: name},
				Settings: functions.Settings{Runtime: "python3.12", Handler: name, Role: labRole, Timeout: 60}, Code: functions.CodeSource{Zip: zipOf(t, name)}})
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second) // until they are active
		w.close(p)
		w.driver.Close()
		image = mem.Crash(0, 0)
	})
	return image
}

// live is one world, from its first machine to the last check.
func live(t *testing.T, seed uint64, image *disk.Memory, dir string, sum *tally) {
	w := newWorld(t, seed, image.Crash(0, 0), filepath.Join(dir, "code"))
	w.sum = sum
	r := w.draw("world")
	crashes := w.crashes()
	w.kills = !slices.ContainsFunc(crashes, func(c *crash) bool { return c.machine })
	p := w.open(nil)
	w.define(p)
	if r.IntN(2) == 0 {
		w.disk.set(time.Duration(r.IntN(int(20*time.Millisecond))), false)
	}

	for i := range 1 + r.IntN(6) {
		m := w.machines[r.IntN(len(w.machines))]
		input := fmt.Sprintf(`{"n":%d,"list":[1,2,3],"i":""}`, r.IntN(8))
		at := time.Duration(r.Int64N(int64(20 * time.Second)))
		w.wg.Go(func() {
			if w.sleep(at) {
				w.client(m, fmt.Sprint("e", i), input)
			}
		})
	}
	for i := range r.IntN(3) {
		w.wg.Go(func() { w.meddler(i) })
	}
	for i := range 2 {
		w.wg.Go(func() { w.worker(i) })
	}
	w.wg.Go(w.reader)

	w.wg.Go(w.spoil)

	w.arm(crashes)
	p = w.last(p, crashes)
	w.end()
	w.wg.Wait()
	w.check(p)
	w.close(p)
	w.driver.Close()
	w.report()
}

// crashes draws the power cuts and kills of this world.
func (w *world) crashes() []*crash {
	r := w.draw("crashes")
	out := make([]*crash, r.IntN(4))
	for i := range out {
		c := &crash{machine: r.IntN(2) == 0, unflushed: 100}
		if c.machine {
			c.unflushed = []int{0, 0, 50}[r.IntN(3)]
		}
		if r.IntN(4) > 0 {
			c.flush, c.after = 1+r.IntN(1+r.IntN(60)), r.IntN(2) == 0
		} else {
			c.within = time.Duration(r.Int64N(int64(30 * time.Second)))
		}
		out[i] = c
	}
	return out
}

// arm makes the first crash come for the platform that runs already.
func (w *world) arm(crashes []*crash) {
	if len(crashes) > 0 {
		c := crashes[0]
		w.disk.failAt(c.flush, c.after, func() { w.kill(c) })
	}
}

// last lives through the crashes and the failures of the disk, and gives the platform under which everything ended.
func (w *world) last(p *platform, crashes []*crash) *platform {
	deadline := time.Now().Add(2 * time.Hour)
	for {
		fuse := time.Minute
		if len(crashes) > 0 && crashes[0].flush == 0 {
			fuse = crashes[0].within
		}
		select {
		case <-p.died:
		case <-p.db.Failed():
			if p = w.revive(p); !p.dead.Load() {
				continue
			}
		case <-time.After(fuse):
			if len(crashes) == 0 {
				if w.settled(p) || time.Now().After(deadline) {
					return p
				}
				continue
			}
			w.kill(crashes[0])
			continue
		}
		w.note("%s", crashes[0])
		w.sum.crashes.Add(1)
		w.bury(p, crashes[0])
		var next *crash
		if crashes = crashes[1:]; len(crashes) > 0 {
			next = crashes[0]
		}
		p = w.open(next)
	}
}

// define makes the activity and the machines.
func (w *world) define(p *platform) {
	a, err := p.CreateActivity(home, "act", nil, nil)
	if err != nil {
		w.give(err)
	}
	w.activity = a.ARN
	r := w.draw("machines")
	callee := ""
	for i := range 1 + r.IntN(3) {
		definition := (&author{Rand: r, activity: a.ARN, callee: callee}).definition()
		w.note("machine %d: %s", i, definition)
		m, _, err := p.CreateMachine(home, workflows.MachineInput{Name: fmt.Sprint("m", i), Definition: definition, RoleARN: labRole})
		if err != nil {
			w.give(fmt.Errorf("%w in %s", err, definition))
		}
		w.machines = append(w.machines, m)
		callee = m.ARN
	}
}

// settled reports whether everything has ended.
func (w *world) settled(p *platform) bool {
	for _, arn := range w.all(p) {
		if d, err := p.Describe(arn); err != nil || d.Status == workflows.Running {
			return false
		}
	}
	return true
}

// all lists every execution there is, children of map runs included.
func (w *world) all(p *platform) (arns []string) {
	add := func(l workflows.Listing) {
		for {
			page, next, err := p.List(l)
			if err != nil {
				w.failf("listing: %v", err)
			}
			for _, e := range page {
				arns = append(arns, e.ARN)
			}
			if l.After = next; next == "" {
				return
			}
		}
	}
	for _, m := range w.machines {
		add(workflows.Listing{MachineARN: m.ARN})
	}
	for i := 0; i < len(arns); i++ { // children have children
		runs, err := p.MapRuns(arns[i])
		if err != nil {
			w.failf("map runs of %s: %v", arns[i], err)
		}
		for _, m := range runs {
			add(workflows.Listing{MapRunARN: m.ARN})
		}
	}
	return arns
}

// check compares what everybody was promised with what there is.
func (w *world) check(p *platform) {
	listed := map[string]int{}
	for _, arn := range w.all(p) {
		listed[arn]++
		w.replay(p, arn)
	}
	for arn, n := range listed {
		if n != 1 {
			w.failf("%s is listed %d times", arn, n)
		}
	}
	w.mu.Lock()
	order := w.mu.order
	w.sum.worlds.Add(1)
	w.sum.executions.Add(int64(len(listed)))
	w.sum.attempts.Add(int64(len(w.mu.entered)))
	w.mu.Unlock()
	for _, k := range order {
		w.look(k)
		if listed[k.arn] == 0 {
			w.failf("%s was acknowledged and is not listed", k.arn)
		}
		if k.stopped && k.redrive == 0 && strings.HasPrefix(k.outcome, "RUNNING") {
			w.failf("%s was stopped and runs", k.arn)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, said := range w.mu.answers {
		if !w.heard[said] {
			w.mu.trouble = append(w.mu.trouble, fmt.Sprintf("the answer %s to a task was acknowledged and is in no history", said))
		}
	}
	for key, n := range w.mu.entered {
		if n > 1 {
			w.mu.trouble = append(w.mu.trouble, fmt.Sprintf("the handler of %s was entered %d times", key, n))
		}
	}
	for token, n := range w.mu.fetched {
		if n > 1 {
			w.mu.trouble = append(w.mu.trouble, fmt.Sprintf("the activity task %s was fetched %d times", token, n))
		}
	}
	for id, n := range w.sent.n {
		if n > 1 {
			w.mu.trouble = append(w.mu.trouble, fmt.Sprintf("request %s was handed over %d times", id, n))
		}
	}
}

// replay applies the history of an execution to a fresh engine and compares the ends.
func (w *world) replay(p *platform, arn string) {
	d, err := p.Describe(arn)
	if err != nil {
		w.failf("%s: %v", arn, err)
		return
	}
	if d.Status == workflows.Running {
		lines, _ := historyOf(p, arn)
		w.failf("%s has not ended:\n%s", arn, strings.Join(lines, "\n"))
		return
	}
	var definition string
	for _, m := range w.machines {
		if m.ARN == d.MachineARN || strings.HasPrefix(d.MachineARN, m.ARN+"/") {
			definition = m.Definition
		}
	}
	m, problems := asl.Parse(definition, asl.Options{})
	if m == nil {
		w.failf("%s: %s", arn, problems)
		return
	}
	for _, st := range m.All() {
		if d.MapState != "" && st.Path == d.MapState {
			m = st.Map.Child()
			break
		}
	}
	x := interp.New(m, interp.Identity{ID: arn, Name: d.Name})
	var id int64
	for rec, err := range p.log.Read(history.Stream("execution/"+arn), 1) {
		if err != nil {
			w.failf("%s: %v", arn, err)
			return
		}
		if rec.Data[0] != 'E' {
			continue
		}
		e, err := interp.Decode(rec.Data[1:])
		if err != nil {
			w.failf("%s: %v", arn, err)
			return
		}
		if e.Seq != x.Seq()+1 {
			w.failf("%s: event %d follows %d", arn, e.Seq, x.Seq())
		}
		if e.ID != 0 {
			if id++; e.ID != id || e.Prev >= e.ID {
				w.failf("%s: event %d has id %d and previous %d", arn, id, e.ID, e.Prev)
			}
		}
		x.Apply(&e)
		if lost := lostPattern.FindStringSubmatch(e.Cause); lost != nil && w.kills && w.sent.n[lost[1]] == 0 {
			w.failf("%s: request %s was never handed over, and only the platform died; it is called lost", arn, lost[1])
		}
		for _, said := range answerPattern.FindAllString(e.Payload.String()+e.Cause, -1) {
			w.heard[said] = true
		}
	}
	if got := fmt.Sprintf("%s %s", x.Status(), x.Output()); got != fmt.Sprintf("%s %s", d.Status, d.Output) || len(x.Pending()) > 0 {
		w.failf("%s: a replay ends %s and owes %v; it lived to %s %s", arn, got, x.Pending(), d.Status, d.Output)
	}
}

// report fails the test when anything was wrong, and says how to see it again.
func (w *world) report() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.mu.trouble) == 0 {
		if *firstSeed != 0 && testing.Verbose() {
			fmt.Fprintln(os.Stderr, w.events)
		}
		return
	}
	sort.Strings(w.mu.trouble)
	w.t.Errorf("seed %d: replay with go test ./test/sim -run TestSimulation -seed %d -count 20\n%s", w.seed, w.seed, strings.Join(w.mu.trouble, "\n"))
	if *firstSeed != 0 {
		w.t.Log(w.events.String())
	}
}
