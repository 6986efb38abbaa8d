package latency

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"anthill/fault"
)

// Read takes an execution's instants from JSON: what `aws stepfunctions get-execution-history` prints (one page or
// several one after another, timestamps as seconds since 1970 or as ISO 8601), or Anthill's own trace.
// What is missing or out of order is named in the trace's Problems; only what is no history at all is a fault.
func Read(r io.Reader, name string) (*Trace, error) {
	const op = "latency.Read"
	dec := json.NewDecoder(r)
	var t *Trace
	for {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if t != nil {
				t.problem("The file is cut off after %d events.", len(t.Events))
				break
			}
			return nil, fault.Invalidf(op, "history", "%s is no JSON: %v", name, err)
		}
		page, err := readPage(raw)
		if err != nil {
			return nil, fault.Invalidf(op, "history", "%s: %v", name, err)
		}
		if t == nil {
			t = page
			continue
		}
		t.Events = append(t.Events, page.Events...)
		t.Tasks = append(t.Tasks, page.Tasks...)
		t.Problems = append(t.Problems, page.Problems...)
		t.more = page.more
	}
	if t == nil {
		return nil, fault.Invalidf(op, "history", "%s is empty", name)
	}
	if t.Name == "" {
		t.Name = name
	}
	if t.more {
		t.problem("The file is one page of a history that has more (nextToken): fetch it without --max-items, or append the other pages to the file.")
	}
	t.order()
	if len(t.Events) == 0 {
		return nil, fault.Invalidf(op, "history", "%s has no events", name)
	}
	return t, nil
}

// awsEvent is an event as GetExecutionHistory gives it. Of the details only the names are needed.
type awsEvent struct {
	Timestamp json.RawMessage `json:"timestamp"`
	Type      string          `json:"type"`
	ID        int64           `json:"id"`
	Previous  int64           `json:"previousEventId"`
	Entered   *struct {
		Name string `json:"name"`
	} `json:"stateEnteredEventDetails"`
	Exited *struct {
		Name string `json:"name"`
	} `json:"stateExitedEventDetails"`
	// Anthill's trace has these instead.
	State   string `json:"state"`
	Instant int64  `json:"instant"`
	Durable int64  `json:"durable"`
}

func readPage(raw []byte) (*Trace, error) {
	var page struct {
		Trace
		Events    []awsEvent `json:"events"`
		NextToken string     `json:"nextToken"`
	}
	if b := strings.TrimSpace(string(raw)); strings.HasPrefix(b, "[") {
		if err := json.Unmarshal(raw, &page.Events); err != nil {
			return nil, err
		}
	} else if err := json.Unmarshal(raw, &page); err != nil {
		return nil, err
	}
	if page.Events == nil {
		return nil, errors.New("there is no \"events\" in it: expected what `aws stepfunctions get-execution-history` prints, or Anthill's trace")
	}
	t := page.Trace
	t.more = page.NextToken != ""
	if t.Source == "" {
		t.Source = FromHistory
	}
	for _, e := range page.Events {
		ev := Event{ID: e.ID, Previous: e.Previous, Type: e.Type, State: e.State, Instant: e.Instant, Durable: e.Durable}
		switch {
		case e.Entered != nil:
			ev.State = e.Entered.Name
		case e.Exited != nil:
			ev.State = e.Exited.Name
		}
		if ev.Instant != 0 {
			t.Source = FromTrace
		} else {
			at, err := parseTimestamp(e.Timestamp)
			if err != nil {
				t.problem("Event %d has no readable timestamp; it was left out.", e.ID)
				continue
			}
			ev.Instant = at
		}
		t.Events = append(t.Events, ev)
	}
	return &t, nil
}

