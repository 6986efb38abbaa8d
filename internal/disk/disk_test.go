package disk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"anthill/fault"
	"anthill/internal/disk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpenRefusals(t *testing.T) {
	dir := t.TempDir()
	db, err := disk.Open(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = disk.Open(dir, disk.Options{})
	refused(t, err, "open in another process")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"anthill 99\n": "newer", "mydata\n": "no format of Anthill"} {
		if err := os.WriteFile(filepath.Join(dir, disk.FormatFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = disk.Open(dir, disk.Options{})
		refused(t, err, want)
	}
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Of(err).Detail, want) {
		t.Errorf("got %v, want a conflict that says %q", err, want)
	}
}

// Whatever Commit acknowledged is there after a power cut at any moment, however much of the rest survives.
func TestCrashKeepsWhatWasAcknowledged(t *testing.T) {
	for seed := range uint64(8) {
		fs := disk.NewCrashable()
		db, err := disk.Open("data", disk.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		acked := map[string]bool{}
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 30 {
					key := fmt.Sprintf("t%d-%d", w, i)
					if err := db.Commit(disk.Write{Key: []byte(key), Value: []byte(key)}); err != nil {
						t.Error(err)
					}
					mu.Lock()
					acked[key] = true
					mu.Unlock()
				}
			})
		}
		for len(snapshot(&mu, acked)) < 40 {
			time.Sleep(0)
		}
		want := snapshot(&mu, acked)
		crashed := fs.Crash(int(seed)*14, seed)
		wg.Wait()
		again, err := disk.Open("data", disk.Options{FS: crashed})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for key := range want {
			if v, ok, err := again.Get([]byte(key)); err != nil || !ok || string(v) != key {
				t.Errorf("seed %d: %s was acknowledged and is %q %v %v", seed, key, v, ok, err)
			}
		}
		again.Close()
		db.Close()
	}
}

func snapshot(mu *sync.Mutex, m map[string]bool) map[string]bool {
	mu.Lock()
	defer mu.Unlock()
	out := make(map[string]bool, len(m))
	for k := range m {
		out[k] = true
	}
	return out
}

func TestRelaxedFlushesWithinItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := disk.NewCrashable()
		db, err := disk.Open("data", disk.Options{FS: fs, FlushEvery: 10 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Commit(disk.Write{Key: []byte("k"), Value: []byte("v")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Millisecond)
		synctest.Wait()
		again, err := disk.Open("data", disk.Options{FS: fs.Crash(0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if _, ok, _ := again.Get([]byte("k")); !ok {
			t.Error("not there 11 ms after a relaxed commit")
		}
	})
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for _, o := range []disk.Options{{}, {FlushEvery: 10 * time.Millisecond}, {FS: disk.NewMemory()}} {
		db, err := disk.Open(filepath.Join(t.TempDir(), "data"), o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if err := db.Commit(disk.Write{Key: fmt.Append(nil, "t", i), Value: make([]byte, 64<<10)}); err != nil {
				t.Fatal(err)
			}
			if err := db.CommitBehind(disk.Write{Key: fmt.Append(nil, "b", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
}
