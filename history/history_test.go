package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/store"
)

func open(t testing.TB, fs disk.FS) (*history.Log, *disk.DB) {
	t.Helper()
	db, err := disk.Open("data", disk.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return history.Open(db), db
}

func events(texts ...string) [][]byte {
	var out [][]byte
	for _, s := range texts {
		out = append(out, []byte(s))
	}
	return out
}

func read(t *testing.T, l *history.Log, s history.Stream, from uint64) []string {
	t.Helper()
	var out []string
	for e, err := range l.Read(s, from) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d:%s", e.Pos, e.Data))
	}
	return out
}

func TestPositionsAndReads(t *testing.T) {
	l, db := open(t, disk.NewMemory())
	defer db.Close()
	ctx := t.Context()
	for _, step := range []struct {
		events [][]byte
		last   uint64
	}{{events("a", "b"), 2}, {events("c"), 3}, {nil, 3}, {events("d", "", "f"), 6}} {
		last, err := l.Append(ctx, "s", history.Flushed, step.events)
		if err != nil || last != step.last {
			t.Fatalf("append gave %d, %v; want %d", last, err, step.last)
		}
	}
	if _, err := l.Append(ctx, "s2", history.Behind, events("x")); err != nil {
		t.Fatal(err)
	}
	all := []string{"1:a", "2:b", "3:c", "4:d", "5:", "6:f"}
	for from := range uint64(8) {
		want := all[min(max(int(from), 1)-1, 6):]
		if got := read(t, l, "s", from); !slices.Equal(got, want) {
			t.Errorf("from %d: %v, want %v", from, got, want)
		}
	}
	var back []string
	for e, err := range l.ReadBack("s") {
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, fmt.Sprintf("%d:%s", e.Pos, e.Data))
	}
	slices.Reverse(back)
	if !slices.Equal(back, all) {
		t.Errorf("backward: %v", back)
	}
	back = nil
	for e, err := range l.ReadBackFrom("s", 5) {
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, fmt.Sprintf("%d:%s", e.Pos, e.Data))
	}
	slices.Reverse(back)
	if !slices.Equal(back, all[:5]) {
		t.Errorf("backward from 5: %v", back)
	}
	if got := slices.Collect(l.Streams("s")); !slices.Equal(got, []history.Stream{"s", "s2"}) {
		t.Errorf("streams: %v", got)
	}
	if err := l.Delete("s"); err != nil {
		t.Fatal(err)
	}
	if got, n := read(t, l, "s", 1), l.Last("s"); got != nil || n != 0 {
		t.Errorf("after delete: %v, last %d", got, n)
	}
	if got := read(t, l, "s2", 1); !slices.Equal(got, []string{"1:x"}) {
		t.Errorf("the neighbour after delete: %v", got)
	}
}

// Whatever was acknowledged is there after a power cut, in order and without holes, and so is what was committed with it.
func TestCrash(t *testing.T) {
	for seed := range uint64(6) {
		fs := disk.NewCrashable()
		l, db := open(t, fs)
		names := store.Of[string](store.Open(db), "names")
		var mu sync.Mutex
		acked := map[history.Stream]uint64{}
		var wg sync.WaitGroup
		half := make(chan struct{})
		for w := range 6 {
			s := history.Stream(fmt.Sprint("stream", w))
			wg.Go(func() {
				for i := range 40 {
					if i == 20 && w == 0 {
						close(half)
					}
					last, err := l.Append(context.Background(), s, history.Flushed,
						events(fmt.Sprint(2*i), fmt.Sprint(2*i+1)), names.Write(fmt.Sprintf("%s/%d", s, 2*i+2), "named"))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					acked[s] = last
					mu.Unlock()
				}
			})
		}
		<-half
		mu.Lock()
		want := map[history.Stream]uint64{}
		for s, n := range acked {
			want[s] = n
		}
		mu.Unlock()
		crashed := fs.Crash(int(seed)*20, seed)
		wg.Wait()
		db.Close()

		l, db = open(t, crashed)
		names = store.Of[string](store.Open(db), "names")
		for s, n := range want {
			got := read(t, l, s, 1)
			if uint64(len(got)) < n || l.Last(s) != uint64(len(got)) {
				t.Errorf("seed %d: %s has %d events and last %d, %d were acknowledged", seed, s, len(got), l.Last(s), n)
			}
			for i, e := range got {
				if e != fmt.Sprintf("%d:%d", i+1, i) {
					t.Fatalf("seed %d: %s event %d is %s", seed, s, i+1, e)
				}
			}
			if _, ok, err := names.Get(fmt.Sprintf("%s/%d", s, n)); !ok || err != nil {
				t.Errorf("seed %d: what was committed with event %d of %s is missing (%v)", seed, n, s, err)
			}
		}
		db.Close()
	}
}

