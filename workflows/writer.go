package workflows

import (
	"context"
	"io"
	"strings"
	"time"

	"anthill/asl"
	"anthill/asl/failure"
	"anthill/asl/interp"
	"anthill/uuid"
	"anthill/value"
)

// Files that a ResultWriter writes, by the outcome of the child executions in them (Developer Guide, "ResultWriter").
const (
	succeededFile = "SUCCEEDED"
	failedFile    = "FAILED"
	pendingFile   = "PENDING"
)

// transformation is what a ResultWriter does with the results of the children that succeeded: NONE, COMPACT or FLATTEN.
func transformation(w *asl.WriterSpec) string {
	switch t := w.Config.Get("Transformation").Text(); {
	case t != "":
		return t
	case w.Resource.ARN == "":
		return "COMPACT"
	}
	return "NONE"
}

// output is the state's result. With a ResultWriter that names a bucket it is written there, and the result says where.
// The error is a *failure.Failure.
func (m *mapRun) output(ctx context.Context) (value.Value, error) {
	w := m.effect.State.Map.Writer
	if w == nil {
		outputs := make([]value.Value, 0, len(m.results))
		for i := range m.results {
			if r := &m.results[i]; r.Status == Succeeded {
				outputs = append(outputs, r.Output.Compact())
			}
		}
		return value.OfArray(outputs...), nil
	}
	if w.Resource.ARN != "" {
		return m.write(ctx, w)
	}
	var out []value.Value
	for i := range m.results {
		out = append(out, m.entries(i, transformation(w))...)
	}
	return value.OfArray(out...), nil
}

// entries are what stands for child i in the results. Those of children that did not succeed are shown whole.
func (m *mapRun) entries(i int, transformation string) []value.Value {
	r := &m.results[i]
	if r.Status == Succeeded && transformation != "NONE" {
		if transformation == "FLATTEN" && r.Output.Kind() == value.Array {
			return r.Output.Slice()
		}
		return []value.Value{r.Output}
	}
	if r.Status == "" {
		input := m.inputs[i].input
		return []value.Value{value.OfObject(value.Member{Key: "Input", Value: value.OfString(input.String())},
			value.Member{Key: "InputDetails", Value: value.OfObject(value.Member{Key: "Included", Value: value.OfBool(true)})},
			value.Member{Key: "StateMachineArn", Value: value.OfString(m.doc().MachineARN)},
			value.Member{Key: "Status", Value: value.OfString("PENDING")})}
	}
	e := m.childOf(i, r.Generation)
	e.Status, e.Started, e.Stopped, e.Redrives = r.Status, r.Started, r.Stopped, r.Redrives
	d := &Result{Execution: e, Input: m.inputs[i].input, Output: r.Output, Error: r.Error, Cause: r.Cause}
	return []value.Value{m.parent.s.describeValue(d, false, func(t time.Time) value.Value { return value.OfString(interp.Timestamp(t)) })}
}

// fileOf is the file that a child's result goes to.
func fileOf(s Status) string {
	switch s {
	case "", Running:
		return pendingFile
	case Succeeded:
		return succeededFile
	}
	return failedFile
}

