package server

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"anthill/fault"
)

// listenPprof takes the address for profiles, which must be this machine's alone.
func (s *Server) listenPprof() error {
	if s.c.Pprof == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(s.c.Pprof)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fault.Invalidf("server.Open", "address", "profiles are served on the loopback only: --pprof 127.0.0.1:6060, not %q", s.c.Pprof)
	}
	l, err := net.Listen("tcp", s.c.Pprof)
	if err != nil {
		return &fault.Error{Kind: fault.Conflict, Noun: "address", Name: s.c.Pprof, Detail: fmt.Sprintf("cannot serve profiles on %s: %v", s.c.Pprof, err), Err: err}
	}
	s.profiles = &http.Server{Handler: profiles(), ReadHeaderTimeout: 10 * time.Second}
	s.profilesAt = l
	return nil
}

func (s *Server) closeProfiles() {
	if s.profiles != nil {
		s.profilesAt.Close()
		s.profiles.Close()
	}
}

func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// ownMetrics reports whether r asks for the platform's metrics: a deployed API or a bucket may have such a path too.
func ownMetrics(r *http.Request) bool {
	if r.URL.Path != "/metrics" || r.Method != http.MethodGet || r.Header.Get("Authorization") != "" || r.URL.Query().Has("X-Amz-Signature") {
		return false
	}
	for _, foreign := range []string{".execute-api.", ".lambda-url.", ".s3.", ".s3-"} {
		if strings.Contains(r.Host, foreign) {
			return false
		}
	}
	return true
}
