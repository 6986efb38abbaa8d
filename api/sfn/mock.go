package sfn

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"anthill/asl"
	"anthill/value"
)

// outputs is what AWS services answer: a zip archive with a file a service, written by internal/awsgen from AWS's service
// models. A file is read when a mock of its service is checked.
//
//go:embed outputs.zip
var outputs []byte

// answers is one file of outputs. Shapes are known by their place.
type answers struct {
	Ops    map[string]int   `json:"ops"`
	Shapes []jsontext.Value `json:"shapes"`
}

// answerShape is a shape of answers that is no scalar; one of its fields is set.
type answerShape struct {
	Enum     []string       `json:"e"`
	List     *int           `json:"l"`
	Map      *int           `json:"m"`
	Fields   map[string]int `json:"f"`
	Required []string       `json:"r"`
}

// readAnswers gives the answers of a service by its name in outputs; false when there is no such service.
func readAnswers(service string) (*answers, bool) {
	z, err := zip.NewReader(bytes.NewReader(outputs), int64(len(outputs)))
	if err != nil {
		return nil, false
	}
	f, err := z.Open(service)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	a := new(answers)
	return a, json.UnmarshalRead(f, a) == nil
}

// answerOf is the API operation whose output a task's result is, by the name of its service in outputs. operation is empty
// when no API says what the result looks like: of functions and activities, of HTTP and API Gateway calls, and of what a
// task token's owner sends.
func answerOf(r asl.Resource) (service, operation string) {
	if r.Kind != asl.Service && r.Kind != asl.SDK || r.Action == "" || r.Pattern == asl.WaitForTaskToken {
		return "", ""
	}
	service = strings.ReplaceAll(strings.ToLower(r.Service), "-", "")
	operation = strings.ToUpper(r.Action[:1]) + r.Action[1:]
	if r.Kind == asl.SDK {
		return service, operation
	}
	switch {
	case service == "states":
		service = "sfn"
	case service == "events":
		service = "eventbridge"
	case operation == "InvokeModel":
		service = "bedrockruntime"
	}
	if r.Pattern == asl.Sync {
		operation = polled(service, operation)
	}
	return service, operation
}

// polled is the operation that a .sync integration asks until the work is done: its answer is the task's result. It is
// empty for integrations that make their result of parts of an answer.
func polled(service, operation string) string {
	switch service + ":" + operation {
	case "sfn:StartExecution":
		return "DescribeExecution"
	case "athena:StartQueryExecution":
		return "GetQueryExecution"
	case "sagemaker:CreateTrainingJob", "sagemaker:CreateTransformJob", "sagemaker:CreateProcessingJob",
		"sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateLabelingJob":
		return "Describe" + strings.TrimPrefix(operation, "Create")
	case "databrew:StartJobRun":
		return "DescribeJobRun"
	case "bedrock:CreateModelCustomizationJob":
		return "GetModelCustomizationJob"
	}
	return ""
}

// checkAnswer says why v is not what the service of a Resource could answer (API reference, MockInput,
// fieldValidationMode). strict wants the required fields too. Fields that the API does not know pass.
func checkAnswer(r asl.Resource, v value.Value, strict bool) error {
	service, operation := answerOf(r)
	if operation == "" {
		return nil
	}
	a, ok := readAnswers(service)
	if !ok {
		return nil
	}
	shape, ok := a.Ops[operation]
	if !ok {
		return nil
	}
	c := checker{a, strict}
	return c.check("", shape, v)
}

// checker walks a value along its shape.
type checker struct {
	*answers
	strict bool
}

// mismatch words a value that is of another kind than its field. The answer itself has no name.
func mismatch(field, what string) error {
	if field == "" {
		return fmt.Errorf("Mock result must be %s", what)
	}
	return fmt.Errorf("Field '%s' must be %s", field, what)
}

func (c *checker) check(field string, shape int, v value.Value) error {
	raw := c.Shapes[shape]
	wants := func(k value.Kind, what string) error {
		if v.Kind() != k {
			return mismatch(field, what)
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
	case `"a"`:
		return nil
	}
	var s answerShape
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	switch {
	case s.Enum != nil:
		if err := wants(value.String, "a string"); err != nil {
			return err
		}
		if !slices.Contains(s.Enum, v.Text()) {
			return fmt.Errorf("Field '%s' is not an expected value", field)
		}
	case s.List != nil:
		if err := wants(value.Array, "an array"); err != nil {
			return err
		}
		for _, item := range v.Items() {
			if err := c.check(field, *s.List, item); err != nil {
				return err
			}
		}
	case s.Map != nil:
		if err := wants(value.Object, "an object"); err != nil {
			return err
		}
		for key, item := range v.Members() {
			if err := c.check(key, *s.Map, item); err != nil {
				return err
			}
		}
	default:
		if err := wants(value.Object, "an object"); err != nil {
			return err
		}
		return c.structure(&s, v)
	}
	return nil
}

func (c *checker) structure(s *answerShape, v value.Value) error {
	if c.strict {
		for _, r := range s.Required {
			if v.Get(r).IsAbsent() {
				return fmt.Errorf("Required field '%s' is missing", r)
			}
		}
	}
	for key, item := range v.Members() {
		if shape, ok := s.Fields[key]; ok {
			if err := c.check(key, shape, item); err != nil {
				return err
			}
		}
	}
	return nil
}
