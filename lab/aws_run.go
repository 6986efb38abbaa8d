package lab

import (
	"bytes"
	"time"

	"anthill/latency"
	"anthill/loadtest"
)

// AWSRun is the course's own run on AWS, on 28 and 29 October 2025: what its text and its logs give.
type AWSRun struct {
	Init         float64         `json:"init_ms"`        // Init Duration of the one REPORT line in its CloudWatch export
	OverheadAB   float64         `json:"overhead_ab_ms"` // TaskStateEntered of B minus TaskSucceeded of A
	OverheadBC   float64         `json:"overhead_bc_ms"`
	ChainTotal   float64         `json:"chain_total_ms"` // TaskStateExited of C minus TaskStateEntered of A
	FanOut       float64         `json:"fan_out_ms"`     // last TaskStarted minus ParallelStateEntered
	ParallelTook float64         `json:"parallel_ms"`    // ParallelStateExited minus ParallelStateEntered
	Cold         latency.Summary `json:"cold"`           // of its Locust log; the split is estimated
	Warm         latency.Summary `json:"warm"`
	cold, warm   []time.Duration
}

func courseRun() AWSRun {
	r := AWSRun{Init: 1375.93, OverheadAB: 23, OverheadBC: 27, ChainTotal: 485, FanOut: 102, ParallelTook: 369}
	b, err := courseFile("aws_locust_logs.txt")
	if err != nil {
		return r
	}
	log, err := loadtest.ReadLog(bytes.NewReader(b))
	if err != nil {
		return r
	}
	split, _ := latency.EstimateSplit(log.Responses)
	r.cold, r.warm = latency.Latencies(split.Cold), latency.Latencies(split.Warm)
	r.Cold, r.Warm = latency.Of(r.cold).Summary(), latency.Of(r.warm).Summary()
	return r
}
