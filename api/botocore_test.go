package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"anthill/api"
	"anthill/api/apigateway"
	"anthill/api/ecr"
	"anthill/api/iam"
	"anthill/api/lambda"
	"anthill/api/logs"
	"anthill/api/protocol"
	"anthill/api/sfn"
	"anthill/fault"
)

// python finds a Python that has boto3: the tests' own environment before the machine's.
func python(t *testing.T) string {
	t.Helper()
	cache, _ := os.UserCacheDir()
	for _, p := range []string{filepath.Join(cache, "anthill", "test-env", "bin", "python"), "python3"} {
		if exec.Command(p, "-c", "import boto3").Run() == nil {
			return p
		}
	}
	t.Skip("no Python with boto3: `make test-env` prepares one")
	return ""
}

// echo answers every operation with a sample of its output, or its sample error, and remembers what it was given.
type echo struct {
	mu struct {
		sync.Mutex
		seen map[string]any // by request id: {"input": …, "output": …}
	}
	models map[string]*protocol.Model
}

func (e *echo) build(f reflect.StructField) reflect.Value {
	return reflect.MakeFunc(f.Type, func(args []reflect.Value) []reflect.Value {
		c := protocol.CallOf(args[0].Interface().(context.Context))
		m := e.models[c.Service]
		var op protocol.Operation
		for _, o := range m.Operations {
			if o.Name == c.Operation {
				op = o
			}
		}
		record := map[string]any{"input": plain2(m, op.Input, args[1]), "region": c.Region, "account": c.Account, "key": c.AccessKey}
		out := reflect.New(f.Type.Out(0).Elem())
		sample(out.Elem(), 0)
		for i, mem := range m.Shapes[op.Output].Members {
			if f := out.Elem().Field(i); mem.In == protocol.InHeader && f.Type() == reflect.TypeFor[*string]() {
				f.Elem().SetString("a header's text") // headers hold no line breaks and no letters beyond Latin-1
			}
		}
		record["output"] = plain2(m, op.Output, out)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.mu.seen[c.RequestID] = record
		return []reflect.Value{out, reflect.Zero(f.Type.Out(1))}
	})
}

func plain2(m *protocol.Model, id protocol.ShapeID, v reflect.Value) any {
	if id == 0 {
		return map[string]any{}
	}
	return plain(m, id, v)
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = json.NewEncoder(w).Encode(e.mu.seen[r.URL.Query().Get("id")])
}

// Every operation of every service, every member of it, through the real client: what boto3 sent is what the door saw,
// and what the door answered is what boto3 gives.
func TestBotocoreRoundTrip(t *testing.T) {
	py := python(t)
	e := &echo{models: map[string]*protocol.Model{}}
	e.mu.seen = map[string]any{}
	var free []*protocol.Service
	for _, s := range services(e.build) {
		e.models[s.Model.Name] = s.Model
		free = append(free, unlimited(s))
	}
	server := httptest.NewServer(api.New(api.Config{Services: free, Fallback: e}))
	defer server.Close()
	out, err := exec.Command(py, "testdata/roundtrip.py", server.URL).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// Errors of every protocol, modeled and not, with and without further members, as boto3 raises them. The access key says
// which error the door answers.
func TestBotocoreErrors(t *testing.T) {
	py := python(t)
	errs := map[string]error{
		"lambdaNotFound":   &lambda.ResourceNotFoundException{Type: "User", Message: "no <é> \"here\""},
		"lambdaThrottle":   &lambda.TooManyRequestsException{Type: "User", Message: "Rate Exceeded.", Reason: "ReservedFunctionConcurrentInvocationLimitExceeded", RetryAfterSeconds: "1"},
		"lambdaPlain":      &protocol.Error{Code: "ValidationException", Message: "wrong"},
		"lambdaExtra":      &protocol.Error{Code: "InvalidParameterValueException", Message: "wrong", Status: 400, Extra: map[string]string{"Type": "User"}},
		"sfnMissing":       &sfn.StateMachineDoesNotExist{Message: "State Machine Does Not Exist: 'x'"},
		"sfnReason":        &sfn.ValidationException{Message: "no", Reason: "API_DOES_NOT_SUPPORT_LABELED_ARNS"},
		"logsUnmodeled":    &logs.ResourceNotFoundException{Message: "The specified log group does not exist."},
		"logsMember":       &logs.InvalidSequenceTokenException{Message: "bad token", ExpectedSequenceToken: "42"},
		"iamMissing":       &iam.NoSuchEntityException{Message: "no <é> & such"},
		"iamServer":        &iam.ServiceFailureException{Message: "broken"},
		"stsInvalid":       &protocol.Error{Code: "ValidationError", Message: "x is invalid"},
		"ecrMissing":       &ecr.RepositoryNotFoundException{Message: "none"},
		"apiMissing":       &apigateway.NotFoundException{Message: "Invalid API identifier specified"},
		"apiThrottled":     &apigateway.TooManyRequestsException{Message: "slow down", RetryAfterSeconds: "3"},
		"faultConflict":    &fault.Error{Kind: fault.Conflict, Noun: "function", Name: "f", Detail: "busy"},
		"faultInternal":    errors.New("a disk is on fire"),
		"faultUnsupported": &fault.Error{Kind: fault.Unsupported, Detail: "not yet"},
	}
	quiet := slog.New(slog.DiscardHandler)
	server := httptest.NewServer(api.New(api.Config{Log: quiet, Services: services(func(f reflect.StructField) reflect.Value {
		return reflect.MakeFunc(f.Type, func(args []reflect.Value) []reflect.Value {
			err := errs[protocol.CallOf(args[0].Interface().(context.Context)).AccessKey]
			return []reflect.Value{reflect.Zero(f.Type.Out(0)), reflect.ValueOf(&err).Elem()}
		})
	})}))
	defer server.Close()
	out, err := exec.Command(py, "testdata/errors.py", server.URL).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
