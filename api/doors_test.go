package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"anthill/api"
	"anthill/api/apigateway"
	"anthill/api/iam"
	"anthill/api/logs"
	"anthill/api/protocol"
	"anthill/api/sts"
	"anthill/functions"
	"anthill/gateways"
	"anthill/history"
	"anthill/identity"
	"anthill/internal/disk"
	logkeeper "anthill/logs"
	"anthill/store"
)

// TestDoors plays testdata/doors/*.txt at the doors of iam, sts, logs and apigateway over their real rooms on a memory
// disk, at the first instant of 2000. A request is a line: "iam CreateUser UserName=ann", "logs CreateLogGroup {…}", or "GET /restapis
// {…}" of API Gateway; the indented lines under it are the answer. What differs from run to run is numbered, and stands as
// <1> in later requests. -update writes the answers.
func TestDoors(t *testing.T) {
	files, err := filepath.Glob("testdata/doors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { visit(t, file) })
		})
	}
}

func visit(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := visitor{t: t, h: doors(t)}
	var out strings.Builder
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "\t") {
			continue
		}
		out.WriteString(line)
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out.WriteString("\t" + strings.ReplaceAll(v.ask(line), "\n", "\n\t") + "\n")
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, want := strings.Split(out.String(), "\n"), strings.Split(string(raw), "\n")
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s:%d: go test ./api -update writes it anew\n got %s\nwant %s", file, i+1, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d lines became %d", file, len(want), len(got))
	}
}

type nothing struct{}

func (nothing) Invoke(context.Context, functions.Invocation) (*functions.Result, error) {
	return nil, errors.New("there are no functions here")
}

// doors makes the four doors over their rooms.
func doors(t *testing.T) http.Handler {
	t.Helper()
	db, err := disk.Open("db", disk.Options{FS: disk.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, s := context.Background(), store.Open(db)
	people, e1 := identity.Open(ctx, identity.Config{Store: s})
	groups, e2 := logkeeper.Open(ctx, logkeeper.Config{Store: s, History: history.Open(db)})
	apis, e3 := gateways.Open(ctx, gateways.Config{Store: s, Functions: nothing{}})
	if err := errors.Join(e1, e2, e3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(groups.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return api.New(api.Config{Services: []*protocol.Service{iam.New(people).Service(), sts.New(people).Service(), logs.New(groups).Service(),
		apigateway.New(apis).Service()}})
}

type visitor struct {
	t     *testing.T
	h     http.Handler
	names []string // texts that differ from run to run, in the order of their numbers
}

// changing is what differs from run to run: ids of IAM, secrets and tokens, ids of API Gateway, and UUIDs.
var changing = regexp.MustCompile(`\b(?:AKIA|ASIA|AIDA|AROA|AGPA|ANPA)[A-Z0-9]{12,17}\b|(SecretAccessKey>|SessionToken>)[^<]+|("(?:id|value|deploymentId|rootResourceId|parentId|resourceId|nextToken|nextForwardToken|nextBackwardToken|uploadSequenceToken|nextSequenceToken|cacheNamespace|eventId)":")[^"]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// ask sends the request of a line and gives the answer: status, error, body.
func (v *visitor) ask(line string) string {
	for i, name := range v.names {
		line = strings.ReplaceAll(line, fmt.Sprintf("<%d>", i+1), name)
	}
	first, rest, _ := strings.Cut(line, " ")
	second, body, _ := strings.Cut(rest, " ")
	var r *http.Request
	service := first
	switch first {
	case "iam", "sts":
		form := url.Values{"Action": {second}, "Version": {map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[first]}}
		for field := range strings.FieldsSeq(body) {
			name, value, _ := strings.Cut(field, "=")
			form.Set(name, value)
		}
		r = httptest.NewRequest("POST", "/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case "logs":
		r = httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "Logs_20140328."+second)
	default:
		service = "apigateway"
		r = httptest.NewRequest(first, second, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	w := httptest.NewRecorder()
	v.h.ServeHTTP(w, r)
	answer := w.Body.String()
	if json.Valid(w.Body.Bytes()) {
		answer = strings.TrimSpace(answer)
	} else {
		answer = strings.ReplaceAll(regexp.MustCompile(`\s*\n\s*`).ReplaceAllString(strings.TrimSpace(answer), ""), "\t", " ")
		answer = regexp.MustCompile(`<ResponseMetadata>.*?</ResponseMetadata>|<RequestId>.*?</RequestId>`).ReplaceAllString(answer, "")
	}
	if kind := w.Header().Get("X-Amzn-Errortype"); kind != "" {
		answer = kind + " " + answer
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, v.number(answer)))
}

func (v *visitor) number(s string) string {
	out, last := "", 0
	for _, m := range changing.FindAllStringSubmatchIndex(s, -1) {
		from := m[0]
		for g := 2; g < len(m); g += 2 {
			if m[g] >= 0 {
				from = m[g+1]
			}
		}
		found := s[from:m[1]]
		i := slices.Index(v.names, found)
		if i < 0 {
			v.names = append(v.names, found)
			i = len(v.names) - 1
		}
		out += s[last:from] + fmt.Sprintf("<%d>", i+1)
		last = m[1]
	}
	out += s[last:]
	for i, name := range v.names {
		if len(name) == 10 { // an API's, which messages speak of
			out = strings.ReplaceAll(out, name, fmt.Sprintf("<%d>", i+1))
		}
	}
	return out
}
