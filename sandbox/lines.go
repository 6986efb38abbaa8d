package sandbox

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// tailSize is how much of the log LogType=Tail gives back.
const tailSize = 4096

func (m *member) json() bool { return m.spec.LogFormat == "JSON" }

// line adds one log event. An empty text adds nothing.
func (m *member) line(t time.Time, text string) {
	if text == "" {
		return
	}
	if m.lines == nil {
		m.lines = make([]Line, 0, 4)
	}
	m.lines = append(m.lines, Line{Group: m.spec.LogGroup, Stream: m.stream, Account: m.spec.Account,
		Region: m.spec.Region, Time: t, Text: text})
	m.tail = append(m.tail, text...)
	if len(m.tail) > 2*tailSize {
		m.tail = append(m.tail[:0], m.tail[len(m.tail)-tailSize:]...)
	}
}

// drain takes the environment's new output. It returns its size in bytes.
func (m *member) drain() int {
	n := 0
	for _, e := range m.env.Output() {
		n += len(e.Text)
		if m.lets(e.Text) {
			m.line(e.Time, e.Text)
		}
	}
	return n
}

// emit passes the collected lines on.
func (m *member) emit(p *Pool) {
	if len(m.tail) > tailSize {
		m.tail = append(m.tail[:0], m.tail[len(m.tail)-tailSize:]...)
	}
	if len(m.lines) == 0 {
		return
	}
	if p.c.Lines != nil {
		p.c.Lines.Write(m.lines)
	}
	clear(m.lines)
	if m.lines = m.lines[:0]; cap(m.lines) > 64 {
		m.lines = nil
	}
}

func (m *member) flush(p *Pool) int {
	n := m.drain()
	m.emit(p)
	return n
}

// The texts below are AWS's, in its text and JSON formats. What the JSON format has beyond text is in events.go.

// beginLine is INIT_START, or RESTORE_START when the environment goes on from a snapshot.
func (m *member) beginLine() string {
	if m.boot.Start == Restored {
		return m.phaseLine("RESTORE_START", "platform.restoreStart", "")
	}
	return m.phaseLine("INIT_START", "platform.initStart", "init")
}

func (m *member) phaseLine(name, kind, phase string) string {
	version := m.boot.RuntimeVersion
	if version == "" {
		version = runtimeVersion(m)
	}
	runsOn := m.spec.RunsOn
	if runsOn == "" {
		runsOn = fmt.Sprintf("%x", sha256.Sum256([]byte(version)))
	}
	arn := "arn:aws:lambda:" + m.spec.Region + "::runtime:" + runsOn
	if m.json() {
		record := map[string]any{"initializationType": m.initializationType(),
			"runtimeVersion": version, "runtimeVersionArn": arn, "functionName": m.spec.FunctionName,
			"functionVersion": m.spec.Version, "instanceId": m.stream, "instanceMaxMemory": m.spec.MemoryMB << 20}
		if phase != "" {
			record["phase"] = phase
		}
		if version == "" {
			delete(record, "runtimeVersion")
			delete(record, "runtimeVersionArn")
			return m.event(debug, kind, record)
		}
		return m.event(info, kind, record)
	}
	if m.spec.Image != nil && name == "INIT_START" { // there is no managed runtime whose version could be told
		return ""
	}
	return fmt.Sprintf("%s Runtime Version: %s\tRuntime Version ARN: %s\n", name, version, arn)
}

// restoreReport adds RESTORE_REPORT after a restore, with how it failed when it did.
func (m *member) restoreReport() {
	if m.boot.Start != Restored {
		return
	}
	d := time.Duration(m.boot.InitEnd - m.boot.SpawnBegin)
	status, errorType := "success", outcomeErrorType(&m.boot.Outcome)
	switch m.boot.Kind {
	case Answered:
	case TimedOut:
		status = "timeout"
	default:
		status = "error"
	}
	if m.json() {
		m.line(time.Now(), m.event(debug.of(status), "platform.restoreRuntimeDone", done(status, errorType)))
		record := done(status, errorType)
		record["metrics"] = map[string]any{"durationMs": milliseconds(d)}
		m.line(time.Now(), m.event(info.of(status), "platform.restoreReport", record))
		return
	}
	text := fmt.Sprintf("RESTORE_REPORT Restore Duration: %.2f ms", milliseconds(d))
	if status != "success" {
		text += "\tStatus: " + status
	}
	if errorType != "" {
		text += "\tError Type: " + errorType
	}
	m.line(time.Now(), text+"\n")
}

// billedRestore is the part of a restore that AWS bills: loading the runtime and the hooks after it.
func (m *member) billedRestore() time.Duration {
	return ceil(time.Duration(m.boot.InitEnd - m.boot.InitBegin))
}

// runtimeVersion is the driver's word for what runs, or AWS's identifier in AWS's spelling: "python:3.12".
func runtimeVersion(m *member) string {
	if v, ok := m.env.(interface{ RuntimeVersion() string }); ok && v.RuntimeVersion() != "" {
		return v.RuntimeVersion()
	}
	r := m.spec.Runtime
	if i := strings.IndexAny(r, "0123456789."); i > 0 && !strings.HasPrefix(r, "provided") {
		return r[:i] + ":" + r[i:]
	}
	return r
}

