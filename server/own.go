package server

import (
	"cmp"
	"context"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"anthill/api/lambda"
	"anthill/functions"
	"anthill/latency"
	"anthill/sandbox"
	"anthill/workflows"
)

// ownAddresses are what the platform serves beside AWS's APIs, for the measuring side:
//
//	GET /_anthill/invocations[?function=NAME][&since=NS][&limit=N] how each invocation was served
//	GET /_anthill/executions/{arn}/trace                           an execution with every instant
//	GET /_anthill/executions/{arn}/end[?within=10s]                its status, as soon as it has ended or that time has passed
//	GET /_anthill/platform                                         what it is: its version, and whether it adds delays on purpose
//	POST /_anthill/backup {"directory": "/new"}                  copies the data directory while the platform goes on
//	GET /_anthill/environments[?ended=NS]                          the execution environments that are alive, and those that ended after an instant
func (h *house) ownAddresses(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_anthill/backup", h.serveBackup(c.Data, c.Ephemeral))
	mux.HandleFunc("GET /_anthill/invocations", h.serveInvocations)
	mux.HandleFunc("GET /_anthill/environments", h.serveEnvironments)
	mux.HandleFunc("GET /_anthill/executions/{arn}/trace", h.serveTrace)
	mux.HandleFunc("GET /_anthill/executions/{arn}/end", h.serveEnd)
	mux.HandleFunc("GET /_anthill/platform", h.servePlatform)
	mux.Handle("GET "+lambda.CodePath, lambda.Packages(h.functions))
	return mux
}

// serveInvocations tells how the invocations of a function were served, or those of every function when none is named.
// since is in nanoseconds since 1970; account and region default to 000000000000 and us-east-1. With several functions
// the records come function by function.
func (h *house) serveInvocations(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	account, region := cmp.Or(q.Get("account"), "000000000000"), cmp.Or(q.Get("region"), "us-east-1")
	var since time.Time
	if ns, err := strconv.ParseInt(q.Get("since"), 10, 64); err == nil {
		since = time.Unix(0, ns)
	}
	limit, _ := strconv.Atoi(q.Get("limit"))
	var keys []functions.Key
	switch name := q.Get("function"); {
	case strings.HasPrefix(name, "arn:"): // arn:aws:lambda:REGION:ACCOUNT:function:NAME
		ref, err := functions.ParseRef(account, region, name, "")
		if err != nil {
			writeFault(w, err)
			return
		}
		keys = []functions.Key{ref.Key()}
	case name != "":
		name, _, _ = strings.Cut(name, ":")
		keys = []functions.Key{{Account: account, Region: region, Name: name}}
	default:
		for _, d := range h.functions.List(account, region, false) {
			keys = append(keys, d.Function.Key())
		}
	}
	out := []latency.Invocation{}
	for _, k := range keys {
		served, err := h.functions.Invocations(k, since, limit)
		if err != nil {
			writeFault(w, err)
			return
		}
		for _, s := range served {
			out = append(out, invocationOf(k, &s))
		}
	}
	writeJSON(w, http.StatusOK, out)
}

func invocationOf(k functions.Key, s *functions.Served) latency.Invocation {
	p := &s.Phases
	return latency.Invocation{
		RequestID: s.RequestID, TraceID: s.TraceID, FunctionName: k.Name, Version: s.Version, Start: latency.Start(s.Start), Method: s.Method, Environment: s.Environment,
		LogStream: s.LogStream, Error: s.ErrorType, Queue: s.Mode == functions.Queued, MemoryMB: s.MemoryMB, MaxMemoryMB: s.MaxMemoryMB,
		Arrived: p.Arrived, Queued: p.Queued, SpawnBegin: p.SpawnBegin, Spawned: p.Spawned, InitBegin: p.InitBegin,
		InitEnd: p.InitEnd, Sent: p.Sent, Entered: p.Entered, Returned: p.Returned, Received: p.Received,
	}
}

// serveTrace tells every instant of an execution.
func (h *house) serveTrace(w http.ResponseWriter, r *http.Request) {
	t, err := h.workflows.Trace(r.PathValue("arn"))
	if err != nil {
		writeFault(w, err)
		return
	}
	profile := ""
	if h.profile != nil {
		profile = h.profile.Name
	}
	writeJSON(w, http.StatusOK, struct {
		*workflows.Trace
		Profile string `json:"latencyProfile,omitempty"`
	}{t, profile})
}

// serveEnvironments lists the environments that are alive, and with ended, an instant in nanoseconds since 1970, those
// too that ended after it.
func (h *house) serveEnvironments(w http.ResponseWriter, r *http.Request) {
	var all []sandbox.Info
	if ns, err := strconv.ParseInt(r.URL.Query().Get("ended"), 10, 64); err == nil {
		all = append(h.lives.after(time.Unix(0, ns)), h.pool.Ended(time.Unix(0, ns))...)
	}
	writeJSON(w, http.StatusOK, append(all, h.pool.Environments()...))
}

// longestWait bounds how long serveEnd holds a request.
const longestWait = 25 * time.Second

// serveEnd answers when an execution has ended, so that a load test need not ask again and again.
func (h *house) serveEnd(w http.ResponseWriter, r *http.Request) {
	within, err := time.ParseDuration(cmp.Or(r.URL.Query().Get("within"), "10s"))
	if err != nil || within <= 0 {
		within = time.Nanosecond
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(within, longestWait))
	defer cancel()
	e, err := h.workflows.Wait(ctx, r.PathValue("arn"))
	if err != nil {
		writeFault(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": string(e.Status)})
}

// servePlatform says what the platform is, for the headings of reports.
func (h *house) servePlatform(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, latency.Platform{Name: "Anthill", Version: Version, CPUs: runtime.NumCPU(), Profile: h.profile})
}