// parseTimestamp reads seconds since 1970 (AWS CLI v1, SDKs) or ISO 8601 (AWS CLI v2), to the nanosecond.
func parseTimestamp(raw json.RawMessage) (int64, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999-07:00"} {
			if at, err := time.Parse(layout, s); err == nil {
				return at.UnixNano(), nil
			}
		}
		return 0, fmt.Errorf("timestamp %q", s)
	}
	var num json.Number
	if err := json.Unmarshal(raw, &num); err != nil {
		return 0, err
	}
	f, err := num.Float64()
	if err != nil || f < 0 || f > 9e9 {
		return 0, fmt.Errorf("timestamp %s", num)
	}
	// A float of seconds holds a tenth of a microsecond at best; the digits as written hold what was meant.
	if strings.ContainsAny(num.String(), "eE") || len(num) > 40 {
		return int64(math.Round(f * 1e9)), nil
	}
	rat, ok := new(big.Rat).SetString(num.String())
	if !ok {
		return 0, fmt.Errorf("timestamp %s", num)
	}
	rat.Mul(rat, big.NewRat(1_000_000_000, 1))
	return new(big.Int).Div(rat.Num(), rat.Denom()).Int64(), nil
}

// order sorts the events by id, drops doubles, finds the status, and names what is wrong.
func (t *Trace) order() {
	if !slices.IsSortedFunc(t.Events, func(a, b Event) int { return int(a.ID - b.ID) }) {
		reversed := slices.IsSortedFunc(t.Events, func(a, b Event) int { return int(b.ID - a.ID) })
		slices.SortStableFunc(t.Events, func(a, b Event) int { return cmpID(a.ID, b.ID) })
		if !reversed {
			t.problem("The events were not in order; they were sorted by their ids.")
		}
	}
	t.Events = slices.CompactFunc(t.Events, func(a, b Event) bool { return a.ID == b.ID })
	missing, first := 0, int64(0)
	last := int64(0)
	for _, e := range t.Events {
		if e.ID > last+1 {
			if missing == 0 {
				first = last + 1
			}
			missing += int(min(e.ID-last-1, 1<<30))
		}
		last = e.ID
	}
	if missing > 0 {
		t.problem("%d events are missing, the first of them number %d: the history was not read to its end, or only in part.", missing, first)
	}
	t.findStatus()
	t.findSteps()
}

func cmpID(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (t *Trace) findStatus() {
	if len(t.Events) == 0 || t.Status != "" && t.Status != "RUNNING" {
		return
	}
	t.Status = "RUNNING"
	for _, e := range t.Events {
		switch e.Type {
		case "ExecutionSucceeded":
			t.Status = "SUCCEEDED"
		case "ExecutionFailed":
			t.Status = "FAILED"
		case "ExecutionTimedOut":
			t.Status = "TIMED_OUT"
		case "ExecutionAborted":
			t.Status = "ABORTED"
		case "ExecutionRedriven":
			t.Status = "RUNNING"
			t.problem("The execution was redriven at event %d; the time between its failure and the redrive is nobody's overhead, but it is in the totals.", e.ID)
		}
	}
	switch t.Status {
	case "RUNNING":
		t.problem("The execution has no last event: it was still running when its history was read. The figures cover what had happened.")
	case "FAILED", "TIMED_OUT", "ABORTED":
		t.problem("The execution ended as %s. The figures cover what had happened.", t.Status)
	}
}

// findSteps looks for clocks that went back: an event that is older than the one it follows.
func (t *Trace) findSteps() {
	at := make(map[int64]int64, len(t.Events))
	for _, e := range t.Events {
		at[e.ID] = e.Instant
	}
	for _, e := range t.Events {
		if before, ok := at[e.Previous]; ok && e.Previous != e.ID && e.Instant < before {
			t.problem("The clock went back by %v between events %d and %d; differences across it are not to be trusted.",
				time.Duration(before-e.Instant), e.Previous, e.ID)
			return
		}
	}
}

func (t *Trace) problem(format string, args ...any) {
	t.Problems = append(t.Problems, fmt.Sprintf(format, args...))
}
