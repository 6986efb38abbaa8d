package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"anthill/fault"
)

// RelaxedFlush is the longest that --durability relaxed lets an acknowledged write wait for its flush.
const RelaxedFlush = 10 * time.Millisecond

// Server is a platform that listens.
type Server struct {
	c        Config
	began    time.Time
	opened   time.Duration
	listener net.Listener
	endpoint string
	ca       string

	profiles   *http.Server // nil without Config.Pprof
	profilesAt net.Listener

	temp string // what Close removes

	turn sync.Mutex // held by who takes the house down: a reset, a revival, Close

	mu struct {
		sync.RWMutex // held for reading by every request, for writing by a reset
		house        *house
	}
}

// Open listens, builds the rooms and answers nothing yet. Errors are sentences that say what to do.
func Open(ctx context.Context, c Config) (*Server, error) {
	const op = "server.Open"
	s := &Server{c: c, began: time.Now()}
	s.c.metrics = newMetrics(s)
	if s.c.Retention == 0 {
		s.c.Retention = DefaultRetention
	}
	if s.c.Log == nil {
		s.c.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.c.traces, err = newTraces(s.c.Traces, s.c.Log); err != nil {
		return nil, fault.In(op, err)
	}
	defer func() {
		if s.mu.house == nil {
			s.c.traces.close()
		}
	}()
	if err := s.places(); err != nil {
		return nil, fault.In(op, err)
	}
	if err := s.listen(); err != nil {
		s.removeTemp()
		return nil, fault.In(op, err)
	}
	if err := s.listenPprof(); err != nil {
		s.listener.Close()
		s.removeTemp()
		return nil, fault.In(op, err)
	}
	h, err := openHouse(ctx, s.c, s.endpoint)
	if err != nil {
		s.closeProfiles()
		s.listener.Close()
		s.removeTemp()
		return nil, fault.In(op, err)
	}
	s.mu.house = h
	s.opened = time.Since(s.began)
	return s, nil
}

// places settles the data and cache directories.
func (s *Server) places() error {
	if s.c.Cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			dir = filepath.Join(os.TempDir(), "anthill-cache")
		}
		s.c.Cache = filepath.Join(dir, "anthill")
	}
	switch {
	case s.c.Ephemeral:
		dir, err := os.MkdirTemp("", "anthill-")
		if err != nil {
			return err
		}
		s.temp, s.c.Data = dir, dir
	case s.c.Data == "":
		home, err := os.UserHomeDir()
		if err != nil {
			return &fault.Error{Kind: fault.Invalid, Detail: "no home directory: say where data goes with --data DIR", Err: err}
		}
		s.c.Data = filepath.Join(home, ".local", "share", "anthill")
	}
	abs, err := filepath.Abs(s.c.Data)
	if err != nil {
		return err
	}
	s.c.Data = abs
	return os.MkdirAll(s.c.Data, 0o755)
}

// listen takes the port and, with TLS, makes the certificate.
func (s *Server) listen() error {
	host := s.c.Host
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(s.c.Port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return &fault.Error{Kind: fault.Conflict, Noun: "port", Name: strconv.Itoa(s.c.Port), Err: err,
			Detail: fmt.Sprintf("port %d is in use: stop what listens there, or choose another with --port (0 lets the system choose)", s.c.Port)}
	}
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Noun: "address", Name: host, Detail: fmt.Sprintf("cannot listen on %s port %d: %v", host, s.c.Port, err), Err: err}
	}
	scheme := "http"
	if s.c.TLS {
		cert, ca, err := localCA(filepath.Join(s.c.Data, "tls"), time.Now())
		if err != nil {
			l.Close()
			return err
		}
		s.ca, scheme = ca, "https"
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
	}
	s.listener = l
	port := l.Addr().(*net.TCPAddr).Port
	name := "localhost"
	if ip := net.ParseIP(host); ip != nil && !ip.IsLoopback() && !ip.IsUnspecified() {
		name = host
	}
	s.endpoint = scheme + "://" + net.JoinHostPort(name, strconv.Itoa(port))
	return nil
}

// URL is where clients reach the platform: "http://localhost:4566".
func (s *Server) URL() string { return s.endpoint }

// CA is the path of the local CA's certificate; "" without TLS.
func (s *Server) CA() string { return s.ca }

// Where is the data directory, in words.
func (s *Server) Where() string {
	if s.c.Ephemeral {
		return "memory, gone at the end"
	}
	return s.c.Data
}

// Ready says how long Open took.
func (s *Server) Ready() string { return "after " + s.opened.Round(100*time.Microsecond).String() }

// Notes are sentences that a person should read at the start: how functions are isolated, what durability means.
func (s *Server) Notes() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	notes := s.mu.house.notes()
	if s.c.Relaxed > 0 {
		notes = append(notes, fmt.Sprintf("Durability is relaxed: what was acknowledged in the last %v before a power cut may be lost.", s.c.Relaxed))
	}
	return notes
}

// Run serves until ctx ends, then lets requests under way finish for up to five seconds.
func (s *Server) Run(ctx context.Context) error {
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second, ErrorLog: slog.NewLogLogger(s.c.Log.Handler(), slog.LevelDebug)}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { s.revive(ctx) })
	wg.Go(func() { s.retain(ctx) })
	wg.Go(func() { giveBack(ctx) })
	if s.profiles != nil {
		wg.Go(func() { s.profiles.Serve(s.profilesAt) })
		defer s.closeProfiles()
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(s.listener) }()
	select {
	case err := <-done:
		return fault.In("server.Run", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		srv.Close()
	}
	<-done // ErrServerClosed, as asked for
	return nil
}

// Close takes the rooms down. Every execution environment ends with it.
func (s *Server) Close() error {
	s.listener.Close()
	s.closeProfiles()
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.mu.house.close()
	s.c.traces.close()
	s.removeTemp()
	return fault.In("server.Close", err)
}

func (s *Server) removeTemp() {
	if s.temp != "" {
		os.RemoveAll(s.temp)
	}
}

// reset forgets everything that the platform holds and begins anew, over the same listener.
func (s *Server) reset(ctx context.Context) error {
	const op = "server.reset"
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mu.house.close(); err != nil {
		return fault.In(op, err)
	}
	for _, part := range rooms {
		if err := os.RemoveAll(filepath.Join(s.c.Data, part)); err != nil {
			return fault.In(op, err)
		}
	}
	h, err := openHouse(context.WithoutCancel(ctx), s.c, s.endpoint)
	if err != nil {
		return fault.In(op, err)
	}
	s.mu.house = h
	return nil
}
