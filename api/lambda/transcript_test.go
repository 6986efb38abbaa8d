package lambda_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"anthill/api"
	"anthill/api/lambda"
	"anthill/api/protocol"
	"anthill/blobs"
	"anthill/functions"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
	"anthill/store"
)

var update = flag.Bool("update", false, "write the answers that there are into testdata")

// serve makes the door over real lower rooms on a memory disk.
func serve(t *testing.T) http.Handler {
	t.Helper()
	db, e1 := disk.Open("db", disk.Options{FS: disk.NewMemory()})
	if e1 != nil {
		t.Fatal(e1)
	}
	bytes, e2 := blobs.Open("blobs", disk.NewMemory(), db)
	pool, e3 := sandbox.Open(context.Background(), sandbox.Config{Driver: sandboxtest.New(map[string]sandboxtest.Func{
		"app.echo": func(_ context.Context, event []byte) ([]byte, error) { return event, nil },
		"app.fail": func(context.Context, []byte) ([]byte, error) {
			return nil, &sandboxtest.Error{Type: "ValueError", Message: "no"}
		},
		"app.exit": func(context.Context, []byte) ([]byte, error) { panic(sandboxtest.Exit(3)) },
	})})
	if err := errors.Join(e2, e3); err != nil {
		t.Fatal(err)
	}
	f, err := functions.Open(context.Background(), functions.Config{Store: store.Open(db), History: history.Open(db), Blobs: bytes, Pool: pool, Dir: t.TempDir(), Architecture: "x86_64"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), pool.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	urls := functions.NewURLProxy(f, functions.URLConfig{})
	door := api.New(api.Config{Services: []*protocol.Service{lambda.New(f).Service()}, Fallback: lambda.Packages(f)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if urls.Serves(r) {
			urls.ServeHTTP(w, r)
			return
		}
		door.ServeHTTP(w, r)
	})
}

// TestTranscripts plays testdata/*.http: a request is a line "METHOD /path", header lines "Name: value", and a body after
// an empty line; what follows "---" is the answer. A line "wait" lets a second pass. In requests ZIP(name=text) is a zip
// file in base64, and <name> what an earlier answer was found to hold. What differs from run to run is numbered.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				p := player{t: t, h: serve(t)}
				got := p.play(string(raw))
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				if want := string(raw); got != want {
					t.Errorf("%s differs; go test ./api/lambda -update writes it anew\n%s", file, firstDifference(want, got))
				}
			})
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\nwant %s\ngot  %s", i+1, w[i], g[i])
		}
	}
	return "one is longer"
}

type player struct {
	t     *testing.T
	h     http.Handler
	names []string // texts that differ from run to run, in the order of their numbers
}

func (p *player) play(script string) string {
	var out strings.Builder
	for block := range strings.SplitSeq(script, "\n=====\n") {
		request, _, _ := strings.Cut(block, "\n---\n")
		request = strings.TrimRight(request, "\n")
		if out.Len() > 0 {
			out.WriteString("=====\n")
		}
		out.WriteString(request + "\n")
		var lines []string
		for line := range strings.Lines(request) {
			if strings.TrimSpace(line) == "wait" {
				time.Sleep(time.Second)
				continue
			}
			if !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
		out.WriteString("---\n" + p.ask(strings.Join(lines, "")))
	}
	return out.String()
}

var zipText = regexp.MustCompile(`ZIP\(([^=)]*)=([^)]*)\)`)

// ask sends one request and prints the answer.
func (p *player) ask(request string) string {
	request = zipText.ReplaceAllStringFunc(request, func(s string) string {
		m := zipText.FindStringSubmatch(s)
		return base64.StdEncoding.EncodeToString(zipOf(p.t, m[1], m[2]))
	})
	for i, name := range p.names {
		request = strings.ReplaceAll(request, fmt.Sprintf("<%d>", i+1), name)
	}
	head, body, _ := strings.Cut(request, "\n\n")
	lines := strings.Split(strings.TrimRight(head, "\n"), "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	r := httptest.NewRequest(method, "http://localhost:4566"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			r.Header.Del("Authorization")
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	answer := w.Result()
	var out strings.Builder
	fmt.Fprintf(&out, "%d\n", answer.StatusCode)
	for _, name := range slices.Sorted(keys(answer.Header)) {
		if name == "X-Amz-Log-Result" {
			log, err := base64.StdEncoding.DecodeString(answer.Header.Get(name))
			if err != nil {
				p.t.Error(err)
			}
			fmt.Fprintf(&out, "%s: %q\n", name, log)
			continue
		}
		if name != "Content-Length" && name != "X-Amzn-Requestid" && name != "X-Amzn-Trace-Id" {
			fmt.Fprintf(&out, "%s: %s\n", name, answer.Header.Get(name))
		}
	}
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Error(err)
	}
	if answer.Header.Get("Content-Type") == "application/zip" {
		b = fmt.Appendf(nil, "a zip file of %d bytes", len(b))
	}
	fmt.Fprintf(&out, "\n%s\n", b)
	return p.number(out.String())
}

func keys(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range h {
			if !yield(k) {
				return
			}
		}
	}
}

// varying is what differs from run to run.
var varying = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|csc-[0-9a-f]{17}|\b[a-z2-7]{32}\b|\[\$LATEST\][0-9a-f]{32}|Root=1-[^";]*`)

func (p *player) number(s string) string {
	return varying.ReplaceAllStringFunc(s, func(found string) string {
		i := slices.Index(p.names, found)
		if i < 0 {
			p.names = append(p.names, found)
			i = len(p.names) - 1
		}
		return fmt.Sprintf("<%d>", i+1)
	})
}

func zipOf(t testing.TB, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
