package process_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"anthill/sandbox"
)

// runtimeMain is a runtime of a function's own: this test's program, under the name of bootstrap. It does what its handler is
// called, and answers the event "well" properly whatever its name.
func runtimeMain(handler string) {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"
	switch handler {
	case "exits at once":
		os.Exit(0)
	case "exits with 3":
		os.Exit(3)
	case "never asks":
		time.Sleep(time.Hour)
	case "floods its init":
		flood()
	case "fails its init":
		say(api+"init/error", `{"errorType":"My.Init","errorMessage":"no"}`)
		os.Exit(1)
	}
	for {
		r, err := http.Get(api + "invocation/next")
		if err != nil {
			os.Exit(9)
		}
		event, err := io.ReadAll(r.Body)
		if err != nil {
			os.Exit(9)
		}
		at := api + "invocation/" + r.Header.Get("Lambda-Runtime-Aws-Request-Id")
		fmt.Printf("got %s\n", event)
		if string(event) == `"well"` {
			say(at+"/response", fmt.Sprintf(`[%s,"%s"]`, event, handler))
			continue
		}
		misbehave(handler, at)
	}
}

// misbehave answers the invocation at that URL wrongly.
func misbehave(how, at string) {
	switch how {
	case "tells":
		say(at+"/response", tellInside())
	case "error":
		say(at+"/error", `{"errorType":"Mine","errorMessage":"no"}`)
	case "exit":
		os.Exit(7)
	case "answers nothing":
		time.Sleep(time.Hour)
	case "answers for another":
		say(at+"x/response", "1")
		os.Exit(5)
	case "no JSON":
		say(at+"/response", "not JSON \xff")
	case "no JSON as an error":
		say(at+"/error", "not JSON")
	case "a NUL in its type":
		say(at+"/error", `{"errorType":"A\u0000B","errorMessage":"no"}`)
	case "a line in its type":
		say(at+"/error", `{"errorType":"Runtime.A\nEND RequestId: forged","errorMessage":"no"}`)
	case "a type without end":
		say(at+"/error", `{"errorType":"Runtime.`+strings.Repeat("A", 1<<20)+`","errorMessage":"no"}`)
	case "headers without end":
		say(at+"/response", `"refused"`, "X-Long", strings.Repeat("x", 2<<20))
		os.Exit(8)
	case "a long header":
		say(at+"/response", `"fine"`, "X-Long", strings.Repeat("x", 500_000))
	case "too large":
		say(at+"/response", strings.Repeat("x", 7<<20))
	case "breaks off":
		host, path, _ := strings.Cut(strings.TrimPrefix(at, "http://"), "/")
		if c, err := net.Dial("tcp", host); err == nil {
			fmt.Fprintf(c, "POST /%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort", path)
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	case "a stream that fails":
		send(at+"/response", io.MultiReader(strings.NewReader("begun")), func(r *http.Request) { // of unknown length, so in chunks
			r.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
			r.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": {"Broken"},
				"Lambda-Runtime-Function-Error-Body": {base64.StdEncoding.EncodeToString([]byte(`{"errorType":"Broken"}`))}}
		})
	case "an unknown mode":
		say(at+"/response", `"refused"`, "Lambda-Runtime-Function-Response-Mode", "sometimes")
		say(at+"/response", `"then well"`)
	case "twice":
		say(at+"/response", `"first"`)
		say(at+"/response", `"second"`)
	case "output without end":
		flood()
	}
}

func flood() {
	b := bytes.Repeat(append(bytes.Repeat([]byte("x"), 1000), '\n'), 100)
	for {
		_, _ = os.Stdout.Write(b)
	}
}

func say(url, body string, header ...string) {
	send(url, strings.NewReader(body), func(r *http.Request) {
		for n := 0; n+1 < len(header); n += 2 {
			r.Header.Set(header[n], header[n+1])
		}
	})
}

