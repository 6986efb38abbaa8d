package loadtest_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"anthill/latency"
	"anthill/loadtest"
)

var update = flag.Bool("update", false, "record golden files")

// The course's run on AWS of 28 October 2025, as real Locust 2.42.1 wrote it.
func TestReadsTheCoursesRun(t *testing.T) {
	r, err := loadtest.ReadDir("testdata/aws-run")
	if err != nil {
		t.Fatal(err)
	}
	if r.Generator != "Locust 2.42.1" || r.Prefix != "test" || len(r.Problems) != 0 {
		t.Errorf("generator %q, prefix %q, problems %q", r.Generator, r.Prefix, r.Problems)
	}
	total, ok := r.Total()
	if !ok || total.Requests != 134 || len(r.Responses) != 134 || total.Percentiles["95%"] != 2300 {
		t.Errorf("total %+v, %d responses", total, len(r.Responses))
	}
	// The log's wall clock and the history's seconds since 1970 are brought together: the laptop stood at UTC+8.
	if first := r.Responses[0]; first.At.Format(time.RFC3339Nano) != "2025-10-28T23:57:45.535+08:00" || first.Status != 200 || first.Latency != 2292650*time.Microsecond {
		t.Errorf("first response %+v", first)
	}
	if h := r.TotalHistory(); len(h) != 55 && h[0].At.Unix() != 1761667063 || h[len(h)-1].Requests != 122 {
		t.Errorf("%d history rows, first %v, last %+v", len(h), h[0].At, h[len(h)-1])
	}
}

// The estimate agrees with the course's author, who put the end of the cold starts at 23:57:50 by eye, and is tighter: two
// answers of 278 and 279 ms had come before that.
func TestEstimatesTheCoursesSplit(t *testing.T) {
	r, err := loadtest.ReadDir("testdata/aws-run")
	if err != nil {
		t.Fatal(err)
	}
	s, ok := latency.EstimateSplit(r.Responses)
	if !ok || s.Exact || !strings.HasPrefix(s.Method, "Estimate") {
		t.Fatalf("ok %v, exact %v: %s", ok, s.Exact, s.Method)
	}
	if len(s.Cold) != 10 || len(s.Warm) != 124 || s.Unsure != 0 {
		t.Errorf("%d cold, %d warm, %d unsure; ten users met ten new environments", len(s.Cold), len(s.Warm), s.Unsure)
	}
	author := time.Date(2025, 10, 28, 23, 57, 50, 0, r.Responses[0].At.Location())
	if b := s.Boundary; !b.At.Before(author) || author.Sub(b.At) > 2*time.Second || b.Before != 10 || b.Low.After(b.At) || b.High.Before(b.At) {
		t.Errorf("boundary %+v, the author's is %v", b, author)
	}
	before := 0
	for _, w := range s.Warm {
		if w.At.Before(author) {
			before++
		}
	}
	if before != 2 {
		t.Errorf("%d warm requests before the author's boundary, want 2", before)
	}
}