func TestAFullDiskAcknowledgesNothing(t *testing.T) {
	mem := disk.NewCrashable()
	fs := disk.NewFaulty(mem)
	l, _ := open(t, fs)
	if _, err := l.Append(t.Context(), "s", history.Flushed, events("kept")); err != nil {
		t.Fatal(err)
	}
	fs.Fail(syscall.ENOSPC)
	if _, err := l.Append(t.Context(), "s", history.Flushed, events("refused")); !fault.Is(err, fault.Full) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("append on a full disk: %v", err)
	}
	if got := read(t, l, "s", 1); !slices.Equal(got, []string{"1:kept"}) {
		t.Errorf("readers see %v", got)
	}
	l, db := open(t, mem.Crash(0, 0))
	defer db.Close()
	if got := read(t, l, "s", 1); !slices.Equal(got, []string{"1:kept"}) {
		t.Errorf("after a restart: %v", got)
	}
}

func TestADamagedRecordIsNamed(t *testing.T) {
	l, db := open(t, disk.NewMemory())
	defer db.Close()
	l.Append(t.Context(), "s", history.Flushed, events("one"))
	l.Append(t.Context(), "s", history.Flushed, events("two"))
	for p, err := range db.Scan([]byte("hs"), nil, true) {
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(p.Value)
		bad[len(bad)-1] ^= 1
		if err := db.Commit(disk.Write{Key: bytes.Clone(p.Key), Value: bad}); err != nil {
			t.Fatal(err)
		}
		break
	}
	l = history.Open(db)
	var got error
	for _, err := range l.Read("s", 1) {
		got = err
	}
	if f := fault.Of(got); f.Reason != "damaged" || f.Name != "s" {
		t.Errorf("reading a damaged stream: %v", got)
	}
	if _, err := l.Append(t.Context(), "s", history.Flushed, events("three")); err == nil {
		t.Error("a damaged stream was appended to")
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, db := open(t, disk.NewMemory())
		defer db.Close()
		ctx, cancel := context.WithCancel(t.Context())
		l.Append(ctx, "a/1", history.Flushed, events("before"))
		news := l.Follow(ctx, "a/")
		for i := range 3 {
			for _, s := range []history.Stream{"a/1", "b/1", "a/2"} {
				if _, err := l.Append(ctx, s, history.Behind, events(fmt.Sprint(i), "+")); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := map[history.Stream]string{}
		var wg sync.WaitGroup
		wg.Go(func() {
			for e, err := range news {
				if err != nil {
					t.Error(err)
				}
				got[e.Stream] += fmt.Sprintf("%d%s ", e.Pos, e.Data)
			}
		})
		synctest.Wait()
		l.Append(ctx, "a/1", history.Flushed, events("late"))
		synctest.Wait()
		cancel()
		wg.Wait()
		want := map[history.Stream]string{"a/1": "20 3+ 41 5+ 62 7+ 8late ", "a/2": "10 2+ 31 4+ 52 6+ "}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("followed %v, want %v", got, want)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte("hs\x00\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("\x00\x00\x00\x00\x01\x01a"))
	f.Fuzz(func(t *testing.T, key, r []byte) {
		events, err := history.DecodeRecord(key, r)
		if err == nil && !bytes.Equal(history.EncodeRecord(key, events), r) {
			// A count or length may be written in more bytes than it needs; such a record still means the same.
			again, err := history.DecodeRecord(key, history.EncodeRecord(key, events))
			if err != nil || len(again) != len(events) {
				t.Errorf("a record that was read cannot be written: %v", err)
			}
		}
	})
}

// A follower that takes a second for each event costs writers nothing, and misses none.
func TestASlowFollowerSlowsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, db := open(t, disk.NewMemory())
		defer db.Close()
		ctx, cancel := context.WithCancel(t.Context())
		news := l.Follow(ctx, "execution/")
		seen := 0
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, err := range news {
				if err != nil {
					t.Error(err)
				}
				seen++
				time.Sleep(time.Second)
			}
		})
		began := time.Now()
		const streams, appends = 5, 20
		for i := range appends {
			for s := range streams {
				if _, err := l.Append(ctx, history.Stream(fmt.Sprint("execution/", s)), history.Flushed, events(fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the appends waited %v for the follower", took)
		}
		time.Sleep((streams*appends + 1) * time.Second)
		cancel()
		wg.Wait()
		if seen != streams*appends {
			t.Errorf("it saw %d of %d events", seen, streams*appends)
		}
	})
}

// What was trimmed is gone, whole records only; positions go on, also after the stream was forgotten in memory.
func TestTrim(t *testing.T) {
	fs := disk.NewCrashable()
	l, _ := open(t, fs)
	ctx := t.Context()
	for _, e := range [][][]byte{events("a", "b", "c"), events("d"), events("e", "f")} {
		if _, err := l.Append(ctx, "s", history.Flushed, e); err != nil {
			t.Fatal(err)
		}
	}
	l.Append(ctx, "s2", history.Flushed, events("x"))
	for before, want := range map[uint64]string{0: "[1:a 2:b 3:c 4:d 5:e 6:f]", 1: "[1:a 2:b 3:c 4:d 5:e 6:f]", 3: "[1:a 2:b 3:c 4:d 5:e 6:f]"} {
		if err := l.Trim("s", before); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(read(t, l, "s", 1)); got != want {
			t.Errorf("trimmed before %d: %s, want %s", before, got, want)
		}
	}
	for _, c := range []struct {
		before uint64
		want   string
	}{{4, "[4:d 5:e 6:f]"}, {6, "[5:e 6:f]"}, {99, "[5:e 6:f]"}} {
		if err := l.Trim("s", c.before); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(read(t, l, "s", 1)); got != c.want {
			t.Errorf("trimmed before %d: %s, want %s", c.before, got, c.want)
		}
	}
	l, db := open(t, fs.Crash(0, 0))
	defer db.Close()
	if last, err := l.Append(ctx, "s", history.Flushed, events("g")); err != nil || last != 7 {
		t.Errorf("the next position is %d (%v), want 7", last, err)
	}
	if got := fmt.Sprint(read(t, l, "s2", 1)); got != "[1:x]" {
		t.Errorf("the neighbour holds %s", got)
	}
}

// A stream that begins is not looked for in the database, and one that has begun does not begin again.
func TestBeginIsForStreamsWithoutEvents(t *testing.T) {
	db, err := disk.Open("", disk.Options{FS: disk.NewCrashable()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l := history.Open(db)
	if last, err := l.Begin(t.Context(), "execution/a", history.Flushed, [][]byte{[]byte("one"), []byte("two")}); err != nil || last != 2 {
		t.Errorf("began up to %d, %v", last, err)
	}
	if _, err := l.Begin(t.Context(), "execution/a", history.Flushed, [][]byte{[]byte("again")}); !fault.Is(err, fault.Conflict) {
		t.Errorf("began a second time: %v", err)
	}
	if last, err := l.Append(t.Context(), "execution/a", history.Flushed, [][]byte{[]byte("three")}); err != nil || last != 3 {
		t.Errorf("went on up to %d, %v", last, err)
	}
	if last := history.Open(db).Last("execution/a"); last != 3 {
		t.Errorf("the database has events up to %d", last)
	}
}
