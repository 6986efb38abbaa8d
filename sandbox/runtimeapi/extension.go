package runtimeapi

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// extensions is the Extensions API, version 2020-01-01 (Lambda developer guide, "Using the Lambda Extensions API to create
// extensions"). External ones are programs of /opt/extensions that start before the runtime; internal ones are threads of
// the runtime's own process.
type extensions struct {
	mu struct {
		sync.Mutex
		all     map[string]*extension // by identifier
		closed  bool                  // the init phase is over: nobody registers any more
		changed chan struct{}         // closed and made anew when one has changed
	}
	expected []string // file names of the external ones, which must all register
}

type extension struct {
	name    string
	events  []string
	waiting bool // it has asked for its next event
	inbox   chan []byte
	failed  string // the error type that it reported
}

func newExtensions(expected []string) *extensions {
	x := &extensions{expected: expected}
	x.mu.all = map[string]*extension{}
	x.mu.changed = make(chan struct{})
	return x
}

// External lists the programs of dir that are extensions.
func External(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			names = append(names, e.Name())
		}
	}
	return names
}

func (x *extensions) changedLocked() {
	close(x.mu.changed)
	x.mu.changed = make(chan struct{})
}

// wait returns true once ok holds, and false when limit has passed before; 0 is no limit.
func (x *extensions) wait(limit time.Duration, ok func() bool) bool {
	var alarm <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		alarm = t.C
	}
	for {
		x.mu.Lock()
		done, changed := ok(), x.mu.changed
		x.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-alarm:
			return false
		}
	}
}

// registered reports whether every external extension has registered.
func (x *extensions) registeredLocked() bool {
	for _, name := range x.expected {
		if !x.hasLocked(name) {
			return false
		}
	}
	return true
}

func (x *extensions) hasLocked(name string) bool {
	for _, e := range x.mu.all {
		if e.name == name {
			return true
		}
	}
	return false
}

// readyLocked reports whether every extension waits for its next event.
func (x *extensions) readyLocked() bool {
	for _, e := range x.mu.all {
		if !e.waiting && e.failed == "" {
			return false
		}
	}
	return x.registeredLocked()
}

// settle waits for every extension to be done with its init or with the event before, and closes the registration.
func (x *extensions) settle() {
	x.wait(0, x.readyLocked)
	x.mu.Lock()
	x.mu.closed = true
	x.mu.Unlock()
}

