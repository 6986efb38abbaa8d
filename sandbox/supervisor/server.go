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
		conn   *net.UnixConn // the platform, nil when there is none
		left   time.Time     // since when there is none
		ending bool          // whoever comes now is sent away
	}
	send sync.Mutex // one message at a time
}

func (s *server) connect(ctx context.Context, c *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.ending {
		c.Close()
		return
	}
	if s.mu.conn != nil {
		s.mu.conn.Close()
	}
	s.mu.conn = c
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
		s.k.thawAll() // the next platform may be there already, and waits for those that this one has stopped
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.mu.conn == c {
			s.mu.conn = nil
			s.mu.left = time.Now()
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
			s.end()
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
	case "hello":
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
			if now.Sub(swept) > time.Minute {
				swept = now
				s.k.forget("", now)
			}
			s.k.trimLogs()
			away, over := s.alone(now)
			if over {
				s.quit()
				return
			}
			if away {
				s.k.endLate(now)
			}
		}
	}
}

// alone reports whether the platform has gone, and whether it is over then: nobody is waited for any longer, and who
// comes from now on is sent away.
func (s *server) alone(now time.Time) (away, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.conn != nil || s.mu.left.IsZero() {
		return false, false
	}
	if now.Sub(s.mu.left) <= s.patience && s.k.len() > 0 {
		return true, false
	}
	s.endLocked()
	return true, true
}

func (s *server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
}

// endLocked makes room for another supervisor, which waits until this one has ended.
func (s *server) endLocked() {
	s.mu.ending = true
	_ = os.Remove(filepath.Join(s.dir, socketName))
}