func (m *member) initializationType() string {
	switch {
	case m.spec.InitializationType == "", m.spec.InitializationType == SnapStart && m.boot.Start == Cold:
		return "on-demand"
	}
	return m.spec.InitializationType
}

// initDone adds what AWS logs at the end of an init: in text only of one that failed.
func (m *member) initDone(b Boot, phase string, limit time.Duration) {
	if m.json() || b.Kind != Answered {
		m.initReport(b, phase, limit)
	}
}

// initReport adds INIT_REPORT, which AWS shows of an init that failed, and of every one that a snapshot is taken of. That of a
// restore was there already.
func (m *member) initReport(b Boot, phase string, limit time.Duration) {
	if b.Start == Restored {
		return
	}
	d := time.Duration(b.InitEnd - b.SpawnBegin)
	status := "error"
	switch b.Kind {
	case Answered:
		status = "success"
	case TimedOut:
		status, d = "timeout", limit
	}
	errorType := outcomeErrorType(&b.Outcome)
	if m.json() {
		m.jsonInitReport(phase, status, errorType, d)
		return
	}
	text := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s", milliseconds(d), phase)
	if status != "success" {
		text += "\tStatus: " + status
	}
	if errorType != "" {
		text += "\tError Type: " + errorType
	}
	m.line(time.Now(), text+"\n")
}

// platformError are the error types that AWS's reports name; every other one is Runtime.Unknown there.
var platformError = regexp.MustCompile(`^(Runtime|Function|Extension)\.[A-Z][A-Za-z]{0,99}$`)

func outcomeErrorType(out *Outcome) string {
	switch out.Kind {
	case Failed:
		if platformError.MatchString(out.ErrorType) {
			return out.ErrorType
		}
		return "Runtime.Unknown"
	case Exited:
		if out.OutOfMemory {
			return "Runtime.OutOfMemory"
		}
		return "Runtime.ExitError"
	}
	return ""
}

func startLine(m *member, inv *Invocation) string {
	if m.json() {
		return m.event(info, "platform.start", struct {
			RequestID string `json:"requestId"`
			ARN       string `json:"functionArn"`
			Version   string `json:"version"`
		}{inv.RequestID, m.spec.ARN, m.spec.Version})
	}
	return "START RequestId: " + inv.RequestID + " Version: " + m.spec.Version + "\n"
}

// report adds END and REPORT.
func (m *member) report(r *Result, out *Outcome) {
	t := time.Unix(0, out.Received)
	status, errorType := "success", ""
	switch out.Kind {
	case TimedOut:
		status = "timeout"
	case Exited:
		status, errorType = "error", outcomeErrorType(out)
	case Failed:
		if e := outcomeErrorType(out); e != "Runtime.Unknown" {
			status, errorType = "error", e
		}
	}
	if m.json() {
		m.line(t, m.runtimeDone(r, status, errorType))
		m.line(t, m.jsonReport(r, status, errorType))
		return
	}
	b := append(m.scratch[:0], "END RequestId: "...) // by hand: fmt takes a tenth of a warm invocation for it
	b = append(append(b, r.RequestID...), '\n')
	end := len(b)
	b = append(b, "REPORT RequestId: "...)
	b = append(b, r.RequestID...)
	b = appendMilliseconds(append(b, "\tDuration: "...), r.Duration)
	b = strconv.AppendInt(append(b, " ms\tBilled Duration: "...), r.Billed.Milliseconds(), 10)
	b = strconv.AppendInt(append(b, " ms\tMemory Size: "...), int64(m.spec.MemoryMB), 10)
	b = strconv.AppendInt(append(b, " MB\tMax Memory Used: "...), int64(r.MaxMemoryMB), 10)
	b = append(b, " MB\t"...)
	switch {
	case r.InitDuration > 0 && r.Start == Restored:
		b = appendMilliseconds(append(b, "Restore Duration: "...), r.InitDuration)
		b = strconv.AppendInt(append(b, " ms\tBilled Restore Duration: "...), m.billedRestore().Milliseconds(), 10)
		b = append(b, " ms\t"...)
	case r.InitDuration > 0:
		b = append(appendMilliseconds(append(b, "Init Duration: "...), r.InitDuration), " ms\t"...)
	}
	if status != "success" {
		b = append(append(b, "Status: "...), status...)
		if errorType != "" {
			b = append(append(b, "\tError Type: "...), errorType...)
		}
	}
	b = append(b, '\n')
	m.scratch = b
	both := string(b)
	m.line(t, both[:end])
	m.line(t, both[end:])
}

// appendMilliseconds prints d as AWS does, with two decimals.
func appendMilliseconds(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, milliseconds(d), 'f', 2, 64)
}

// milliseconds rounds to AWS's two decimals.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond).Microseconds()) / 1000
}
