package workflows

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"anthill/store"
)

// write is the document of e as a part of a transaction. It is written with each start and each end of an execution: the
// general way to make JSON of it would be a tenth of what a short execution takes.
func (s *Service) write(e *Execution) store.Write {
	if text, ok := e.appendJSON(make([]byte, 0, 768)); ok {
		return s.executions.WriteJSON(e.ARN, text)
	}
	return s.executions.Write(e.ARN, *e)
}

// appendJSON adds what json.Marshal would give, without what is empty; ok is false when a text is not valid UTF-8.
func (e *Execution) appendJSON(b []byte) (_ []byte, ok bool) {
	ok = true
	name := func(n string) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), n...), '"', ':')
	}
	text := func(n, v string) {
		if v == "" {
			return
		}
		name(n)
		var err error
		if b, err = jsontext.AppendQuote(b, v); err != nil {
			ok = false
		}
	}
	instant := func(n string, t time.Time) {
		if !t.IsZero() {
			name(n)
			b = append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
		}
	}
	number := func(n string, v int64) {
		if v != 0 {
			name(n)
			b = strconv.AppendInt(b, v, 10)
		}
	}
	b = append(b, '{')
	text("ARN", e.ARN)
	text("Name", e.Name)
	text("MachineARN", e.MachineARN)
	text("MachineName", e.MachineName)
	text("VersionARN", e.VersionARN)
	text("AliasARN", e.AliasARN)
	text("RevisionKey", e.RevisionKey)
	text("RoleARN", e.RoleARN)
	text("Type", string(e.Type))
	instant("Started", e.Started)
	instant("Stopped", e.Stopped)
	text("Status", string(e.Status))
	text("TraceHeader", e.TraceHeader)
	text("TestCase", e.TestCase)
	text("TestOf", e.TestOf)
	text("MapRunARN", e.MapRunARN)
	text("MapState", e.MapState)
	number("ItemCount", int64(e.ItemCount))
	number("Events", e.Events)
	number("Redrives", int64(e.Redrives))
	instant("Redriven", e.Redriven)
	if len(e.RedriveTokens) > 0 {
		name("RedriveTokens")
		tokens, err := json.Marshal(e.RedriveTokens)
		b, ok = append(b, tokens...), ok && err == nil
	}
	return append(b, '}'), ok
}
