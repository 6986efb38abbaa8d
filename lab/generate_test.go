package lab_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/lab"
	"anthill/loadtest"
)

// Whatever a load test meets, and however it ends, there is a report that says so.
func TestLoadAlwaysGivesAReport(t *testing.T) {
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_anthill/") {
			http.NotFound(w, r) // it is no Anthill
			return
		}
		_, _ = w.Write([]byte("{}"))
	}))
	defer good.Close()
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusInternalServerError) }))
	defer bad.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	arrivals, err := loadtest.Constant(100, 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		config    lab.LoadConfig
		interrupt bool
		words     string // of the page
	}{
		{"closed", lab.LoadConfig{URL: good.URL + "/x", Users: 3, SpawnRate: 3, RunTime: 300 * time.Millisecond, WaitMean: time.Millisecond}, false, "0 failed"},
		{"open", lab.LoadConfig{URL: good.URL + "/x", Arrivals: arrivals}, false, "Counted from the times at which the requests should have been sent"},
		{"every request fails", lab.LoadConfig{URL: bad.URL + "/x", Arrivals: arrivals}, false, "No request succeeded: all 50 failed"},
		{"nobody listens", lab.LoadConfig{URL: gone.URL + "/x", Arrivals: arrivals}, false, "Connection refused"},
		{"interrupted", lab.LoadConfig{URL: good.URL + "/x", Users: 2, SpawnRate: 2, RunTime: time.Hour, NoWait: true}, true, "The test was interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			looks := 0
			c.config.Progress = func(p lab.LoadProgress) {
				if looks++; c.interrupt && p.Requests > 0 {
					cancel()
				}
			}
			c.config.Out, c.config.Command = t.TempDir(), "anthill load "+c.name
			l, err := lab.Load(ctx, c.config)
			if err != nil {
				t.Fatal(err)
			}
			page, err := os.ReadFile(filepath.Join(c.config.Out, "report.html"))
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range []string{c.words, "anthill load " + c.name} {
				if !strings.Contains(string(page), w) {
					t.Errorf("the page does not say %q", w)
				}
			}
			if l.Interrupted != c.interrupt || looks == 0 || l.Analysis.Split.Exact {
				t.Errorf("interrupted %v, %d looks, exact %v", l.Interrupted, looks, l.Analysis.Split.Exact)
			}
			for _, name := range []string{"test_stats.csv", "test_stats_history.csv", "test_failures.csv", "test_exceptions.csv", "test_requests.csv", "test.hlog", "test_locust_logs.txt", "run.json", "summary.json"} {
				if _, err := os.Stat(filepath.Join(c.config.Out, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestLoadRefusesWhatHasNoTarget(t *testing.T) {
	for _, c := range []lab.LoadConfig{{}, {URL: "x", Function: "y"}, {URL: "ftp://x"}, {URL: "http://"}} {
		c.Out = t.TempDir()
		if _, err := lab.Load(t.Context(), c); err == nil {
			t.Errorf("%+v was not refused", c)
		}
	}
}

func TestCompareNamesWhatIsWrong(t *testing.T) {
	const chain, parallel = "../latency/testdata/aws-chain.json", "../latency/testdata/aws-parallel.json"
	out := t.TempDir()
	cs, err := lab.Compare(t.Context(), lab.CompareConfig{A: chain, B: chain, Out: out})
	if err != nil || len(cs) == 0 || cs[0].Real || cs[0].Difference != 0 {
		t.Errorf("a set against itself: %+v, %v", cs, err)
	}
	if _, err := os.Stat(filepath.Join(out, "figures", "comparison.svg")); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]lab.CompareConfig{"no such file": {A: chain, B: "none.json"}, "an empty directory": {A: chain, B: t.TempDir()}} {
		if _, err := lab.Compare(t.Context(), c); err == nil {
			t.Errorf("%s was not refused", name)
		}
	}
	if cs, err := lab.Compare(t.Context(), lab.CompareConfig{A: chain, B: parallel}); err != nil || len(cs) != 2 { // the whole, and its orchestration
		t.Errorf("a chain against a parallel: %d quantities, %v", len(cs), err)
	}
}
