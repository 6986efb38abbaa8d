package server

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"anthill/history"
	"anthill/internal/disk"
	"anthill/sandbox"
)

// Environments that ended are told of after a restart, in the order of their ends, until the retention forgets them.
func TestLivesOutliveThePlatform(t *testing.T) {
	fs := disk.NewMemory()
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	platform := func(do func(*lives)) {
		db, err := disk.Open("data", disk.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		l := openLives(history.Open(db), slog.New(slog.DiscardHandler))
		do(l)
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(l *lives, after time.Time) string {
		s := ""
		for _, e := range l.after(after) {
			s += e.ID
		}
		return s
	}
	end := func(id string, second int) sandbox.Info {
		return sandbox.Info{ID: id, FunctionName: "f", Created: start, Ended: start.Add(time.Duration(second) * time.Second), Served: second}
	}
	platform(func(l *lives) {
		for i, id := range []string{"a", "c", "b"} {
			l.add(end(id, []int{1, 3, 2}[i]))
		}
	})
	platform(func(l *lives) {
		if got := ids(l, time.Time{}) + " " + ids(l, start.Add(time.Second)); got != "abc bc" {
			t.Errorf("after a restart: %s", got)
		}
		if e := l.after(start)[1]; e.Served != 2 || e.FunctionName != "f" || !e.Created.Equal(start) {
			t.Errorf("it came back as %+v", e)
		}
		l.add(end("d", 4))
		l.write()
		if err := l.retain(start.Add(3500 * time.Millisecond)); err != nil {
			t.Error(err)
		}
	})
	platform(func(l *lives) {
		if got := ids(l, time.Time{}); got != "d" {
			t.Errorf("after the retention: %s", got)
		}
		for i := range keptEnvironments + 10 {
			l.add(end(fmt.Sprint(i%10), 10+i))
		}
	})
	platform(func(l *lives) {
		if n := len(l.after(time.Time{})); n != keptEnvironments {
			t.Errorf("%d are remembered", n)
		}
		if err := l.retain(time.Time{}); err != nil || l.to.Last(livesStream) != keptEnvironments+14 {
			t.Errorf("%d, %v", l.to.Last(livesStream), err)
		}
	})
}
