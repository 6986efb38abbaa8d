package sandbox

import (
	"encoding/json"
	"strings"
	"time"
)

// level is how important a line of the JSON log format is. A function's own levels begin below and end above the platform's.
type level uint8

const (
	trace level = iota
	debug
	info
	warn
	failure
	fatal
)

// levelOf is the level of that name, in any case; "" and what is none are INFO.
func levelOf(name string) level {
	switch strings.ToUpper(name) {
	case "TRACE":
		return trace
	case "DEBUG":
		return debug
	case "WARN", "WARNING":
		return warn
	case "ERROR":
		return failure
	case "FATAL", "CRITICAL":
		return fatal
	}
	return info
}

// of is the level of an event that has that one when it says success, and WARN when it does not (Lambda developer guide,
// "Log-level filtering", "System log level event mapping").
func (l level) of(status string) level {
	if status != "success" {
		return warn
	}
	return l
}

// lets reports whether a line that the function printed goes into its log. In JSON AWS reads its level off it; a line without
// one, or without the time that goes with it, is INFO (Lambda developer guide, "Log-level filtering").
func (m *member) lets(text string) bool {
	if !m.json() {
		return true
	}
	least := levelOf(m.spec.ApplicationLogLevel)
	if least <= info && !strings.Contains(text, `level"`) {
		return true
	}
	var line struct {
		Level     any `json:"level"`
		LogLevel  any `json:"log_level"` // of AWS's Python client, for what a handler raised
		Timestamp any `json:"timestamp"`
		Time      any `json:"time"`
	}
	if strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &line) == nil {
		for _, at := range []any{line.Timestamp, line.Time} {
			if at, ok := at.(string); ok && stamp(at) {
				for _, name := range []any{line.Level, line.LogLevel} {
					if name, ok := name.(string); ok {
						return levelOf(name) >= least
					}
				}
			}
		}
	}
	return info >= least
}

// stamp reports whether text is a time of RFC 3339.
func stamp(text string) bool {
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}

// event is one line of the JSON log format, or "" when the function's system log level leaves out events of level l.
func (m *member) event(l level, kind string, record any) string {
	if l < levelOf(m.spec.SystemLogLevel) {
		return ""
	}
	b, err := json.Marshal(struct {
		Time   string `json:"time"`
		Type   string `json:"type"`
		Record any    `json:"record"`
	}{isoTime(time.Now()), kind, record})
	if err != nil {
		panic(err) // our own structs always marshal
	}
	return string(b) + "\n"
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// done is how something ended.
func done(status, errorType string) map[string]any {
	record := map[string]any{"status": status}
	if errorType != "" {
		record["errorType"] = errorType
	}
	return record
}

// jsonInitReport adds how an init ended. Those of on-demand environments are of interest to few.
func (m *member) jsonInitReport(phase, status, errorType string, d time.Duration) {
	kind, ordinary := m.initializationType(), info
	if kind == "on-demand" {
		ordinary = debug
	}
	record := done(status, errorType)
	record["initializationType"], record["phase"] = kind, phase
	m.line(time.Now(), m.event(debug.of(status), "platform.initRuntimeDone", record))
	record["metrics"] = map[string]any{"durationMs": milliseconds(d)}
	m.line(time.Now(), m.event(ordinary.of(status), "platform.initReport", record))
}

// runtimeDone says when the runtime had answered.
func (m *member) runtimeDone(r *Result, status, errorType string) string {
	type span struct {
		Name     string  `json:"name"`
		Start    string  `json:"start"`
		Duration float64 `json:"durationMs"`
	}
	record := done(status, errorType)
	record["requestId"] = r.RequestID
	record["metrics"] = map[string]any{"durationMs": milliseconds(r.Duration), "producedBytes": len(r.Payload)}
	if p := &r.Phases; p.Returned > p.Sent {
		part := func(name string, from, to int64) span {
			return span{name, isoTime(time.Unix(0, from)), milliseconds(time.Duration(to - from))}
		}
		record["spans"] = []span{part("responseLatency", p.Sent, p.Returned), part("responseDuration", p.Returned, p.Received)}
	}
	return m.event(debug.of(status), "platform.runtimeDone", record)
}

func (m *member) jsonReport(r *Result, status, errorType string) string {
	metrics := struct {
		Duration float64  `json:"durationMs"`
		Billed   int64    `json:"billedDurationMs"`
		Memory   int      `json:"memorySizeMB"`
		Used     int      `json:"maxMemoryUsedMB"`
		Init     *float64 `json:"initDurationMs,omitempty"`
		Restore  *float64 `json:"restoreDurationMs,omitempty"`
	}{Duration: milliseconds(r.Duration), Billed: r.Billed.Milliseconds(), Memory: m.spec.MemoryMB, Used: r.MaxMemoryMB}
	if r.InitDuration > 0 {
		d := milliseconds(r.InitDuration)
		if r.Start == Restored {
			metrics.Restore = &d
		} else {
			metrics.Init = &d
		}
	}
	return m.event(info.of(status), "platform.report", struct {
		RequestID string `json:"requestId"`
		Metrics   any    `json:"metrics"`
		Status    string `json:"status"`
		ErrorType string `json:"errorType,omitempty"`
	}{r.RequestID, metrics, status, errorType})
}
