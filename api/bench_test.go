package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"anthill/api"
	"anthill/api/lambda"
	"anthill/api/protocol"
	"anthill/api/sfn"
)

// The cost of the doors themselves: operations that do nothing, through the handler, beside a bare net/http handler that
// reads the body and answers the same bytes. "/direct" calls the handler without a network, "/http" over loopback.
func BenchmarkHandler(b *testing.B) {
	h := api.New(api.Config{Services: []*protocol.Service{
		sfn.Operations{StartExecution: func(_ context.Context, in *sfn.StartExecutionInput) (*sfn.StartExecutionOutput, error) {
			return &sfn.StartExecutionOutput{ExecutionArn: in.StateMachineArn}, nil
		}}.Service(),
		lambda.Operations{Invoke: func(_ context.Context, in *lambda.InvokeInput) (*lambda.InvokeOutput, error) {
			return &lambda.InvokeOutput{StatusCode: new(int32(200)), Payload: in.Payload}, nil
		}}.Service(),
	}})
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	})
	start := func() *http.Request {
		r, _ := http.NewRequest("POST", "http://x/", strings.NewReader(`{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:Chain","name":"n-1","input":"{\"n\": 1}"}`))
		r.Header.Set("X-Amz-Target", "AWSStepFunctions.StartExecution")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0")
		return r
	}
	invoke := func() *http.Request {
		r, _ := http.NewRequest("POST", "http://x/2015-03-31/functions/predict/invocations", strings.NewReader(`{"instances":[[5.1,3.5,1.4,0.2]]}`))
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
		return r
	}
	for _, c := range []struct {
		name string
		h    http.Handler
		r    func() *http.Request
	}{{"floor", bare, invoke}, {"StartExecution", h, start}, {"Invoke", h, invoke}} {
		b.Run(c.name+"/direct", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				if c.h.ServeHTTP(w, c.r()); w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
		b.Run(c.name+"/http", func(b *testing.B) {
			server := httptest.NewServer(c.h)
			defer server.Close()
			for b.Loop() {
				r := c.r()
				r.URL.Host = strings.TrimPrefix(server.URL, "http://")
				res, err := server.Client().Do(r)
				if err != nil || res.StatusCode != 200 {
					b.Fatal(err)
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
	}
}