// What was read of Locust's files is written back byte for byte.
func TestWritesWhatLocustWrote(t *testing.T) {
	r, err := loadtest.ReadDir("testdata/aws-run")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := r.WriteFiles(dir, "test"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"test_stats.csv", "test_failures.csv", "test_exceptions.csv", "test_stats_history.csv"} {
		want, err := os.ReadFile(filepath.Join("testdata/aws-run", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); d != "" {
			t.Errorf("%s (-Locust +ours):\n%s", name, d)
		}
	}
}

// A run's files are good or bad in many ways; each gets a sentence, and what can be read is read.
func TestBadFiles(t *testing.T) {
	stats := "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,100%\n"
	for _, c := range []struct {
		name    string
		files   map[string]string
		problem string // part of one of the sentences, or of the error
		rows    int
	}{
		{"nothing", map[string]string{}, "no Locust files there", 0},
		{"empty", map[string]string{"a_stats.csv": ""}, "the file is empty", 0},
		{"header only", map[string]string{"a_stats.csv": stats}, "no log line like", 0},
		{"no requests", map[string]string{"a_stats.csv": stats + ",Aggregated,0,0,0,0.0,0,0,0,0.0,0.0,N/A,N/A\n"}, "has no requests", 1},
		{"all failed", map[string]string{"a_stats.csv": stats + ",Aggregated,3,3,5,5.0,5,5,0,1.0,1.0,5,5\n"}, "No request succeeded: all 3 failed", 1},
		{"cut off", map[string]string{"a_stats.csv": stats + "POST,/x,1,0,5,5.0,5,5,0,1.0,0.0,5,5\nPOST,/y,1,0,5"}, "Row 3 is cut off", 1},
		{"not a number", map[string]string{"a_stats.csv": stats + "POST,/x,many,0,5,5.0,5,5,0,1.0,0.0,5,5\n"}, "Row 2 is cut off or not in the header's form", 0},
		{"another table", map[string]string{"a_stats.csv": "when,what\n1,2\n"}, `no column "name"; the columns are when, what`, 0},
		{"Locust 0.x", map[string]string{"a_stats.csv": `"Method","Name","# requests","# failures","Median response time","Average response time","Min response time","Max response time","Average Content Size","Requests/s"` +
			"\n" + `"None","Total",7,1,5,5,5,5,0,1.00` + "\n"}, "no log line like", 1},
		{"log and statistics differ", map[string]string{"a_stats.csv": stats + ",Aggregated,3,0,5,5.0,5,5,0,1.0,1.0,5,5\n", "l.txt": "[2025-10-28 23:57:45,535] h/INFO/root: Response time: 5 ms\n"}, "count 3 requests and the log 1", 1},
		{"all failed, no statistics", map[string]string{"l.txt": "[2025-10-28 23:57:45,535] h/INFO/root: Response time: 5 ms\n[2025-10-28 23:57:45,535] h/INFO/root: Response status code: 500\n"}, "No request succeeded: all 1 failed", 0},
		{"the clock steps back", map[string]string{"l.txt": "[2025-10-28 23:57:45,535] h/INFO/root: Response time: 5 ms\n[2025-10-28 23:47:45,535] h/INFO/root: Response time: 5 ms\n"}, "The clock went back by 10m0s at 23:47:45", 0},
		{"Locust 0.7's names", map[string]string{"a_requests.csv": `"Method","Name","# requests","# failures","Median response time","Average response time","Min response time","Max response time","Average Content Size","Requests/s"` +
			"\n" + `"None","Total",7,1,5,5,5,5,0,1.00` + "\n"}, "of a Locust before 1.0", 1},
		{"binary", map[string]string{"a_stats.csv": "\x7fELF\x00\x01\x02\n\x00\xff", "l.txt": "\x7fELF\x00"}, "no column", 0},
		{"no time of day", map[string]string{"l.txt": "Response time: 5 ms\nResponse time: 0.25 s\n"}, "2 response times carry no time of day", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r, err := loadtest.ReadDir(dir)
			said := ""
			if err != nil {
				said = err.Error()
			} else {
				said = strings.Join(r.Problems, "\n")
				if len(r.Stats) != c.rows {
					t.Errorf("%d rows were read, want %d", len(r.Stats), c.rows)
				}
			}
			if !strings.Contains(strings.ToLower(said), strings.ToLower(c.problem)) {
				t.Errorf("said %q, want a word of %q", said, c.problem)
			}
		})
	}
}

func FuzzReadCSV(f *testing.F) {
	for _, name := range []string{"test_stats.csv", "test_stats_history.csv", "test_failures.csv"} {
		b, err := os.ReadFile(filepath.Join("testdata/aws-run", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		stats, _, _ := loadtest.ReadStats(bytes.NewReader(b))
		for _, s := range stats {
			if s.Requests < 0 {
				t.Errorf("negative count in %+v", s)
			}
		}
		history, _, _ := loadtest.ReadHistory(bytes.NewReader(b))
		for _, h := range history {
			if h.At.IsZero() {
				t.Errorf("a row without a time: %+v", h)
			}
		}
		loadtest.ReadFailures(bytes.NewReader(b))
		loadtest.ReadExceptions(bytes.NewReader(b))
		loadtest.ReadRequests(bytes.NewReader(b))
	})
}

func FuzzReadLog(f *testing.F) {
	b, err := os.ReadFile("testdata/aws-run/test_locust_logs.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:2000])
	f.Add([]byte("Response time: 1e400 ms\n[2025-10-28 23:57:45,535] Response time: 5 s"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := loadtest.ReadLog(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range l.Responses {
			if r.Latency < 0 {
				t.Errorf("negative latency: %+v", r)
			}
		}
	})
}
