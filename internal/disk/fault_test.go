package disk_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"anthill/fault"
	"anthill/internal/disk"
)

// Wherever the disk begins to fail, every commit under way is answered, none that was acknowledged is lost, and the
// directory can be opened again beside the database that failed.
func TestAFailingDiskAnswersEveryCommit(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault disk.Fault
	}{
		{"everything", disk.Fault{Err: syscall.EIO}},
		{"log", disk.Fault{Err: syscall.EIO, Names: "*.log"}},
		{"short", disk.Fault{Err: syscall.ENOSPC, Names: "*.log", Short: true}},
		{"flush", disk.Fault{Err: syscall.EIO, Flushes: true}},
		{"log's flush", disk.Fault{Err: syscall.EIO, Names: "*.log", Flushes: true}},
		{"tables' flush", disk.Fault{Err: syscall.EIO, Names: "*.sst", Flushes: true}},
		{"list of logs", disk.Fault{Err: syscall.EIO, Names: disk.LogsFile + "*"}},
		{"manifest", disk.Fault{Err: syscall.EIO, Names: "MANIFEST-*"}},
		{"tables", disk.Fault{Err: syscall.ENOSPC, Names: "*.sst"}},
	} {
		for _, after := range []int{0, 7, 60} {
			t.Run(fmt.Sprintf("%s/%d", c.name, after), func(t *testing.T) {
				t.Parallel()
				mem := disk.NewCrashable()
				fs := disk.NewFaulty(mem)
				db, err := disk.Open("data", disk.Options{FS: fs, Reserve: -1})
				if err != nil {
					t.Fatal(err)
				}
				trouble := c.fault
				if trouble.After = after; c.name == "manifest" || c.name == "list of logs" || c.name == "tables' flush" {
					trouble.After /= 20 // these come seldom
				}
				fs.Inject(trouble)
				acked := fillUntilFailure(t, db, 16<<10) // enough for memtables to fill and logs to turn
				if db.Err() == nil {
					t.Fatal("the database does not know that it failed")
				}
				if err := db.Close(); !errors.Is(err, c.fault.Err) || strings.Contains(err.Error(), "somebody") {
					t.Errorf("closing a failed database says %v", err)
				}
				fs.Fail(nil)
				again, err := disk.Open("data", disk.Options{FS: fs, Reserve: -1})
				if err != nil {
					t.Fatalf("opening again where it failed: %v", err)
				}
				there(t, again, acked)
				if err := again.Commit(disk.Write{Key: []byte("tnew"), Value: []byte("x")}); err != nil {
					t.Errorf("after opening again: %v", err)
				}
				again.Close()
				crashed, err := disk.Open("data", disk.Options{FS: mem.Crash(0, 0)})
				if err != nil {
					t.Fatalf("opening after a power cut: %v", err)
				}
				defer crashed.Close()
				there(t, crashed, append(acked, "tnew"))
			})
		}
	}
}

