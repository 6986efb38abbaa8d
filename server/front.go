package server

import (
	"encoding/json"
	"net/http"
	"strings"

	"anthill/fault"
)

// ServeHTTP is the front: our own addresses, then the stages of APIs, then AWS's calls.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_anthill/reset" {
		s.serveReset(w, r)
		return
	}
	if ownMetrics(r) {
		s.mu.RLock()
		s.mu.house.functions.Settle()
		s.mu.RUnlock()
		s.c.metrics.handler.ServeHTTP(w, r)
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := s.mu.house
	if err := h.db.Err(); err != nil {
		serveFailed(w, err)
		return
	}
	if r.URL.Path == "/health" || r.URL.Path == "/_localstack/health" {
		s.serveHealth(w, h)
		return
	}
	h.ServeHTTP(w, r)
}

// ServeHTTP is the front without what is the server's: our own addresses, stages, function URLs, the registry, AWS's calls.
func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.profile != nil {
		h.hop(r)
	}
	if h.traces != nil {
		r = h.traces.begin(r)
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/_anthill/"):
		h.own.ServeHTTP(w, r)
	case h.proxy.Serves(r):
		h.counted("execute-api", h.proxy, w, r)
	case h.urls.Serves(r):
		h.counted("lambda-url", h.urls, w, r)
	case h.images.Serves(r):
		h.images.ServeHTTP(w, r)
	case h.s3.Serves(r):
		h.counted("s3", h.s3, w, r)
	default:
		h.api.ServeHTTP(w, r)
	}
}

// serveHealth answers what scripts wait for before they begin.
func (s *Server) serveHealth(w http.ResponseWriter, h *house) {
	services := map[string]string{}
	for _, door := range h.services {
		services[healthName(door.Model.Name)] = "running"
	}
	writeJSON(w, http.StatusOK, map[string]any{"status": "running", "version": Version, "build": build(), "edition": "anthill", "services": services})
}

// serveReset forgets everything. It waits for the requests that are under way.
func (s *Server) serveReset(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"message": "reset forgets everything: ask for it with POST"})
		return
	}
	if err := s.reset(r.Context()); err != nil {
		writeFault(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "reset"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(v) // the client may have gone
}

// writeFault answers a fault at one of our own addresses.
func writeFault(w http.ResponseWriter, err error) {
	f := fault.Of(err)
	status := http.StatusInternalServerError
	switch f.Kind {
	case fault.NotFound:
		status = http.StatusNotFound
	case fault.Invalid:
		status = http.StatusBadRequest
	case fault.Conflict:
		status = http.StatusConflict
	case fault.Full:
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]string{"message": f.Error()})
}

// healthName is a service as scripts that wait on /_localstack/health know it: by AWS's endpoint names.
func healthName(door string) string {
	if door == "sfn" {
		return "stepfunctions"
	}
	return door
}