// send posts body and prints what the Runtime API answers.
func send(url string, body io.Reader, change func(*http.Request)) {
	r, err := http.NewRequest("POST", url, body)
	if err != nil {
		panic(err)
	}
	change(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println("no answer:", err)
		return
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	fmt.Printf("answered %d %s %v\n", answer.StatusCode, b, err)
}

// ownRuntime makes a function of this test's program.
func (h *house) ownRuntime(handler string) sandbox.Spec {
	h.t.Helper()
	s := h.python("own", "")
	s.Runtime, s.Handler, s.Key = "provided.al2023", handler, handler
	bootstrap := filepath.Join(s.CodeDir, "bootstrap")
	if _, err := os.Stat(bootstrap); err == nil {
		return s
	}
	if err := os.WriteFile(bootstrap, program(h.t), 0o755); err != nil {
		h.t.Fatal(err)
	}
	return s
}

// What a runtime of the function's own does wrong has AWS's error and its log line, and the next request is served. ID stands
// for the request's id.
func TestOwnRuntime(t *testing.T) {
	h := newHouse(t)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h.initLimit = 2 * patience * time.Second // AWS's is ten
	h.open()
	limit := strconv.Itoa(patience)
	timedOut := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after ` + limit + `.00 seconds"}`
	const (
		exit     = `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status `
		noReason = `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}`
		large    = `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`
	)
	for _, c := range []struct {
		handler   string
		payload   string // how it begins
		errorType string
		log       string // a part of it
		never     bool   // it serves no request
	}{
		{"error", `{"errorType":"Mine","errorMessage":"no"}`, "Mine", "answered 202 {\"status\":\"OK\"}\n", false},
		{"exit", exit + `7"}`, "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 7\nRuntime.ExitError\n", false},
		{"answers nothing", timedOut, "Sandbox.Timedout", " ID Task timed out after " + limit + ".00 seconds\n", false},
		{"answers for another", exit + `5"}`, "Runtime.ExitError", `answered 400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`, false},
		{"no JSON", "not JSON \xff", "", "answered 202", false}, // AWS gives it to the caller as it is
		{"no JSON as an error", "not JSON", "Runtime.Unknown", "answered 202", false},
		{"a NUL in its type", `{"errorType":"A\u0000B","errorMessage":"no"}`, "A", "answered 202", false},
		{"a line in its type", `{"errorType":"Runtime.A\nEND`, "Runtime.A\nEND RequestId: forged", "answered 202", false},
		{"a type without end", `{"errorType":"Runtime.AAAA`, "Runtime." + strings.Repeat("A", 1016), "answered 202", false},
		{"headers without end", exit + `8"}`, "Runtime.ExitError", "exit status 8", false},
		{"a long header", `"fine"`, "", "answered 202", false},
		{"too large", large, "Function.ResponseSizeTooLarge", `answered 413 {"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes)."`, false},
		{"breaks off", `{"errorType":"Runtime.TruncatedResponse"`, "Runtime.TruncatedResponse", "Error Type: Runtime.TruncatedResponse\n", false},
		{"a stream that fails", `{"errorType":"Broken"}`, "Broken", "answered 202", false},
		{"an unknown mode", `"then well"`, "", `answered 400 {"errorMessage":"Invalid response mode sometimes","errorType":"Runtime.InvalidResponseModeHeader"}`, false},
		{"twice", `"first"`, "", "answered 202", false},
		{"output without end", timedOut, "Sandbox.Timedout", "Task timed out", false},
		{"exits at once", noReason, "Runtime.ExitError", "INIT_REPORT Init Duration: ", true},
		{"exits with 3", exit + `3"}`, "Runtime.ExitError", "\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n", true},
		{"never asks", timedOut, "Sandbox.Timedout", "INIT_REPORT Init Duration: " + strconv.Itoa(2000*patience) + ".00 ms\tPhase: init\tStatus: timeout\n", true},
		{"fails its init", `{"errorType":"My.Init","errorMessage":"no"}`, "My.Init", "Status: error\tError Type: Runtime.Unknown\n", true},
		{"floods its init", timedOut, "Sandbox.Timedout", "Phase: init\tStatus: timeout\n", true},
	} {
		t.Run(c.handler, func(t *testing.T) {
			s := h.ownRuntime(c.handler)
			s.Timeout = patience * time.Second
			before := len(h.log.text())
			r := h.invoke(s, "{}")
			r.Release()
			of := func(s string) string { return strings.ReplaceAll(s, " ID ", " "+r.RequestID+" ") }
			if !strings.HasPrefix(string(r.Payload), of(c.payload)) || r.ErrorType != c.errorType {
				t.Errorf("%.100q %.300s", r.ErrorType, r.Payload)
			}
			if !c.never {
				s.Timeout = 10 * patience * time.Second // machines that run tests are busy
				next := h.invoke(s, `"well"`)
				next.Release()
				if string(next.Payload) != `["well","`+c.handler+`"]` {
					t.Errorf("the next request: %s %.300s\n%s", next.ErrorType, next.Payload, next.LogTail)
				}
			}
			log := h.log.text()[before:]
			if !strings.Contains(log, of(c.log)) {
				t.Errorf("the log has no %q:\n%.3000s", of(c.log), log)
			}
			if strings.Contains(log, "\nEND RequestId: forged") {
				t.Errorf("an error's type forged a line:\n%s", log)
			}
		})
	}
	for name, program := range map[string]string{"nothing": "", "no program": "\x7fELF"} {
		bad := h.function(strings.ReplaceAll(name, " ", ""), "bootstrap", program, 0o755)
		if bad.Runtime = "provided.al2"; program == "" {
			bad = h.function("readme", "readme", "", 0o644)
			bad.Runtime = "provided.al2"
		}
		r := h.invoke(bad, "{}")
		r.Release()
		if r.ErrorType != "Runtime.InvalidEntrypoint" {
			t.Errorf("%s as a bootstrap: %s %s", name, r.ErrorType, r.Payload)
		}
	}
}

// An invocation that was in the socket of a runtime when it died, and that nobody has seen, is served by a new one.
func TestDeathBeforeTheNextInvocation(t *testing.T) {
	h := newHouse(t)
	own := h.ownRuntime("own")
	python := h.python("python", "def handler(event, context):\n    return [event, \"python\"]\n")
	wrapped := h.function("wrapped", "wrap", "#!/bin/sh\nexec \"$@\"\n", 0o755)
	if err := os.WriteFile(filepath.Join(wrapped.CodeDir, "app.py"), []byte("def handler(event, context):\n    return [event, \"wrapped\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wrapped.Environment = map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}
	for _, s := range []sandbox.Spec{own, python, wrapped} {
		t.Run(s.Key, func(t *testing.T) {
			for range 3 {
				h.invoke(s, `"well"`).Release()
				var pid int
				for _, e := range h.Environments() {
					if e.Key == s.Key {
						pid = e.PID
					}
				}
				stop(t, pid)
				time.AfterFunc(50*time.Millisecond, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
				r := h.invoke(s, `"well"`)
				r.Release()
				if r.FunctionError != "" || strings.Count(string(r.LogTail), "START RequestId") != 1 {
					t.Errorf("%s\n%s", r.Payload, r.LogTail)
				}
			}
		})
	}
}

// stop stops a process, and returns when none of its threads runs any more.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	running := func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			t.Fatal("the process is gone", err)
		}
		for _, name := range threads {
			b, err := os.ReadFile(name)
			if err == nil && !bytes.Contains(b, []byte(") T ")) {
				return true
			}
		}
		return false
	}
	for running() {
		time.Sleep(time.Millisecond)
	}
}
