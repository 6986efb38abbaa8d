package lab_test

import (
	"bytes"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"anthill/lab"
)

var update = flag.Bool("update", false, "record golden files")

// The course's run on AWS: the figures, the page and the summary.
func TestAnalyzesTheCoursesRun(t *testing.T) {
	out := t.TempDir()
	a, err := lab.Analyze(lab.AnalyzeConfig{Dir: "../loadtest/testdata/aws-run", Out: out, Command: "anthill analyze locust_logs"})
	if err != nil {
		t.Fatal(err)
	}
	if a.Cold.N != 10 || a.Warm.N != 124 || a.Split.Exact {
		t.Errorf("%+v", a)
	}
	got, err := os.ReadFile(filepath.Join(out, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/aws-run-summary.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("summary.json differs from what was recorded (-update records):\n%s", d)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"23:57:48.731", "10 requests are estimated to have been cold", "n = 124", "Estimate, made from the response times alone"} {
		if !strings.Contains(string(page), word) {
			t.Errorf("the page does not say %q", word)
		}
	}
	for _, outside := range []string{"src=", "href=\"http", "@import", "url("} {
		if strings.Contains(string(page), outside) {
			t.Errorf("the page is not self-contained: it has %s", outside)
		}
	}
	for _, name := range []string{"response-time-over-time", "cold-histogram", "warm-histogram", "response-time-cdf"} {
		b, err := os.ReadFile(filepath.Join(out, "figures", name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds().Dx() < 1000 {
			t.Errorf("%s.png: %v %v", name, err, img.Bounds())
		}
		if svg, err := os.ReadFile(filepath.Join(out, "figures", name+".svg")); err != nil || !bytes.Contains(svg, []byte("(ms)")) {
			t.Errorf("%s.svg: %v, or an axis without a unit", name, err)
		}
	}
}

// Files with hardly anything in them still give a page that says so.
func TestAnalyzesPoorRuns(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"history only": {"a_stats_history.csv": "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%,100%,Total Request Count,Total Failure Count\n1761667063,1,,Aggregated,0,0,5,6,7,1,0\n1761667064,1,,Aggregated,0,0,5,6,7,1,0\n"},
		"empty log":    {"a_stats.csv": "Type,Name,Request Count,Failure Count\n,Aggregated,0,0\n", "l.txt": ""},
		"one request":  {"l.txt": "[2025-10-28 23:57:45,535] h/INFO/root: Response time: 5 ms\n"},
		"all equal":    {"l.txt": strings.Repeat("[2025-10-28 23:57:45,535] h/INFO/root: Response time: 5 ms\n", 30)},
		"zero":         {"l.txt": "[2025-10-28 23:57:45,535] h/INFO/root: Response time: 0 ms\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, out := t.TempDir(), t.TempDir()
			for f, text := range files {
				if err := os.WriteFile(filepath.Join(dir, f), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			a, err := lab.Analyze(lab.AnalyzeConfig{Dir: dir, Out: out})
			if err != nil {
				t.Fatal(err)
			}
			if a.Cold.N != 0 {
				t.Errorf("%d cold", a.Cold.N)
			}
			if _, err := os.Stat(filepath.Join(out, "report.html")); err != nil {
				t.Error(err)
			}
		})
	}
}
