package supervisor

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// server talks to the platform.
type server struct {
	k        *keeper
	dir      string
	patience time.Duration
	quit     func()

	mu struct {
		sync.Mutex
		conn *net.UnixConn // the platform, nil when there is none
		left time.Time     // since when there is none
	}
	send sync.Mutex // one message at a time
}

func (s *server) connect(ctx context.Context, c *net.UnixConn) {
	s.mu.Lock()
	if s.mu.conn != nil {
		s.mu.conn.Close()
	}
	s.mu.conn = c
	s.mu.Unlock()
	s.k.wg.Go(func() { s.serve(ctx, c) })
}

func (s *server) disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.conn != nil {
		s.mu.conn.Close()
	}
}

func (s *server) serve(ctx context.Context, c *net.UnixConn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.mu.conn == c {
			s.mu.conn = nil
			s.mu.left = time.Now()
			s.k.thawAll()
		}
	}()
	s.k.onExit(func(id string, e Exit) { s.reply(c, &message{Op: "exit", ID: id, Exit: &e}) })
	var requests sync.WaitGroup
	defer requests.Wait()
	buf := make([]byte, maxMessage)
	for {
		m, files, err := receive(c, buf)
		if err != nil {
			return
		}
		for _, f := range files {
			f.Close() // the platform has nothing to pass
		}
		if m.Op == "shutdown" {
			s.k.endAll()
			_ = os.Remove(filepath.Join(s.dir, socketName)) // nobody else is to come
			s.reply(c, &message{N: m.N})
			s.quit()
			return
		}
		requests.Go(func() { s.handle(c, m) })
	}
}

func (s *server) handle(c *net.UnixConn, m *message) {
	r := &message{N: m.N}
	var passed *os.File
	var err error
	switch m.Op {
	case "start":
		var b started
		b, err = s.k.start(m.Start)
		r.Begun = &Started{PID: b.pid, Method: b.method, Tmp: b.tmp, Restored: b.restored, Taken: b.taken}
		if err == nil {
			passed = b.data
		}
	case "attach":
		passed, err = s.k.attach(m.ID)
	case "freeze":
		r.Frozen = s.k.freeze(m.ID)
	case "thaw":
		s.k.thaw(m.ID)
	case "stop":
		err = s.k.stop(m.ID)
	case "warm":
		if m.Start.Adapter != nil {
			err = s.k.makeAhead(m.Start)
			break
		}
		var t *template
		if t, err = s.k.template(m.Start.Template); err == nil {
			t.refill()
		}
		if t != nil && t.taken != nil {
			r.Begun, err = &Started{Taken: t.taken}, nil
		}
	case "forget":
		s.k.forget(m.ID, time.Now())
	case "list":
		r.List = s.k.list()
	default:
		r.Error = "unknown request " + m.Op
	}
	if err != nil {
		r.Error = err.Error()
	}
	if passed != nil {
		s.reply(c, r, passed)
		passed.Close()
		return
	}
	s.reply(c, r)
}

func (s *server) reply(c *net.UnixConn, m *message, files ...*os.File) {
	s.send.Lock()
	defer s.send.Unlock()
	_ = send(c, m, files...) // a platform that is gone asks again when it is back
}

// watch looks after floods of output, and after what the platform does while there is none: deadlines, and its own end.
func (s *server) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	swept := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.mu.Lock()
			away := s.mu.conn == nil && !s.mu.left.IsZero()
			left := s.mu.left
			s.mu.Unlock()
			if now.Sub(swept) > time.Minute {
				swept = now
				s.k.forget("", now)
			}
			s.k.trimLogs()
			if !away {
				continue
			}
			if now.Sub(left) > s.patience || s.k.len() == 0 {
				s.quit()
				return
			}
			s.k.endLate(now)
		}
	}
}
