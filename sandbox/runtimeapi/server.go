package runtimeapi

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxPayload is AWS's limit for a response: 6 MiB and 100 bytes.
const maxPayload = 6*1024*1024 + 100

// maxKind is how long the name of an error is told; its object has it whole.
const maxKind = 1024

// invocation is what the runtime works on.
type invocation struct {
	number   uint64
	id       string
	deadline string
	arn      string
	trace    string
	client   string
	identity string
	event    []byte
	frame    []byte // as it came
	streamed bool   // somebody wants its answer piece by piece
	entered  int64
}

// api serves one runtime.
type api struct {
	l      *link
	begin  atomic.Int64 // of init
	word   chan []byte  // for a runtime that waits
	memory func() int64 // of the runtime, KiB
	waits  chan *invocation
	job    *Job
	x      *extensions
	relay  *relay // when the runtime speaks frames

	mu struct {
		sync.Mutex
		ready   bool
		current *invocation // handed out and not answered
		ended   bool        // the runtime has
		askers  []*talk     // that wait for an invocation, in the order of their asking
		used    int64       // as memory said at askedAt
		askedAt time.Time
	}
}

// invoke takes an invocation from the platform.
func (a *api) invoke(number uint64, payload []byte, streamed bool) {
	inv, err := parse(number, payload)
	if err != nil {
		return // the platform's frames are well-formed
	}
	inv.streamed = streamed
	a.l.mu.Lock()
	a.l.mu.id = inv.id
	a.l.mu.Unlock()
	ms, _ := strconv.ParseInt(inv.deadline, 10, 64) // the platform writes a number
	a.l.running(number, ms, inv.id)
	if n := a.x.len(); n > 0 {
		a.x.settle() // the invocation before ends when its extensions are done
		a.x.invoke(inv)
	}
	if a.relay == nil {
		a.take(inv)
		return
	}
	a.mu.Lock()
	a.mu.current = inv
	a.mu.Unlock()
	if a.relay.invoke(inv) != nil { // its end is told by itself
		a.giveBack()
	}
}

// take has the invocation wait for the runtime to ask for it. One that has ended never will.
func (a *api) take(inv *invocation) {
	a.mu.Lock()
	if a.mu.ended {
		a.l.say(encode(frameUntaken, inv.number))
		a.mu.Unlock()
		return
	}
	t := a.askerLocked(inv)
	if t == nil {
		a.waits <- inv // has room: the platform sends one at a time
		a.mu.Unlock()
		return
	}
	given := t.given
	t.given = nil
	a.mu.Unlock()
	give := func() {
		_ = t.give(inv) // its connection's end is told by reading it
		if given != nil {
			close(given)
		}
	}
	if len(inv.event) > small {
		go give() // it ends with the connection
		return
	}
	give()
}

// beginLocked ends the init phase when a runtime asks for its first invocation.
func (a *api) beginLocked() {
	if !a.mu.ready {
		a.mu.ready = true
		a.ready(encode(frameInitDone, 0, stamps(a.begin.Load(), time.Now().UnixNano(), a.memory())))
	}
}

// used is the most memory that the runtime has had, in KiB, after it ran for so many nanoseconds. The kernel takes longer to
// say than a short handler does to run, and one that runs for less than a millisecond takes little: it is asked now and then.
func (a *api) used(ran int64) int64 {
	a.mu.Lock()
	used, fresh := a.mu.used, time.Since(a.mu.askedAt) < 100*time.Millisecond
	a.mu.Unlock()
	if fresh && time.Duration(ran) < time.Millisecond {
		return used
	}
	used = a.memory()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.used, a.mu.askedAt = used, time.Now()
	return used
}

// giveBack says that the runtime never saw the invocation that it was handed.
func (a *api) giveBack() {
	a.mu.Lock()
	inv := a.mu.current
	a.mu.current = nil
	a.mu.Unlock()
	if inv != nil {
		a.l.say(encode(frameUntaken, inv.number))
	}
}

