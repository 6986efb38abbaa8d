package loadtest_test

import (
	"testing"

	"anthill/latency"
	"anthill/loadtest"
)

func TestX(t *testing.T) {
	r, err := loadtest.ReadDir("testdata/aws-run")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Generator, r.Problems, len(r.Responses), r.Responses[0], r.Spawned, r.History[0].At)
	tot, _ := r.Total()
	t.Logf("%+v", tot)
	s, ok := latency.EstimateSplit(r.Responses)
	t.Log(ok, s.Method, len(s.Cold), len(s.Warm))
	t.Logf("%+v", s.Boundary)
}
