package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// waitLate has many executions wait for instants of their own, and measures how late they went on. The floor is how late timers
// of this process are for the same instants.
func waitLate(ctx context.Context, r *rig) (Reading, error) {
	const n, spread = 500, 2 * time.Second
	err := r.platform.createMachine(ctx, "until", "STANDARD", object{"StartAt": "Wait", "States": object{"Wait": object{"Type": "Wait", "TimestampPath": "$.at", "End": true}}})
	if err != nil && !strings.Contains(err.Error(), "StateMachineAlreadyExists") {
		return Reading{}, err
	}
	first := time.Now().Add(9 * time.Second).Truncate(time.Millisecond) // late enough for them to be put down first
	due := func(i int) time.Time { return first.Add(time.Duration(i) * spread / n) }
	floor, ours := make([]time.Duration, n), make([]time.Duration, n)
	arns, errs := make([]string, n), make([]error, n)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range n {
		wg.Go(func() {
			slots <- struct{}{}
			var e execution
			errs[i] = r.platform.states(ctx, "StartExecution", object{"stateMachineArn": machineARN + "until", "input": fmt.Sprintf(`{"at":%q}`, due(i).UTC().Format(time.RFC3339Nano))}, &e)
			arns[i] = e.ExecutionArn
			<-slots
			time.Sleep(time.Until(due(i)))
			floor[i] = time.Since(due(i))
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return Reading{}, err
	}
	for i, arn := range arns {
		if ours[i], err = r.platform.wentOn(ctx, arn, due(i)); err != nil {
			return Reading{}, err
		}
	}
	if early := slices.Min(ours); early < 0 {
		return Reading{}, fault.Invalidf("bench.waitLate", "execution", "an execution went on %v too early", -early)
	}
	return reading(ours, latency.Of(floor).Median(), time.Millisecond, fmt.Sprintf("%d executions over %v; the latest %.1f ms", n, spread, float64(slices.Max(ours))/1e6)), nil
}

// wentOn waits for the end of an execution of the machine until, and gives how long after due its Wait ended.
func (c *client) wentOn(ctx context.Context, arn string, due time.Time) (time.Duration, error) {
	at := "/_anthill/executions/" + url.PathEscape(arn)
	if _, err := c.post(ctx, "GET", at+"/end?within=20s", "states", "", nil); err != nil {
		return 0, err
	}
	b, err := c.post(ctx, "GET", at+"/trace", "states", "", nil)
	if err != nil {
		return 0, err
	}
	var t latency.Trace
	if err := json.Unmarshal(b, &t); err != nil {
		return 0, fault.In("bench.wentOn", err)
	}
	for _, e := range t.Events {
		if e.Type == "WaitStateExited" {
			return e.At().Sub(due), nil
		}
	}
	return 0, fault.Invalidf("bench.wentOn", "execution", "%s has not gone on: it is %s", arn, t.Status)
}
