package lab_test

import (
	"testing"

	"anthill/lab"
)

func TestAnalyze(t *testing.T) {
	a, err := lab.Analyze(lab.AnalyzeConfig{Dir: "../loadtest/testdata/aws-run", Out: "/tmp/rp/analysis", Command: "anthill analyze locust_logs --out analysis"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", a)
}
