package interp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/value"
)

// TestLanguage runs the language files of asl/testdata, one for each section of the specification. A file holds cases:
//
//	-- NAME.asl --     a definition; a lone object of states is put into a machine that starts with the first
//	-- NAME.input --   the input; {} when left out
//	-- NAME.tasks --   what tasks give, a line each: STATE JSON, or STATE !ERROR cause; others give their arguments
//	-- NAME.rows --    texts that take the place of ROW in all of these, a line each: as many cases
//	-- NAME.want --    what comes of it: the status with the output or the failure, or the problems of the definition
func TestLanguage(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no language files", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		part := func(name string) *txtar.File {
			for i := range archive.Files {
				if archive.Files[i].Name == name {
					return &archive.Files[i]
				}
			}
			return nil
		}
		for _, f := range slices.Clone(archive.Files) {
			name, ok := strings.CutSuffix(f.Name, ".asl")
			if !ok {
				continue
			}
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
				input, tasks := "{}", ""
				if p := part(name + ".input"); p != nil {
					input = string(p.Data)
				}
				if p := part(name + ".tasks"); p != nil {
					tasks = string(p.Data)
				}
				var got string
				if rows := part(name + ".rows"); rows == nil {
					got = comesOf(t, string(f.Data), input, tasks)
				} else {
					got = comesOfRows(t, string(rows.Data), string(f.Data), input, tasks)
				}
				want := part(name + ".want")
				switch {
				case *update && want == nil:
					at := slices.IndexFunc(archive.Files, func(x txtar.File) bool { return x.Name == f.Name }) + 1
					for at < len(archive.Files) && strings.HasPrefix(archive.Files[at].Name, name+".") {
						at++
					}
					archive.Files = slices.Insert(archive.Files, at, txtar.File{Name: name + ".want", Data: []byte(got)})
				case *update:
					want.Data = []byte(got)
				case want == nil:
					t.Error("no .want")
				case string(want.Data) != got:
					t.Errorf("got\n%s\nwant\n%s", got, want.Data)
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// comesOfRows is what comes of each row, indented below it.
func comesOfRows(t *testing.T, rows, definition, input, tasks string) string {
	var b strings.Builder
	for row := range strings.Lines(rows) {
		fill := strings.NewReplacer("ROW", strings.TrimSuffix(row, "\n")).Replace
		b.WriteString(row)
		for line := range strings.Lines(comesOf(t, fill(definition), fill(input), fill(tasks))) {
			b.WriteString("\t" + line)
		}
	}
	return b.String()
}

func comesOf(t *testing.T, definition, input, tasks string) string {
	def, err := value.Parse(definition)
	if err == nil && def.Get("StartAt").IsAbsent() && def.Get("States").IsAbsent() && def.Len() > 0 && def.At(0).Value.Kind() == value.Object {
		definition = fmt.Sprintf(`{"StartAt": %s, "States": %s}`, value.OfString(def.Keys()[0]), definition)
	}
	m, problems := asl.Parse(definition, asl.Options{})
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s %s: %s at %s\n", p.Severity, p.Code, p.Message, p.Location)
	}
	if m == nil {
		return b.String()
	}
	x := newExecution(m)
	now := epoch
	x.Decide(interp.Start{Input: value.MustParse(input), Seed: [16]byte{1}}, now)
	for rounds := 0; !x.Done() && rounds < 1000; rounds++ {
		var first *interp.Timer
		var in interp.Input
		for _, e := range x.Pending() {
			switch e := e.(type) {
			case *interp.RunTask:
				if in == nil {
					in = answer(e, tasks)
				}
			case *interp.Timer:
				if first == nil || e.At.Before(first.At) {
					first = e
				}
			}
		}
		if in == nil && first == nil {
			break
		}
		if in == nil {
			now = first.At
			in = interp.TimerFired{Timer: first.Timer}
		}
		x.Decide(in, now)
	}
	switch f := x.Failure(); x.Status() {
	case interp.Succeeded:
		fmt.Fprintf(&b, "SUCCEEDED %s", x.Output().Raw())
	default:
		fmt.Fprintf(&b, "%s %s", x.Status(), f.Name)
		if f.Cause != "" {
			fmt.Fprintf(&b, ": %s", f.Cause)
		}
	}
	if d := now.Sub(epoch); d > 0 {
		fmt.Fprintf(&b, " after %s", d)
	}
	return b.String() + "\n"
}

// answer is what the lines of tasks say of a task: the line for the state whose turn it is, else the last for it.
func answer(e *interp.RunTask, tasks string) interp.Input {
	var lines []string
	for _, line := range strings.Split(tasks, "\n") {
		if state, what, _ := strings.Cut(line, " "); state == e.State {
			lines = append(lines, what)
		}
	}
	if len(lines) == 0 {
		return interp.TaskOutput{Task: e.Task, Output: e.Arguments}
	}
	line := lines[min(e.Attempt, len(lines)-1)]
	if line == "never" {
		return nil
	}
	if name, ok := strings.CutPrefix(line, "!"); ok {
		name, cause, _ := strings.Cut(name, " ")
		return interp.TaskFailure{Task: e.Task, Error: name, Cause: cause}
	}
	return interp.TaskOutput{Task: e.Task, Output: value.MustParse(line)}
}