// Wherever the disk fails while a directory is opened, that is said, and it opens once the disk is well.
func TestADiskThatFailsAtTheStart(t *testing.T) {
	mem := disk.NewCrashable()
	fs := disk.NewFaulty(mem)
	db, err := disk.Open("data", disk.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	var acked []string
	for i := range 40 { // some tables, and something in a log
		acked = append(acked, fmt.Sprint("t", i))
		if err := db.Commit(disk.Write{Key: []byte(acked[i]), Value: make([]byte, 20<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	image := mem.Crash(100, 0)
	db.Close()
	for after := 0; ; after++ {
		fs := disk.NewFaulty(image.Crash(100, 0))
		fs.Inject(disk.Fault{Err: syscall.EIO, After: after})
		db, err := disk.Open("data", disk.Options{FS: fs})
		if err == nil { // it failed later, or not at all
			fs.Fail(nil)
			db.Close()
			break
		}
		if !errors.Is(err, syscall.EIO) || fault.Of(err).Name != "data" {
			t.Errorf("write %d fails: %v", after+1, err)
		}
		fs.Fail(nil)
		if db, err = disk.Open("data", disk.Options{FS: fs}); err != nil {
			t.Fatalf("write %d failed, and now: %v", after+1, err)
		}
		there(t, db, acked)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// When memtables cannot be written out, commits wait for room in memory, and the failure finds them there.
func TestCommitsThatWaitForRoomAreAnswered(t *testing.T) {
	fs := disk.NewFaulty(disk.NewMemory())
	db, err := disk.Open("data", disk.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	fs.Inject(disk.Fault{Err: syscall.EIO, Names: "*.sst", After: 3, Slow: time.Second})
	fillUntilFailure(t, db, 1<<20)
	if err := db.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("closing gives %v", err)
	}
}

// A disk that fails and heals again and again costs nothing in the end: what failed is taken down whole.
func TestTwentyFailuresLeaveNothing(t *testing.T) {
	fs, dir := disk.NewFaulty(disk.Machine()), t.TempDir()
	before := goleak.IgnoreCurrent()
	var acked []string
	once := func(turn int) {
		db, err := disk.Open(dir, disk.Options{FS: fs})
		if err != nil {
			t.Fatalf("turn %d: %v", turn, err)
		}
		there(t, db, acked)
		fs.Inject([]disk.Fault{{Err: syscall.EIO, After: turn}, {Err: syscall.EIO, Names: "*.sst", After: 3}, {Err: syscall.ENOSPC, Names: "*.log", Short: true, After: 9}}[turn%3])
		for i, key := range fillUntilFailure(t, db, 64<<10) {
			if i%50 == 0 {
				acked = append(acked, key)
			}
		}
		fs.Fail(nil)
		if err := db.Close(); err == nil || strings.Contains(err.Error(), "somebody") {
			t.Errorf("turn %d: closing says %v", turn, err)
		}
		if _, _, err := db.Get([]byte("t")); err == nil {
			t.Error("a closed database is read")
		}
	}
	once(0)
	files, memory := openFiles(t), heap()
	for turn := range 20 / patience {
		once(turn)
	}
	goleak.VerifyNone(t, before)
	if now := openFiles(t); len(now) > len(files) {
		t.Errorf("%d files are open after twenty failures, %d before: %q", len(now), len(files), now)
	}
	if m := heap(); m > memory+8<<20 && patience == 1 { // under it Pebble keeps what it freed, to see whether somebody touches it
		t.Errorf("%d KiB are in use after twenty failures, %d before", m>>10, memory>>10)
	}
}

func openFiles(t *testing.T) (names []string) {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("the open files cannot be listed here")
	}
	for _, fd := range all {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// heap is how many bytes are reachable. Without cgo Pebble's memory is Go's, too.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// fillUntilFailure commits from eight writers until each was refused, and gives the keys that were acknowledged.
func fillUntilFailure(t *testing.T, db *disk.DB, size int) (acked []string) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			value := make([]byte, size)
			for i := 0; ; i++ {
				key := fmt.Sprintf("t%d-%d", w, i)
				if err := db.Commit(disk.Write{Key: []byte(key), Value: value}); err != nil {
					if f := fault.Of(err); f.Kind != fault.Full && f.Kind != fault.Internal || f.Detail == "" {
						t.Errorf("a refusal that says nothing: %v", err)
					}
					return
				}
				mu.Lock()
				acked = append(acked, key)
				mu.Unlock()
			}
		})
	}
	answered := make(chan struct{})
	go func() { wg.Wait(); close(answered) }()
	select {
	case <-answered:
	case <-time.After(time.Minute * patience): // not a promise: hanging commits would wait for ever
		t.Fatal("commits hang on a failing disk")
	}
	return acked
}

func there(t *testing.T, db *disk.DB, keys []string) {
	t.Helper()
	for _, key := range keys {
		if _, ok, err := db.Get([]byte(key)); !ok || err != nil {
			t.Errorf("%s was acknowledged and is lost (%v)", key, err)
		}
	}
}

func TestASlowDiskOnlyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := disk.NewFaulty(disk.NewCrashable())
		flushes, shared := 0, 0
		db, err := disk.Open("data", disk.Options{FS: fs, Flushed: func(took time.Duration, commits int) {
			if flushes++; took < time.Second {
				t.Errorf("a flush took %v", took)
			}
			shared = max(shared, commits)
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		fs.Inject(disk.Fault{Slow: time.Second})
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				if err := db.Commit(disk.Write{Key: []byte{'t', byte(i)}, Value: []byte("v")}); err != nil {
					t.Error(err)
				}
			})
		}
		began := time.Now()
		for range 100 { // what is not flushed does not wait for those that are
			if err := db.CommitBehind(disk.Write{Key: []byte("tb"), Value: []byte("v")}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("commits behind waited %v for a flush", took)
		}
		wg.Wait()
		fs.Inject(disk.Fault{})
		if flushes > 3 || shared < 16 {
			t.Errorf("32 commits took %d flushes, at most %d in one", flushes, shared)
		}
	})
}

// The room before the log never covers what was written, whatever the sizes of the writes.
func TestLogWrittenAhead(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 1))
		fs := disk.NewCrashable()
		db, err := disk.Open("data", disk.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]int{}
		for i := range 60 {
			key, n := fmt.Sprint("t", i), rng.IntN(200<<10)
			value := make([]byte, n)
			for j := range value {
				value[j] = byte(i + 1)
			}
			if err := db.Commit(disk.Write{Key: []byte(key), Value: value}); err != nil {
				t.Fatal(err)
			}
			values[key] = n
		}
		again, err := disk.Open("data", disk.Options{FS: fs.Crash(50, seed)})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i := range 60 {
			key := fmt.Sprint("t", i)
			v, _, err := again.Get([]byte(key))
			if err != nil || len(v) != values[key] || len(v) > 0 && (v[0] != byte(i+1) || v[len(v)-1] != byte(i+1)) {
				t.Errorf("seed %d: %s has %d bytes (%v), want %d", seed, key, len(v), err, values[key])
			}
		}
		again.Close()
		db.Close()
	}
}

func TestErrNamesTheCause(t *testing.T) {
	fs := disk.NewFaulty(disk.NewCrashable())
	db, err := disk.Open("data", disk.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	fs.Fail(syscall.EIO)
	err = db.Commit(disk.Write{Key: []byte("t"), Value: []byte("v")})
	if !errors.Is(err, syscall.EIO) || !fault.Is(err, fault.Internal) {
		t.Errorf("commit on a broken disk: %v", err)
	}
	select {
	case <-db.Failed():
	default:
		t.Error("nobody is told of the failure")
	}
}
