package lab

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"anthill/latency"
)

// botocore 1.43 signs this request with the same keys and instant to this signature.
func TestSignsAsTheSDKsDo(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	c := newClient("http://localhost:4566")
	req, err := http.NewRequest("POST", "http://localhost:4566/2015-03-31/functions/a%20b/invocations?Qualifier=prod", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	c.sign(req, "lambda", []byte("{}"), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	want := "AWS4-HMAC-SHA256 Credential=test/20260102/us-east-1/lambda/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=8e415cdafe55a4b28a9914b1508370f402196d46e81638ef2237ac19f80c74f6"
	if got := req.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTraceRoot(t *testing.T) {
	for header, want := range map[string]string{"Root=1-a-b;Parent=c;Sampled=0": "1-a-b", "Self=x; Root=1-a-b": "1-a-b", "": "", "plain": "plain"} {
		if got := traceRoot(header); got != want {
			t.Errorf("%q gives %q, want %q", header, got, want)
		}
	}
}

// A series holds the cold starts that the platform recorded, by the way they were served, and says what it left out.
func TestSeriesCountsWhatThePlatformRecorded(t *testing.T) {
	took := map[string]time.Duration{"a": 5 * time.Millisecond, "b": 7 * time.Millisecond, "c": time.Millisecond, "d": time.Millisecond}
	records := []latency.Invocation{
		{RequestID: "a", Start: latency.Cold, Method: "spare", Queued: 1, SpawnBegin: 11, Spawned: 31, InitBegin: 41, InitEnd: 61},
		{RequestID: "b", Start: latency.Cold, Method: "template"},
		{RequestID: "c", Start: latency.Warm},
		{RequestID: "not ours", Start: latency.Cold},
	}
	s, n := seriesOf(way{name: "w"}, took, records, true)
	if n != 2 || s.Total.N != 2 || s.Total.Max != 7 || strings.Join(s.Served, ", ") != "1 cold spare, 1 cold template" || !strings.HasPrefix(s.Missing, "2 of 4 requests") {
		t.Errorf("%d %+v", n, s)
	}
	if len(s.Parts) != 4 || s.Parts[1].Name != "process start" || s.Parts[1].Took.P50 != 20e-6 {
		t.Errorf("%+v", s.Parts)
	}
}

func TestCoursesRunOnAWS(t *testing.T) {
	r := courseRun()
	if r.Cold.N != 10 || r.Warm.N != 124 || r.Init != 1375.93 || r.FanOut != 102 {
		t.Errorf("%+v", r)
	}
}
