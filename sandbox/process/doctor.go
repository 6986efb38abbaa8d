package process

import (
	"context"
	"fmt"
	"os"
	"strings"

	"anthill/fault"
	"anthill/sandbox/runtimes"
	"anthill/sandbox/supervisor"
)

// Doctor says what this machine gives to environments and what is missing: isolation, limits, interpreters and their
// libraries. It changes nothing.
func Doctor(ctx context.Context, c Config) ([]supervisor.Finding, error) {
	const op = "process.Doctor"
	dir, err := os.MkdirTemp("", "anthill-doctor-")
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer os.RemoveAll(dir)
	c.Dir = dir
	d, err := Open(ctx, c)
	if err != nil {
		return nil, fault.In(op, err)
	}
	all := supervisor.Examine(ctx, dir, d.c.Supervisor)
	pythons := d.c.Runtimes.Pythons(ctx)
	python := supervisor.Finding{Name: "python", OK: len(pythons) > 0, Detail: "no python3 from 3.8 on was found: install one"}
	var found []string
	for _, i := range pythons {
		state := "boto3 is installed at first use"
		if _, err := os.Stat(runtimes.Libraries(d.c.Cache, i)); err == nil {
			state = "boto3 ready"
		}
		if i.Instead != "" {
			state += ", markedly faster than " + i.Instead
		}
		found = append(found, fmt.Sprintf("%s (%s, %s)", i.Version, i.Path, state))
	}
	if len(found) > 0 {
		python.Detail = strings.Join(found, "; ")
	}
	node := supervisor.Finding{Name: "nodejs", Detail: "no node was found in PATH: functions of nodejs runtimes are refused"}
	found = nil
	for _, i := range d.c.Runtimes.Nodes(ctx) {
		found = append(found, fmt.Sprintf("%s (%s)", i.Version, i.Path))
	}
	if len(found) > 0 {
		node.OK, node.Detail = true, strings.Join(found, "; ")
	}
	wake, err := wakeups()
	return append(all, wake, python, node), fault.In(op, err)
}

// Isolation says in one line what keeps functions apart here, and what of it is missing.
func (d *Driver) Isolation(ctx context.Context) string {
	var has, lacks []string
	for _, f := range supervisor.Examine(ctx, d.c.Dir, d.c.Supervisor) {
		switch {
		case f.Name == "user" || f.Name == "landlock":
		case f.OK:
			has = append(has, f.Name)
		default:
			lacks = append(lacks, f.Name)
		}
	}
	said := "Functions are processes of this machine with " + strings.Join(has, ", ") + " of their own"
	if len(lacks) > 0 {
		said += "; it does not give " + strings.Join(lacks, ", ") + ": see anthill doctor"
	}
	return said + "."
}

// PrepareRuntimes installs what identifiers lack here: the version of Node.js that one names, and the libraries of the Python
// that one runs on, as its first function would. progress is told of each step in a line without newline.
func PrepareRuntimes(ctx context.Context, c Config, identifiers []string, progress func(line string)) error {
	const op = "process.PrepareRuntimes"
	var err error
	if c.Cache == "" {
		if c.Cache, err = DefaultCache(); err != nil {
			return fault.In(op, err)
		}
	}
	if c.Runtimes == nil {
		c.Runtimes = &runtimes.Catalog{Cache: c.Cache}
	}
	for _, id := range identifiers {
		i, exact, err := c.Runtimes.Resolve(ctx, id)
		if strings.HasPrefix(id, "nodejs") && !exact && !fault.Is(err, fault.Invalid) {
			if err := runtimes.PrepareNode(ctx, c.Cache, id, progress); err != nil {
				return fault.In(op, err)
			}
			i, exact, err = c.Runtimes.Resolve(ctx, id)
		}
		if err != nil {
			return fault.In(op, err)
		}
		if !exact {
			progress(fmt.Sprintf("%s runs on %s %s here", id, i.Language, i.Version))
		}
		if i.Language != "python" {
			continue
		}
		if _, err := runtimes.Prepare(ctx, c.Cache, i, progress); err != nil {
			return fault.In(op, err)
		}
	}
	return nil
}
