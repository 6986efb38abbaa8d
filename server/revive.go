package server

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"anthill/internal/disk"
)

// reviveEvery is how often a disk that failed is tried again.
const reviveEvery = time.Second

// revive opens the rooms anew once a disk that failed takes writes again. It is what a restart of the process would do:
// after a failed flush nobody knows what the disk holds until it is read. It ends with ctx.
func (s *Server) revive(ctx context.Context) {
	t := time.NewTicker(reviveEvery)
	defer t.Stop()
	told := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		err := s.failure()
		if err == nil {
			told = false
			continue
		}
		if !told {
			s.c.Log.Error("the disk failed: nothing is acknowledged until it takes writes again", "error", err)
			told = true
		}
		if err := disk.Probe(s.fs(), s.c.Data); err != nil {
			continue
		}
		if err := s.reopen(ctx); err != nil {
			s.c.Log.Error("the disk takes writes again, but the data directory cannot be opened", "error", err)
			continue
		}
		s.c.Log.Warn("the disk takes writes again; everything that was acknowledged is there")
	}
}

// failure says why the database stopped, or nil.
func (s *Server) failure() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.house.db.Err()
}

func (s *Server) fs() disk.FS {
	if s.c.fs != nil {
		return s.c.fs
	}
	return disk.Machine()
}

// reopen builds a new house over the same directory, which finds the functions that still run. The old one is taken down
// while requests are still in it: they are waiting for what cannot come any more.
func (s *Server) reopen(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.RLock()
	old := s.mu.house
	s.mu.RUnlock()
	_ = old.abandon() // complains of the disk
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := openHouse(context.WithoutCancel(ctx), s.c, s.endpoint)
	if err != nil {
		return err
	}
	s.mu.house = h
	return nil
}

// serveFailed answers while the disk takes no writes.
func serveFailed(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "1")
	writeJSON(w, http.StatusServiceUnavailable, map[string]string{"__type": "ServiceUnavailableException", "status": "failing",
		"message": "The disk of the data directory failed and nothing is acknowledged until it takes writes again: " + err.Error()})
}

// databaseDir is where the database of a data directory is.
func databaseDir(data string) string { return filepath.Join(data, "db") }
