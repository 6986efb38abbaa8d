package sim_test

import (
	"fmt"
	"syscall"
	"time"

	"anthill/internal/disk"
)

// trouble is a time in which the disk misbehaves.
type trouble struct {
	after, lasts time.Duration // since the one before it
	fault        disk.Fault
	full         bool          // it says that there is no room
	slow         time.Duration // how long a flush of the log takes
}

func (t *trouble) String() string {
	return fmt.Sprintf("disk: %+v, full %v, flushes take %v, for %v", t.fault, t.full, t.slow, t.lasts)
}

// troubles draws those of this world.
func (w *world) troubles() []trouble {
	r := w.draw("troubles")
	all := make([]trouble, r.IntN(4))
	for i := range all {
		t := trouble{after: time.Duration(r.Int64N(int64(20 * time.Second))), lasts: time.Duration(r.Int64N(int64(8 * time.Second)))}
		switch r.IntN(7) {
		case 0: // it answers nothing but errors
			t.fault = disk.Fault{Err: syscall.EIO}
		case 1: // flushes fail: the kernel lost what was written
			t.fault = disk.Fault{Err: syscall.EIO, Flushes: true}
		case 2: // another program took the last bytes
			t.fault = disk.Fault{Err: syscall.ENOSPC, Short: true, Names: "*.log"}
		case 3: // tables, the list of tables, or the list of logs
			t.fault = disk.Fault{Err: syscall.EIO, Names: []string{"*.sst", "MANIFEST-*", disk.LogsFile + "*", "marker.*"}[r.IntN(4)]}
		case 4: // it fills up, and we see it come
			t.full = true
		default:
			t.slow = time.Duration(r.Int64N(int64(2 * time.Second)))
		}
		if t.fault.Err != nil {
			t.fault.After = r.IntN(1 + r.IntN(60))
		}
		all[i] = t
	}
	return all
}

// spoil lets the troubles come and go. A crash ends the one that there is: the machine gets another disk.
func (w *world) spoil() {
	for n, t := range w.troubles() {
		if !w.sleep(t.after) {
			return
		}
		w.mu.Lock()
		d, faulty := w.disk, w.faulty
		w.mu.Unlock()
		w.note("%s", &t)
		faulty.Inject(t.fault)
		d.trouble(&t)
		w.rush(n)
		over := w.sleep(t.lasts)
		faulty.Inject(disk.Fault{})
		d.trouble(nil)
		if !over {
			return
		}
	}
}

// rush has some clients come while the disk goes wrong, so that it fails under their requests.
func (w *world) rush(n int) {
	r := w.draw("rush", n)
	for i := range r.IntN(6) {
		m := w.machines[r.IntN(len(w.machines))]
		at := time.Duration(r.Int64N(int64(20 * time.Millisecond)))
		w.wg.Go(func() {
			if w.sleep(at) {
				w.client(m, fmt.Sprint("r", n, "-", i), `{"n":1,"list":[1],"i":""}`)
			}
		})
	}
}

// revive is what the server does when the disk of its platform failed: once it takes writes again everything is opened
// anew, as after a restart.
func (w *world) revive(p *platform) *platform {
	w.note("the disk failed: %v", p.db.Err())
	w.sum.failures.Add(1)
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-p.died:
			return p
		case <-tick.C:
		}
		if err := disk.Probe(w.faulty, "."); err == nil {
			tick.Stop()
			break
		}
	}
	w.leave()
	w.close(p)
	if p.dead.Load() {
		return p
	}
	w.note("the disk takes writes again")
	w.revivals++
	r := w.draw("revive", w.revivals)
	if r.IntN(3) == 0 { // for a moment: opening fails, and is tried again
		t := trouble{fault: disk.Fault{Err: syscall.EIO, After: r.IntN(60)}}
		w.note("%s", &t)
		w.faulty.Inject(t.fault)
		w.disk.trouble(&t)
		time.AfterFunc(1500*time.Millisecond, func() {
			w.faulty.Fail(nil)
			w.disk.trouble(nil)
		})
	}
	return w.open(nil)
}
