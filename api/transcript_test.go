package api_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"anthill/api"
)

var update = flag.Bool("update", false, "write the responses into the transcripts")

// Bytes in, bytes out: each transcript holds requests and the responses to them. Every operation is built and answers an
// empty output, but for those whose names begin with List, which are not built.
func TestTranscripts(t *testing.T) {
	h := api.New(api.Config{
		Fallback: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "not an AWS API") }),
		Services: services(func(f reflect.StructField) reflect.Value {
			if strings.HasPrefix(f.Name, "List") {
				return reflect.Value{}
			}
			return reflect.MakeFunc(f.Type, func([]reflect.Value) []reflect.Value {
				return []reflect.Value{reflect.New(f.Type.Out(0).Elem()), reflect.Zero(f.Type.Out(1))}
			})
		}),
	})
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { transcript(t, h, file) })
	}
}

func transcript(t *testing.T, h http.Handler, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []txtar.File
	for _, f := range a.Files {
		if strings.HasSuffix(f.Name, " answer") {
			continue
		}
		got := answer(t, h, f.Data)
		out = append(out, f, txtar.File{Name: f.Name + " answer", Data: got})
		for _, want := range a.Files {
			if !*update && want.Name == f.Name+" answer" && !bytes.Equal(want.Data, got) {
				t.Errorf("%s:\n got %s\nwant %s", f.Name, got, want.Data)
			}
		}
	}
	if len(out) != len(a.Files) && !*update {
		t.Error("a request has no answer: run with -update")
	}
	if *update {
		a.Files = out
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// answer sends a request as it stands in a transcript. "@100x" in the body stands for 100 times x.
func answer(t *testing.T, h http.Handler, text []byte) []byte {
	head, body, _ := bytes.Cut(text, []byte("\n\n"))
	body = bytes.TrimSuffix(body, []byte("\n"))
	body = regexp.MustCompile(`@(\d+)(\w)`).ReplaceAllFunc(body, func(m []byte) []byte {
		n, _ := strconv.Atoi(string(m[1 : len(m)-1]))
		return bytes.Repeat(m[len(m)-1:], n)
	})
	raw := fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", strings.ReplaceAll(string(head), "\n", "\r\n"), len(body), body)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", w.Code)
	for _, name := range slices.Sorted(maps.Keys(w.Header())) {
		if name != "Content-Length" {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(w.Header()[name], ", "))
		}
	}
	b.WriteString("\n" + w.Body.String())
	return []byte(strings.TrimRight(ids.ReplaceAllString(shorten(b.String()), "<id>"), "\n") + "\n")
}

// shorten undoes @100x in answers.
func shorten(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] == s[i] {
			j++
		}
		if j-i > 40 {
			fmt.Fprintf(&b, "@%d%c", j-i, s[i])
		} else {
			b.WriteString(s[i:j])
		}
		i = j
	}
	return b.String()
}
