package sfn

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"anthill/asl"
	"anthill/value"
)

// outputs is what AWS services answer, written by internal/awsgen/outputs.py from AWS's service models.
//
//go:embed outputs.json.gz
var outputs []byte

// answers is one service of outputs.
type answers struct {
	Ops    map[string]string         `json:"ops"`
	Shapes map[string]jsontext.Value `json:"shapes"`
}

// answerShape is a shape of answers that is no scalar.
type answerShape struct {
	Enum     []string          `json:"e"`
	List     string            `json:"l"`
	Map      string            `json:"m"`
	Fields   map[string]string `json:"f"`
	Required []string          `json:"r"`
}

// services reads outputs when they are first asked for.
var services = sync.OnceValue(func() map[string]answers {
	var out map[string]answers
	z, err := gzip.NewReader(bytes.NewReader(outputs))
	if err == nil {
		err = json.UnmarshalRead(z, &out)
	}
	if err != nil {
		panic(fmt.Sprintf("api/sfn: outputs.json.gz: %v", err)) // it is part of the program
	}
	return out
})

// modelNames are services whose name in a Resource is not their model's.
var modelNames = map[string]string{"states": "sfn", "events": "eventbridge", "stepfunctions": "sfn"}

// checkAnswer says why v is not what the service of a Resource could answer. strict wants the required fields too. What is
// not in outputs passes.
func checkAnswer(r asl.Resource, v value.Value, strict bool) error {
	name := strings.ToLower(r.Service)
	if m := modelNames[name]; m != "" {
		name = m
	}
	if r.Kind != asl.Service && r.Kind != asl.SDK || r.Action == "" {
		return nil
	}
	a, ok := services()[name]
	if !ok {
		return nil
	}
	c := checker{a, strict, name == "lambda" && r.Kind == asl.Service}
	shape := a.Ops[strings.ToUpper(r.Action[:1])+r.Action[1:]]
	if shape == "" {
		return nil
	}
	return c.check("", shape, v)
}

// checker walks a value along its shape.
type checker struct {
	answers
	strict bool
	parsed bool // lambda:invoke, whose Payload is JSON and not a blob
}

func (c *checker) check(field, name string, v value.Value) error {
	raw := c.Shapes[name]
	if c.parsed && field == "Payload" {
		return nil
	}
	wants := func(k value.Kind, words string) error {
		if v.Kind() != k {
			return fmt.Errorf("Field '%s' must be %s", field, words)
		}
		return nil
	}
	switch string(raw) {
	case `"s"`:
		return wants(value.String, "a string")
	case `"n"`:
		return wants(value.Number, "a number")
	case `"b"`:
		return wants(value.Bool, "a boolean")
	}
	var s answerShape
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil
	}
	switch {
	case s.Enum != nil:
		if err := wants(value.String, "a string"); err != nil {
			return err
		}
		if !slices.Contains(s.Enum, v.Text()) {
			return fmt.Errorf("Field '%s' is not an expected value", field)
		}
	case s.List != "":
		if err := wants(value.Array, "an array"); err != nil {
			return err
		}
		for _, item := range v.Items() {
			if err := c.check(field, s.List, item); err != nil {
				return err
			}
		}
	case s.Map != "":
		if err := wants(value.Object, "an object"); err != nil {
			return err
		}
		for key, item := range v.Members() {
			if err := c.check(key, s.Map, item); err != nil {
				return err
			}
		}
	default:
		return c.structure(field, &s, v)
	}
	return nil
}

func (c *checker) structure(field string, s *answerShape, v value.Value) error {
	if v.Kind() != value.Object {
		if field == "" {
			return fmt.Errorf("Mock result must be an object")
		}
		return fmt.Errorf("Field '%s' must be an object", field)
	}
	if c.strict {
		for _, r := range s.Required {
			if v.Get(r).IsAbsent() {
				return fmt.Errorf("Required field '%s' is missing", r)
			}
		}
	}
	for key, item := range v.Members() {
		if name := s.Fields[key]; name != "" {
			if err := c.check(key, name, item); err != nil {
				return err
			}
		}
	}
	return nil
}