// write writes the results and a manifest of them.
func (m *mapRun) write(ctx context.Context, w *asl.WriterSpec) (value.Value, error) {
	s := m.parent.s
	bucket := m.effect.Writer.Get("Bucket").Text()
	switch {
	case s.c.Objects == nil:
		return value.Value{}, failure.New(failure.ResultWriterFailed, "This platform has no object storage: nothing can be written by %s", w.Resource.ARN)
	case bucket == "":
		return value.Value{}, failure.New(failure.ResultWriterFailed, "The ResultWriter's Bucket must be a string that is not empty")
	}
	for name := range m.effect.Writer.Members() {
		if name != "Bucket" && name != "Prefix" {
			return value.Value{}, failure.New(failure.ResultWriterFailed, "The ResultWriter's parameter %s is not supported by this platform", name)
		}
	}
	folder := m.effect.ARN[strings.LastIndex(m.effect.ARN, ":")+1:] + "/"
	if prefix := strings.TrimSuffix(m.effect.Writer.Get("Prefix").Text(), "/"); prefix != "" {
		folder = prefix + "/" + folder
	}
	lines := w.Config.Get("OutputType").Text() == "JSONL"
	files := value.OfObject()
	for _, kind := range []string{failedFile, pendingFile, succeededFile} {
		list := value.OfArray()
		if r := m.file(kind, transformation(w), lines); r != nil {
			key := folder + kind + "_0.json"
			if lines {
				key += "l"
			}
			if err := s.c.Objects.Put(ctx, bucket, key, "application/json", r); err != nil {
				return value.Value{}, objectFault(failure.ResultWriterFailed, uuid.New(), err)
			}
			list = value.OfArray(value.OfObject(value.Member{Key: "Key", Value: value.OfString(key)}, value.Member{Key: "Size", Value: value.OfInt(r.size)}))
		}
		files = files.With(kind, list)
	}
	manifest := value.OfObject(value.Member{Key: "DestinationBucket", Value: value.OfString(bucket)},
		value.Member{Key: "MapRunArn", Value: value.OfString(m.effect.ARN)}, value.Member{Key: "ResultFiles", Value: files})
	if err := s.c.Objects.Put(ctx, bucket, folder+"manifest.json", "application/json", strings.NewReader(manifest.String())); err != nil {
		return value.Value{}, objectFault(failure.ResultWriterFailed, uuid.New(), err)
	}
	m.written()
	return value.OfObject(value.Member{Key: "MapRunArn", Value: value.OfString(m.effect.ARN)},
		value.Member{Key: "ResultWriterDetails", Value: value.OfObject(
			value.Member{Key: "Bucket", Value: value.OfString(bucket)}, value.Member{Key: "Key", Value: value.OfString(folder + "manifest.json")})}), nil
}

// written counts the results that are in files now.
func (m *mapRun) written() {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := &m.mu.doc
	d.Items.ResultsWritten, d.Executions.ResultsWritten = d.Items.Total-d.Items.Pending, d.Executions.Total-d.Executions.Pending
}

// file gives the bytes of one file of results; nil when there is nothing to be in it.
func (m *mapRun) file(kind, transformation string, lines bool) *resultFile {
	next := 0
	find := func() bool {
		for ; next < len(m.results); next++ {
			if fileOf(m.results[next].Status) == kind {
				return true
			}
		}
		return false
	}
	if !find() {
		return nil
	}
	return &resultFile{lines: lines, more: func() ([]value.Value, bool) {
		if !find() {
			return nil, false
		}
		next++
		return m.entries(next-1, transformation), true
	}}
}

// resultFile writes results as a JSON array or as lines of JSON, as they are read.
type resultFile struct {
	lines bool
	more  func() ([]value.Value, bool) // the next entries, which may be none; false at the end
	queue []value.Value
	ready []byte
	begun bool
	ended bool
	size  int64
}

func (f *resultFile) Read(p []byte) (int, error) {
	for len(f.ready) == 0 {
		if f.ended {
			return 0, io.EOF
		}
		f.fill()
	}
	n := copy(p, f.ready)
	f.ready = f.ready[n:]
	f.size += int64(n)
	return n, nil
}

// fill makes the next bytes ready.
func (f *resultFile) fill() {
	for ok := true; len(f.queue) == 0; {
		if f.queue, ok = f.more(); !ok {
			f.ended = true
			switch {
			case f.lines:
			case f.begun:
				f.ready = []byte("]")
			default:
				f.ready = []byte("[]")
			}
			return
		}
	}
	text := f.queue[0].Compact().String()
	f.queue = f.queue[1:]
	switch {
	case f.lines:
		f.ready = append([]byte(text), '\n')
	case f.begun:
		f.ready = append([]byte{','}, text...)
	default:
		f.ready = append([]byte{'['}, text...)
	}
	f.begun = true
}
