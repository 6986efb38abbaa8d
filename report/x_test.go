package report_test

import (
	"os"
	"testing"

	"anthill/latency"
	"anthill/loadtest"
	"anthill/report"
)

func TestX(t *testing.T) {
	r, err := loadtest.ReadDir("../loadtest/testdata/aws-run")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := latency.EstimateSplit(r.Responses)
	f, err := report.OverTime("over-time", "Response time over the run", "", r, s)
	if err != nil {
		t.Fatal(err)
	}
	f2, _ := report.Histogram("cold", "Cold requests", "", "cold request", latency.Of(latency.Latencies(s.Cold)), true)
	f3, _ := report.Histogram("warm", "Warm requests", "", "warm request", latency.Of(latency.Latencies(s.Warm)), false)
	for _, f := range []report.Figure{f, f2, f3} {
		os.WriteFile("/tmp/rp/"+f.Name+".png", f.PNG, 0o644)
		os.WriteFile("/tmp/rp/"+f.Name+".svg", f.SVG, 0o644)
	}
}
