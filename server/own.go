package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"anthill/api/lambda"
	"anthill/fault"
	"anthill/functions"
	"anthill/latency"
)

// ownAddresses are what the platform serves beside AWS's APIs, for the measuring side:
//
//	GET /_anthill/invocations?function=NAME[&since=NS][&limit=N]   how each invocation was served
//	GET /_anthill/executions/{arn}/trace                           an execution with every instant
//	GET /_anthill/environments                                     the execution environments that are alive
func (h *house) ownAddresses() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_anthill/invocations", h.serveInvocations)
	mux.HandleFunc("GET /_anthill/environments", h.serveEnvironments)
	mux.HandleFunc("GET /_anthill/executions/{arn}/trace", h.serveTrace)
	mux.Handle("GET "+lambda.CodePath, lambda.Packages(h.functions))
	return mux
}

// serveInvocations tells how the invocations of a function were served. since is in nanoseconds since 1970; account and
// region default to 000000000000 and us-east-1.
func (h *house) serveInvocations(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name := q.Get("function")
	if name == "" {
		writeFault(w, fault.Invalidf("server.invocations", "request", "say which function: ?function=NAME"))
		return
	}
	k := functions.Key{Account: or(q.Get("account"), "000000000000"), Region: or(q.Get("region"), "us-east-1"), Name: name}
	if strings.HasPrefix(name, "arn:") { // arn:aws:lambda:REGION:ACCOUNT:function:NAME
		if p := strings.Split(name, ":"); len(p) >= 7 {
			k = functions.Key{Account: p[4], Region: p[3], Name: p[6]}
		}
	}
	var since time.Time
	if ns, err := strconv.ParseInt(q.Get("since"), 10, 64); err == nil {
		since = time.Unix(0, ns)
	}
	limit, _ := strconv.Atoi(q.Get("limit"))
	served, err := h.functions.Invocations(k, since, limit)
	if err != nil {
		writeFault(w, err)
		return
	}
	out := make([]latency.Invocation, len(served))
	for i, s := range served {
		out[i] = latency.Invocation{
			RequestID: s.RequestID, TraceID: s.TraceID, FunctionName: k.Name, Version: s.Version, Start: latency.Start(s.Start), Method: s.Method, Environment: s.Environment,
			LogStream: s.LogStream, Error: s.ErrorType, Queued: s.Phases.Queued, SpawnBegin: s.Phases.SpawnBegin, InitBegin: s.Phases.InitBegin,
			InitEnd: s.Phases.InitEnd, Sent: s.Phases.Sent, Entered: s.Phases.Entered, Returned: s.Phases.Returned, Received: s.Phases.Received,
		}
	}
	writeJSON(w, http.StatusOK, out)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// serveTrace tells every instant of an execution.
func (h *house) serveTrace(w http.ResponseWriter, r *http.Request) {
	t, err := h.workflows.Trace(r.PathValue("arn"))
	if err != nil {
		writeFault(w, err)
		return
	}
	writeJSON(w, http.StatusOK, t)
}

func (h *house) serveEnvironments(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, h.pool.Environments())
}
