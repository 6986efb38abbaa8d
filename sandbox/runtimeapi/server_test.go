package runtimeapi

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// serve gives an api whose platform is the other end of a pipe.
func serve(t *testing.T) (url string, a *api, platform net.Conn) {
	ours, theirs := net.Pipe()
	l := &link{page: make([]byte, 4096)}
	l.mu.data = ours
	a = &api{l: l, memory: func() int64 { return 1 }, waits: make(chan *invocation, 1), x: newExtensions(nil), job: &Job{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go a.serve(listener)
	t.Cleanup(func() { theirs.Close(); listener.Close(); http.DefaultClient.CloseIdleConnections() })
	return "http://" + listener.Addr().String() + "/2018-06-01/runtime/", a, theirs
}

func head(fields ...string) []byte {
	h := strings.Join(fields, "\x00")
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(h))), h...)
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestOneInvocation(t *testing.T) {
	url, a, platform := serve(t)
	frames := make(chan [2]string, 4)
	go func() {
		r := bufio.NewReader(platform)
		for {
			kind, _, payload, err := readFrame(r)
			if err != nil {
				return
			}
			frames <- [2]string{string('0' + rune(kind)), string(payload[24:])}
		}
	}()
	a.invoke(1, append(head("id-1", "1700000000000", "arn:f", "trace", "", ""), `{"n":1}`...), false)
	r, err := http.Get(url + "invocation/next")
	if err != nil {
		t.Fatal(err)
	}
	event, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if string(event) != `{"n":1}` || r.Header.Get("Lambda-Runtime-Aws-Request-Id") != "id-1" ||
		r.Header.Get("Lambda-Runtime-Deadline-Ms") != "1700000000000" || r.Header.Get("Lambda-Runtime-Trace-Id") != "trace" {
		t.Errorf("next: %s %v", event, r.Header)
	}
	if _, ok := r.Header["Lambda-Runtime-Client-Context"]; ok {
		t.Error("an empty header was sent")
	}
	if f := <-frames; f[0] != "2" {
		t.Errorf("the first next did not end the init: frame %s", f)
	}
	for _, c := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"invocation/other/response", "1", 400, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`},
		{"invocation/id-1/response", `"done"`, 202, "{\"status\":\"OK\"}\n"},
		{"invocation/id-1/response", `"again"`, 400, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`},
		{"init/error", `{}`, 403, `{"errorMessage":"Transition from Ready to InitError is not allowed for Runtime","errorType":"InvalidStateTransition"}`},
	} {
		if status, says := post(t, url+c.path, c.body); status != c.status || says != c.says {
			t.Errorf("%s: %d %s, want %d %s", c.path, status, says, c.status, c.says)
		}
	}
	if f := <-frames; f != [2]string{"5", `"done"`} {
		t.Errorf("the outcome was %s", f)
	}
	if string(a.l.mu.kept[len(a.l.mu.kept)-6:]) != `"done"` {
		t.Error("the outcome is not kept")
	}
}

func TestTooLargeAResponse(t *testing.T) {
	url, a, platform := serve(t)
	go func() { _, _ = io.Copy(io.Discard, platform) }()
	a.invoke(1, head("big", "1", "", "", "", ""), false)
	r, err := http.Get(url + "invocation/next")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if status, says := post(t, url+"invocation/big/response", strings.Repeat("x", maxPayload+1)); status != 413 || !strings.Contains(says, "6291556 bytes") {
		t.Errorf("%d %s", status, says)
	}
}

// An invocation that the runtime had not asked for when it ended is given back, whether it came before the end or after.
func TestUntaken(t *testing.T) {
	_, a, platform := serve(t)
	frames := make(chan [2]uint64, 2)
	go func() {
		r := bufio.NewReader(platform)
		for {
			kind, number, _, err := readFrame(r)
			if err != nil {
				return
			}
			frames <- [2]uint64{uint64(kind), number}
		}
	}()
	a.invoke(1, head("before", "1", "", "", "", ""), false)
	a.end()
	a.invoke(2, head("after", "1", "", "", "", ""), false)
	for n := range uint64(2) {
		if f := <-frames; f != [2]uint64{frameUntaken, n + 1} {
			t.Errorf("frame %v, want invocation %d given back", f, n+1)
		}
	}
}