// lines are what AWS logs of them when the init phase ends.
func (x *extensions) lines() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []string
	for _, e := range x.mu.all {
		all = append(all, fmt.Sprintf("EXTENSION\tName: %s\tState: Ready\tEvents: [%s]\n", e.name, strings.Join(e.events, ", ")))
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// tell gives an event to every extension that wants it.
func (x *extensions) tell(kind string, event any) {
	b, err := json.Marshal(event)
	if err != nil {
		panic(err) // our own structs always marshal
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.mu.all {
		if slices.Contains(e.events, kind) {
			e.waiting = false
			select {
			case e.inbox <- b:
			default: // it never took the one before
			}
		}
	}
}

type tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

func (x *extensions) invoke(inv *invocation) {
	ms, _ := strconv.ParseInt(inv.deadline, 10, 64) // the platform writes a number
	x.tell("INVOKE", struct {
		Type     string  `json:"eventType"`
		Deadline int64   `json:"deadlineMs"`
		ID       string  `json:"requestId"`
		ARN      string  `json:"invokedFunctionArn"`
		Tracing  tracing `json:"tracing"`
	}{"INVOKE", ms, inv.id, inv.arn, tracing{"X-Amzn-Trace-Id", inv.trace}})
}

// shutdown tells the end and waits until every extension that wanted to know has gone or asked on, for limit at most.
func (x *extensions) shutdown(reason string, limit time.Duration) {
	x.mu.Lock()
	n := 0
	for _, e := range x.mu.all {
		if slices.Contains(e.events, "SHUTDOWN") {
			n++
		}
	}
	x.mu.Unlock()
	if n == 0 {
		return
	}
	x.tell("SHUTDOWN", struct {
		Type     string `json:"eventType"`
		Reason   string `json:"shutdownReason"`
		Deadline int64  `json:"deadlineMs"`
	}{"SHUTDOWN", reason, time.Now().Add(limit).UnixMilli()})
}

// serve answers a request to the API. what is the path behind /2020-01-01/extension/.
func (x *extensions) serve(w http.ResponseWriter, r *http.Request, what string, job *Job) {
	if what == "register" && r.Method == http.MethodPost {
		x.register(w, r, job)
		return
	}
	id := r.Header.Get("Lambda-Extension-Identifier")
	x.mu.Lock()
	e := x.mu.all[id]
	x.mu.Unlock()
	switch {
	case id == "":
		refuse(w, http.StatusForbidden, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
	case e == nil:
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
	case what == "event/next" && r.Method == http.MethodGet:
		x.next(w, r, e)
	case (what == "init/error" || what == "exit/error") && r.Method == http.MethodPost:
		kind := r.Header.Get("Lambda-Extension-Function-Error-Type")
		if kind == "" {
			refuse(w, http.StatusForbidden, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
			return
		}
		x.mu.Lock()
		e.failed = kind
		x.changedLocked()
		x.mu.Unlock()
		accept(w)
	default:
		http.NotFound(w, r)
	}
}

func (x *extensions) register(w http.ResponseWriter, r *http.Request, job *Job) {
	name := r.Header.Get("Lambda-Extension-Name")
	var body struct {
		Events []string `json:"events"`
	}
	if name == "" {
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name")
		return
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&body); err != nil {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", err.Error())
		return
	}
	external := slices.Contains(x.expected, name)
	for _, event := range body.Events {
		if event != "INVOKE" && (event != "SHUTDOWN" || !external) {
			refuse(w, http.StatusForbidden, "Extension.InvalidEventType", event+": event type is not supported")
			return
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.mu.closed:
		refuse(w, http.StatusForbidden, "Extension.RegistrationClosed", "Extension registration closed already")
	case x.hasLocked(name):
		refuse(w, http.StatusForbidden, "Extension.AlreadyRegistered", "Extension with this name already registered")
	case len(x.mu.all) >= 10:
		refuse(w, http.StatusForbidden, "Extension.TooManyExtensions", "Extension limit (10) reached")
	default:
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		h := hex.EncodeToString(b[:])
		id := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		x.mu.all[id] = &extension{name: name, events: body.Events, inbox: make(chan []byte, 1)}
		x.changedLocked()
		w.Header().Set("Lambda-Extension-Identifier", id)
		w.Header().Set("Content-Type", "application/json")
		answer := map[string]string{"functionName": job.value("AWS_LAMBDA_FUNCTION_NAME"), "functionVersion": job.value("AWS_LAMBDA_FUNCTION_VERSION"), "handler": job.value("_HANDLER")}
		if strings.Contains(r.Header.Get("Lambda-Extension-Accept-Feature"), "accountId") {
			answer["accountId"] = job.Account
		}
		_ = json.NewEncoder(w).Encode(answer) // one that went away does not ask for work
	}
}

func (x *extensions) next(w http.ResponseWriter, r *http.Request, e *extension) {
	x.mu.Lock()
	e.waiting = len(e.inbox) == 0
	x.changedLocked()
	x.mu.Unlock()
	select {
	case event := <-e.inbox:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Extension-Event-Identifier", strconv.FormatInt(time.Now().UnixNano(), 16))
		_, _ = w.Write(event) // one that went away is not waited for
	case <-r.Context().Done():
	}
}

// failure gives the error type that an extension reported, "" when none did.
func (x *extensions) failure() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.mu.all {
		if e.failed != "" {
			return e.failed
		}
	}
	return ""
}

// value is a variable of the job's environment.
func (j *Job) value(name string) string {
	for _, v := range j.Env {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			return rest
		}
	}
	return ""
}

// withheld are the variables of the runtime that extensions do not get (developer guide, "Extensions API", "Accessing
// environment variables").
var withheld = [...]string{"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
	"AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER"}

func extensionEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(withheld[:], name)
	})
}

func (x *extensions) len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.mu.all)
}

// none closes the registration when nobody has registered, and reports whether that is so.
func (x *extensions) none() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.mu.all) > 0 {
		return false
	}
	x.mu.closed = true
	return true
}
