package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"anthill/api"
	"anthill/api/protocol"
)

// built gives every operation a function that answers an empty output.
func built(f reflect.StructField) reflect.Value {
	return reflect.MakeFunc(f.Type, func([]reflect.Value) []reflect.Value {
		return []reflect.Value{reflect.New(f.Type.Out(0).Elem()), reflect.Zero(f.Type.Out(1))}
	})
}

// decodes fuzzes the Inputs of one service: whatever the bytes, Decode gives an Input or an error that AWS could answer,
// and no panic.
func decodes(f *testing.F, name string, request func(a, b string) *protocol.Request) {
	var svc *protocol.Service
	for _, s := range services(built) {
		if s.Model.Name == name {
			svc = s
		}
	}
	f.Fuzz(func(t *testing.T, op uint8, a, b string) {
		in, err := svc.Decode(int(op)%len(svc.Serve), request(a, b))
		if err != nil {
			if e, ok := err.(*protocol.Error); !ok || e.Code == "" {
				t.Errorf("not an error of AWS's: %v", err)
			}
			return
		}
		if in == nil {
			t.Error("neither an Input nor an error")
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add(uint8(0), `{"name":"n","definition":"{}","tags":[{"key":"k","value":"v"}],"loggingConfiguration":{"level":"ALL"}}`, "")
	f.Add(uint8(29), `{"stateMachineArn":"a","name":"b","input":"{\"x\":1.0}"}`, "")
	f.Add(uint8(3), `{"a":[[[{"b":null}]]],"c":1e400}`, "")
	decodes(f, "sfn", func(a, _ string) *protocol.Request { return &protocol.Request{Body: []byte(a)} })
}

func FuzzREST(f *testing.F) {
	f.Add(uint8(10), `{"FunctionName":"f","Code":{"ZipFile":"AA=="}}`, "Qualifier=1&MaxItems=3")
	decodes(f, "lambda", func(a, b string) *protocol.Request {
		q, _ := url.ParseQuery(b)
		return &protocol.Request{Body: []byte(a), Query: q, Header: http.Header{"X-Amz-Invocation-Type": {b}},
			Labels: []protocol.Label{{Name: "FunctionName", Value: b}, {Name: "VersionNumber", Value: a}}}
	})
}

func FuzzForm(f *testing.F) {
	f.Add(uint8(40), "RoleName=r&Tags.member.1.Key=a&Tags.member.1.Value=b&MaxItems=1", "")
	f.Add(uint8(40), "Tags.member.2.Key=a&Tags.member.-1.Value=b&Tags=", "")
	decodes(f, "iam", func(a, _ string) *protocol.Request {
		q, _ := url.ParseQuery(a)
		return &protocol.Request{Query: q}
	})
}

// Whatever a request looks like, the handler answers it, and an operation it has built is never a 5xx.
func FuzzHandler(f *testing.F) {
	h := api.New(api.Config{Services: services(built)})
	f.Add("POST", "/", "AWSStepFunctions.StartExecution", "AWS4-HMAC-SHA256 Credential=a/b/c/states/aws4_request", "{}")
	f.Add("GET", "/2015-03-31/functions/a%2Fb?Qualifier=1", "", "", "")
	f.Add("PUT", "/restapis/a?mode=merge", "", "Credential=a/b/c/apigateway/aws4_request, x", "{}")
	f.Add("POST", "/?Action=GetRole&Version=2010-05-08", "", "", "RoleName=r")
	f.Fuzz(func(t *testing.T, method, target, op, auth, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" {
			return
		}
		r := (&http.Request{Method: method, URL: u, Host: "localhost", Header: http.Header{"X-Amz-Target": {op}, "Authorization": {auth}},
			Body: http.NoBody, ContentLength: int64(len(body))}).WithContext(context.Background())
		r.Body = httptest.NewRequest("POST", "/", strings.NewReader(body)).Body
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != 501 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