// Whatever a runtime asks and says, the API answers, the platform gets whole frames, and the next invocation is served.
func FuzzRuntimeAPI(f *testing.F) {
	f.Add("POST", "invocation/id/response", "Lambda-Runtime-Function-Response-Mode", "streaming", []byte("no JSON \xff"))
	f.Add("POST", "invocation/id/error", "Lambda-Runtime-Function-Error-Type", strings.Repeat("x", 100_000), []byte(`{"errorType":"a\u0000b"}`))
	f.Add("POST", "init/error", "", "", []byte("{"))
	f.Add("GET", "invocation/next", "A", "b", []byte{})
	f.Add("DELETE", "../..//invocation//", "", "", []byte{})
	f.Fuzz(func(t *testing.T, method, path, name, value string, body []byte) {
		ours, theirs := net.Pipe()
		l := &link{page: make([]byte, 4096)}
		l.mu.data = ours
		a := &api{l: l, memory: func() int64 { return 1 }, waits: make(chan *invocation, 1), x: newExtensions(nil), job: &Job{}}
		done := make(chan error)
		go func() {
			r := bufio.NewReader(theirs)
			for {
				if _, _, payload, err := readFrame(r); err != nil || len(payload) < 24 {
					done <- err
					return
				}
			}
		}()
		ask := func(method, path, name, value string, body []byte) *httptest.ResponseRecorder {
			r := &http.Request{Method: method, URL: &url.URL{Path: "/2018-06-01/runtime/" + path}, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}
			r.Header.Set(name, value)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			return w
		}
		a.invoke(1, head("id", "1", "", "", "", ""), false)
		ask("GET", "invocation/next", "", "", nil)
		ask(method, path, name, value, body)
		if a.busy() {
			ask("POST", "invocation/id/error", "", "", []byte("{}"))
		}
		a.invoke(2, append(head("next", "1", "", "", "", ""), "{}"...), false)
		if w := ask("GET", "invocation/next", "", "", nil); w.Body.String() != "{}" {
			t.Errorf("the next invocation is %d %s", w.Code, w.Body)
		}
		if w := ask("POST", "invocation/next/response", "", "", []byte("1")); w.Code != 202 {
			t.Errorf("its answer: %d %s", w.Code, w.Body)
		}
		ours.Close()
		if err := <-done; err != io.EOF {
			t.Errorf("the platform read %v", err)
		}
	})
}

func FuzzInvocation(f *testing.F) {
	f.Add(append(head("id", "1", "arn", "", "", ""), "{}"...))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, in []byte) {
		inv, err := parse(1, in)
		if err == nil && inv == nil {
			t.Error("neither an invocation nor an error")
		}
	})
}

// Extensions register while the init phase lasts, and go on without the APIs that are not there.
func TestRegistration(t *testing.T) {
	url, a, platform := serve(t)
	go func() { _, _ = io.Copy(io.Discard, platform) }()
	root := strings.TrimSuffix(url, "/2018-06-01/runtime/")
	ask := func(method, path, name, body string) string {
		t.Helper()
		r, err := http.NewRequest(method, root+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if name != "" {
			r.Header.Set("Lambda-Extension-Name", name)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Status[:4] + string(b)
	}
	const register = "/2020-01-01/extension/register"
	for _, c := range []struct{ method, path, name, body, want string }{
		{"PUT", "/2022-07-01/telemetry", "", "{}", `202 {"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}`},
		{"PUT", "/2020-08-15/logs", "", "{}", `202 {"errorMessage":"Logs API is not supported","errorType":"Logs.NotSupported"}`},
		{"POST", register, "", "{}", `403 {"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"}`},
		{"POST", register, "x", "no", `403 {"errorMessage":"invalid character 'o' in literal null (expecting 'u')","errorType":"InvalidRequestFormat"}`},
		{"POST", register, "x", `{"events":["SHUTDOWN"]}`, `403 {"errorMessage":"SHUTDOWN: event type is not supported","errorType":"Extension.InvalidEventType"}`},
	} {
		if got := ask(c.method, c.path, c.name, c.body); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
	a.invoke(1, head("id-1", "1", "arn:f", "", "", ""), false)
	r, err := http.Get(url + "invocation/next")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	const closed = `403 {"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}`
	if got := ask("POST", register, "late", `{"events":["INVOKE"]}`); got != closed {
		t.Errorf("after the init: %s", got)
	}
}