// ready passes on that the init phase has ended, once the extensions have ended theirs.
func (a *api) ready(initDone []byte) {
	done := func() {
		a.l.state(stateIdle)
		a.l.say(initDone)
	}
	if a.x.none() && len(a.x.expected) == 0 {
		done()
		return
	}
	go func() { // it ends with the process
		a.x.settle()
		fmt.Print(a.x.lines())
		done()
	}()
}

// fail says that the init phase failed, or the invocation.
func (a *api) fail(kind, message string) {
	object, _ := json.Marshal(struct { // two strings always marshal
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{kind, message})
	a.mu.Lock()
	inv, ready := a.mu.current, a.mu.ready
	a.mu.Unlock()
	if ready && inv != nil {
		a.answer(inv, time.Now().UnixNano(), kind, object)
		return
	}
	a.l.say(encode(frameInitError, 0, stamps(a.begin.Load(), time.Now().UnixNano(), a.memory()), object))
}

// end says that the runtime has ended. An invocation that it never asked for may be given to another.
func (a *api) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.ended = true
	select {
	case inv := <-a.waits:
		a.l.say(encode(frameUntaken, inv.number))
	default:
	}
}

// busy reports whether an invocation runs.
func (a *api) busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.current != nil
}

func parse(number uint64, payload []byte) (*invocation, error) {
	if len(payload) < 2 {
		return nil, fmt.Errorf("short invocation")
	}
	n := int(binary.BigEndian.Uint16(payload))
	if len(payload) < 2+n {
		return nil, fmt.Errorf("short invocation")
	}
	f := bytes.SplitN(payload[2:2+n], []byte{0}, 6)
	if len(f) != 6 {
		return nil, fmt.Errorf("an invocation's head has %d fields", len(f))
	}
	return &invocation{number: number, id: string(f[0]), deadline: string(f[1]), arn: string(f[2]), trace: string(f[3]),
		client: string(f[4]), identity: string(f[5]), event: payload[2+n:], frame: payload}, nil
}

// ServeHTTP is the Runtime API, version 2018-06-01.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if what, ok := strings.CutPrefix(r.URL.Path, "/2020-01-01/extension/"); ok {
		a.x.serve(w, r, what, a.job)
		return
	}
	// AWS documents 202 as the answer of an environment for tests; extensions go on without it (developer guide, "Telemetry API
	// reference").
	switch r.URL.Path {
	case "/2022-07-01/telemetry":
		refuse(w, http.StatusAccepted, "Telemetry.NotSupported", "Telemetry API is not supported")
		return
	case "/2020-08-15/logs":
		refuse(w, http.StatusAccepted, "Logs.NotSupported", "Logs API is not supported")
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/2018-06-01/runtime/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	id, what := "", path
	if rest, ok := strings.CutPrefix(path, "invocation/"); ok && rest != "next" {
		id, what, _ = strings.Cut(rest, "/")
	}
	switch {
	case path == "invocation/next" && r.Method == http.MethodGet:
		a.next(w, r)
	case id != "" && what == "response" && r.Method == http.MethodPost:
		a.response(w, r, id)
	case id != "" && what == "error" && r.Method == http.MethodPost:
		a.failure(w, r, id)
	case path == "init/error" && r.Method == http.MethodPost:
		a.initError(w, r)
	default:
		http.NotFound(w, r)
	}
}

// next gives the runtime its next invocation. The first call ends the init phase.
func (a *api) next(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.beginLocked()
	inv := a.mu.current // a runtime that asks again without an answer gets the same one
	a.mu.Unlock()
	if inv == nil {
		a.l.asking(true)
		defer a.l.asking(false)
		select {
		case inv = <-a.waits:
		case <-r.Context().Done():
			return
		}
		if r.Context().Err() != nil { // it went away in the same moment: the next who asks gets it
			a.take(inv)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", inv.deadline)
	h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.arn)
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	set("Lambda-Runtime-Trace-Id", inv.trace)
	set("Lambda-Runtime-Client-Context", inv.client)
	set("Lambda-Runtime-Cognito-Identity", inv.identity)
	h.Set("Content-Length", strconv.Itoa(len(inv.event)))
	inv.entered = time.Now().UnixNano()
	a.mu.Lock()
	a.mu.current = inv
	a.mu.Unlock()
	_, _ = w.Write(inv.event) // a runtime that went away ends the environment
}

// answered takes the invocation that id names, nil if that does not wait for an answer.
func (a *api) answered(id string) *invocation {
	a.mu.Lock()
	defer a.mu.Unlock()
	inv := a.mu.current
	if inv == nil || inv.id != id {
		return nil
	}
	a.mu.current = nil
	return inv
}

// answerable is answered for net/http.
func (a *api) answerable(w http.ResponseWriter, id string) *invocation {
	inv := a.answered(id)
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
	}
	return inv
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(refusal(kind, message))
}

