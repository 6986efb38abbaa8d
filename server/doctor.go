package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"anthill/blobs"
	"anthill/fault"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/store"
)

// Diagnosis is what a data directory holds and what is the matter with it.
type Diagnosis struct {
	Findings []disk.Finding
	Readable []string // what can be read, a line each
}

// Lost reports whether anything that was acknowledged is lost or may be.
func (d *Diagnosis) Lost() bool {
	return slices.ContainsFunc(d.Findings, func(f disk.Finding) bool { return f.Lost })
}

// String says it line by line: LOST is what cannot be read, note what a crash may have cut off, ok what can be read.
func (d *Diagnosis) String() string {
	var b strings.Builder
	for _, f := range d.Findings {
		mark := "note"
		if f.Lost {
			mark = "LOST"
		}
		fmt.Fprintf(&b, "%s  %s: %s\n", mark, f.Part, f.Text)
	}
	for _, line := range d.Readable {
		fmt.Fprintln(&b, "ok    "+line)
	}
	return b.String()
}

// Examine looks through a data directory, or a backup of one, that no platform has open. It changes nothing.
func Examine(data string) (*Diagnosis, error) {
	const op = "server.Examine"
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "data directory", Name: data, Detail: "there is no directory " + data, Err: err}
	}
	x, err := disk.Examine(databaseDir(data), nil)
	if err != nil {
		return nil, fault.In(op, explain(err, data))
	}
	d := &Diagnosis{Findings: x.Findings}
	d.Readable = append(d.Readable, fmt.Sprintf("%d tables, %d commits in the logs", x.Tables, x.Commits))
	if x.DB() != nil {
		d.rooms(x, data)
	}
	return d, fault.In(op, x.Close())
}

// rooms looks at the contents, room by room.
func (d *Diagnosis) rooms(x *disk.Examination, data string) {
	census := history.Check(x)
	d.Findings = append(d.Findings, census.Findings...)
	collections, findings := store.Check(x)
	d.Findings = append(d.Findings, findings...)
	whole, findings := blobs.Check(x, filepath.Join(data, "blobs"), nil)
	d.Findings = append(d.Findings, findings...)
	var names []string
	for name, n := range collections {
		names = append(names, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(names)
	d.Readable = append(d.Readable,
		fmt.Sprintf("%d events in %d streams", census.Events, census.Streams),
		"definitions: "+strings.Join(names, ", "),
		fmt.Sprintf("%d blobs", whole))
}
