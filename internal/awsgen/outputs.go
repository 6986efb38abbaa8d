package main

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// answers is what one service answers: the shape of each operation's output by its place in Shapes. A shape is "s" (string,
// blob, timestamp), "n" (number), "b" (boolean), "a" (any document) or a shapeOut.
type answers struct {
	Ops    map[string]int `json:"ops"`
	Shapes []any          `json:"shapes"`
}

// shapeOut is a shape that is no scalar; one field says what it is.
type shapeOut struct {
	Enum     []string       `json:"e,omitempty"`
	List     *int           `json:"l,omitempty"`
	Map      *int           `json:"m,omitempty"`
	Fields   map[string]int `json:"f,omitempty"`
	Required []string       `json:"r,omitempty"`
}

// writeOutputs writes api/sfn/outputs.zip from botocore's data directory: one file a service, named as resources of Task
// states name it, which is the service's id in lower case without spaces.
func writeOutputs(from, to string) error {
	paths, err := filepath.Glob(filepath.Join(from, "*", "*", "service-2.json.gz"))
	if err != nil {
		return err
	}
	slices.Sort(paths) // of a service with several versions the last is the newest
	files := map[string][]byte{}
	for _, p := range paths {
		m, err := readGzipModel(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		id := cmp.Or(m.Metadata.ServiceID, m.Metadata.EndpointPrefix)
		name := nameInTasks(id)
		if files[name], err = json.Marshal(answersOf(m)); err != nil {
			return err
		}
	}
	return writeZip(to, files)
}

func readGzipModel(path string) (*model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	m := new(model)
	return m, json.NewDecoder(z).Decode(m)
}

func answersOf(m *model) *answers {
	a := &answers{Ops: map[string]int{}, Shapes: []any{"s", "n", "b", "a"}}
	seen := map[string]int{}
	for _, name := range sortedKeys(m.Operations) {
		if out := m.Operations[name].Output; out != nil {
			a.Ops[name] = a.add(m, out.Shape, seen)
		}
	}
	return a
}

// add gives the place of a shape, which it appends when it is new.
func (a *answers) add(m *model, name string, seen map[string]int) int {
	if i, ok := seen[name]; ok {
		return i
	}
	s := m.Shapes[name]
	scalar := -1
	switch s.Type {
	case "integer", "long", "float", "double", "short", "byte", "bigdecimal", "biginteger":
		scalar = 1
	case "boolean":
		scalar = 2
	case "string", "character", "blob", "timestamp":
		if len(s.Enum) == 0 {
			scalar = 0
		}
	}
	if s.Document {
		scalar = 3
	}
	if scalar >= 0 {
		seen[name] = scalar
		return scalar
	}
	i := len(a.Shapes)
	seen[name] = i
	a.Shapes = append(a.Shapes, nil)
	out := shapeOut{Enum: s.Enum}
	switch s.Type {
	case "list":
		n := a.add(m, s.Member.Shape, seen)
		out.List = &n
	case "map":
		n := a.add(m, s.Value.Shape, seen)
		out.Map = &n
	case "structure":
		out.Fields = map[string]int{}
		for _, f := range s.Members {
			out.Fields[capital(f.Name)] = a.add(m, f.Shape, seen)
		}
		for _, f := range s.Required {
			out.Required = append(out.Required, capital(f))
		}
	}
	a.Shapes[i] = out
	return i
}

// capital is a member's name as Step Functions has it.
func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