func refusal(kind, message string) []byte {
	b, _ := json.Marshal(map[string]string{"errorMessage": message, "errorType": kind}) // two strings always marshal
	return b
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(accepted)
}

var (
	accepted  = []byte("{\"status\":\"OK\"}\n")
	truncated = []byte(`{"errorType":"Runtime.TruncatedResponse","errorMessage":"Response body is truncated"}`)
)

func (a *api) response(w http.ResponseWriter, r *http.Request, id string) {
	mode := r.Header.Get("Lambda-Runtime-Function-Response-Mode")
	if mode != "" && mode != "streaming" {
		refuse(w, http.StatusBadRequest, "Runtime.InvalidResponseModeHeader", "Invalid response mode "+mode)
		return
	}
	if mode == "streaming" && a.wantsPieces(id) {
		a.stream(w, r, id)
		return
	}
	returned := time.Now().UnixNano()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	inv := a.answerable(w, id)
	if inv == nil {
		return
	}
	switch {
	case len(body) > maxPayload:
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxPayload))
		_, _ = io.Copy(io.Discard, r.Body)
	case err != nil:
		a.answer(inv, returned, "Runtime.TruncatedResponse", truncated)
		return
	}
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" { // a stream that broke
		object, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		if err == nil {
			a.answer(inv, returned, kind, object)
			accept(w)
			return
		}
	}
	a.l.keep(encode(frameResponse, inv.number, stamps(inv.entered, returned, a.used(returned-inv.entered)), body))
	if len(body) <= maxPayload {
		accept(w)
	}
}

func (a *api) failure(w http.ResponseWriter, r *http.Request, id string) {
	returned := time.Now().UnixNano()
	object, _ := io.ReadAll(io.LimitReader(r.Body, maxPayload)) // what came is what the runtime had to say
	inv := a.answerable(w, id)
	if inv == nil {
		return
	}
	a.answer(inv, returned, errorType(r, object), object)
	accept(w)
}

// answer gives the platform an error. Its kind is a name, which the frame ends with a NUL.
func (a *api) answer(inv *invocation, returned int64, kind string, object []byte) {
	kind, _, _ = strings.Cut(kind, "\x00")
	kind = kind[:min(len(kind), maxKind)]
	a.l.keep(encode(frameFailure, inv.number, stamps(inv.entered, returned, a.memory()), []byte(kind), []byte{0}, object))
}

func (a *api) initError(w http.ResponseWriter, r *http.Request) {
	object, _ := io.ReadAll(io.LimitReader(r.Body, maxPayload))
	a.mu.Lock()
	ready := a.mu.ready
	a.mu.ready = true
	a.mu.Unlock()
	if ready {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "Transition from Ready to InitError is not allowed for Runtime")
		return
	}
	if len(object) == 0 {
		object = []byte(`{"errorType":"` + errorType(r, object) + `","errorMessage":""}`)
	}
	a.l.say(encode(frameInitError, 0, stamps(a.begin.Load(), time.Now().UnixNano(), a.memory()), object))
	accept(w)
}

// errorType is the error's name: the object's own, or the header's.
func errorType(r *http.Request, object []byte) string {
	var o struct {
		ErrorType string `json:"errorType"`
	}
	if json.Unmarshal(object, &o) == nil && o.ErrorType != "" {
		return o.ErrorType
	}
	if t := r.Header.Get("Lambda-Runtime-Function-Error-Type"); t != "" {
		return t
	}
	return "Runtime.Unknown"
}
