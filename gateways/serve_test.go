package gateways_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"anthill/blobs"
	"anthill/functions"
	"anthill/gateways"
	"anthill/history"
	"anthill/internal/disk"
	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
	"anthill/store"
)

const account, region = "000000000000", "us-east-1"

var scope = gateways.Scope{Account: account, Region: region}

// house is gateways over the real functions service, which stands on a memory disk; Go functions are its environments.
type house struct {
	*gateways.Service
	t         testing.TB
	functions *functions.Service
	seen      []byte // the event that a function saw last
}

// handlers are the functions that every house has, by name.
func (h *house) handlers() map[string]sandboxtest.Func {
	answer := func(text string) sandboxtest.Func {
		return func(_ context.Context, event []byte) ([]byte, error) {
			h.seen = bytes.Clone(event)
			return []byte(text), nil
		}
	}
	return map[string]sandboxtest.Func{
		"ok":        answer(`{"statusCode":200,"headers":{"X-A":"1"},"multiValueHeaders":{"Set-Cookie":["a","b"]},"body":"fine"}`),
		"binary":    answer(`{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"iVBORw==","isBase64Encoded":true}`),
		"malformed": answer(`{"statusCode":200,"body":{"an":"object"}}`),
		"plain":     answer(`{"n":7}`),
		"allow":     answer(`{"principalId":"me","policyDocument":{"Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]},"context":{"level":3}}`),
		"deny":      answer(`{"principalId":"me","policyDocument":{"Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:execute-api:*"}}}`),
		"big":       answer(`{"statusCode":200,"body":"` + strings.Repeat("x", 3<<20) + `"}`),
		"raises":    func(context.Context, []byte) ([]byte, error) { return nil, errors.New("bad request: no name") },
		"hangs":     func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
	}
}

func newHouse(t testing.TB) *house {
	h := &house{t: t}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fs := disk.NewMemory()
	db, err := disk.Open("db", disk.Options{FS: fs})
	must(err)
	bl, err := blobs.Open("blobs", fs, db)
	must(err)
	pool, err := sandbox.Open(t.Context(), sandbox.Config{Driver: sandboxtest.New(h.handlers())})
	must(err)
	st := store.Open(db)
	h.functions, err = functions.Open(t.Context(), functions.Config{Store: st, History: history.Open(db), Blobs: bl, Pool: pool, Settle: -1,
		Dir: filepath.Join(t.TempDir(), "code"), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Architecture: "x86_64"})
	must(err)
	h.Service, err = gateways.Open(t.Context(), gateways.Config{Store: st, Functions: h.functions})
	must(err)
	t.Cleanup(func() {
		for _, c := range []io.Closer{h.functions, pool, db} {
			must(c.Close())
		}
	})
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	_, err = z.Create("app.py")
	must(errors.Join(err, z.Close()))
	for name := range h.handlers() {
		_, err := h.functions.Create(t.Context(), functions.Creation{Ref: functions.Ref{Account: account, Region: region, Name: name},
			Settings: functions.Settings{Runtime: "python3.12", Handler: name, Role: "arn:aws:iam::" + account + ":role/r"}, Code: functions.CodeSource{Zip: code.Bytes()}})
		must(err)
	}
	return h
}

func ptr[T any](v T) *T { return &v }

// lambda is an integration of a function.
func lambda(kind, name string) *gateways.Integration {
	return &gateways.Integration{Type: kind, HTTPMethod: ptr("POST"), PassthroughBehavior: "WHEN_NO_MATCH", Responses: map[string]*gateways.IntegrationResponse{},
		URI: ptr("arn:aws:apigateway:" + region + ":lambda:path/2015-03-31/functions/arn:aws:lambda:" + region + ":" + account + ":function:" + name + "/invocations")}
}

// api makes an API whose root and "{proxy+}" have an ANY method with that integration, and deploys it as "prod".
func (h *house) api(i *gateways.Integration, more ...func(*gateways.RestAPI, *gateways.Method)) *gateways.RestAPI {
	h.t.Helper()
	api, err := h.Create(gateways.RestAPI{Account: account, Region: region, Name: "t", APIKeySource: "HEADER", EndpointTypes: []string{"REGIONAL"}, BinaryMediaTypes: []string{"image/*"}})
	if err != nil {
		h.t.Fatal(err)
	}
	api, err = h.Change(scope, api.ID, func(a *gateways.RestAPI) error {
		below, err := a.AddResource(a.RootResourceID, "{proxy+}")
		if err != nil {
			return err
		}
		for _, id := range []string{a.RootResourceID, below.ID} {
			m := &gateways.Method{HTTPMethod: "ANY", AuthorizationType: "NONE"}
			for _, f := range more {
				f(a, m)
			}
			if err := a.AddMethod(id, m); err != nil {
				return err
			}
			m.Integration = i
		}
		_, err = a.Deploy(nil, "prod", time.Now())
		if err == nil {
			a.Stages["prod"].Variables = map[string]string{"colour": "blue"}
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return api
}

// call asks the stage "prod" by path; headers are name, value, name, value….
func (h *house) call(api *gateways.RestAPI, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, "http://localhost/restapis/"+api.ID+"/prod/_user_request_"+path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return h.serve(r)
}

func (h *house) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.Proxy().ServeHTTP(w, r)
	return w
}

func (h *house) want(w *httptest.ResponseRecorder, status int, body string) {
	h.t.Helper()
	if w.Code != status || w.Body.String() != body {
		h.t.Errorf("got %d %.200s, want %d %s", w.Code, w.Body, status, body)
	}
}

func TestProxyEvent(t *testing.T) {
	h := newHouse(t)
	api := h.api(lambda("AWS_PROXY", "ok"))
	w := h.call(api, "POST", "/a%20b/c?x=1&x=2&y=", `{"k":1}`, "Content-Type", "application/json", "X-Two", "p", "X-Two", "q")
	h.want(w, 200, "fine")
	if got := w.Header().Values("Set-Cookie"); len(got) != 2 || w.Header().Get("X-A") != "1" {
		t.Errorf("headers %v", w.Header())
	}
	var e struct {
		Resource, Path, HTTPMethod, Body string
		Headers                          map[string]string
		MultiValueHeaders                map[string][]string
		QueryStringParameters            map[string]string
		MultiValueQueryStringParameters  map[string][]string
		PathParameters, StageVariables   map[string]string
		IsBase64Encoded                  bool
		RequestContext                   struct{ Path, Stage, ResourcePath, APIID, AccountID, Protocol, RequestID string }
	}
	if err := json.Unmarshal(h.seen, &e); err != nil {
		t.Fatal(err)
	}
	for what, ok := range map[string]bool{
		"resource":       e.Resource == "/{proxy+}" && e.RequestContext.ResourcePath == "/{proxy+}",
		"path":           e.Path == "/a b/c" && e.RequestContext.Path == "/prod/a b/c" && e.PathParameters["proxy"] == "a b/c",
		"body":           e.Body == `{"k":1}` && !e.IsBase64Encoded,
		"query":          e.QueryStringParameters["x"] == "2" && len(e.MultiValueQueryStringParameters["x"]) == 2,
		"headers":        e.Headers["X-Two"] == "q" && len(e.MultiValueHeaders["X-Two"]) == 2 && e.Headers["X-Amzn-Trace-Id"] != "",
		"variables":      e.StageVariables["colour"] == "blue",
		"requestContext": e.RequestContext.Stage == "prod" && e.RequestContext.APIID == api.ID && e.RequestContext.AccountID == account && e.RequestContext.Protocol == "HTTP/1.1",
		"trace":          w.Header().Get("X-Amzn-Trace-Id") == e.Headers["X-Amzn-Trace-Id"] && w.Header().Get("X-Amzn-Requestid") == e.RequestContext.RequestID,
	} {
		if !ok {
			t.Errorf("%s: %s", what, h.seen)
		}
	}
	h.call(api, "GET", "/", "")
	for _, member := range []string{`"body":null`, `"pathParameters":null`, `"queryStringParameters":null`, `"httpMethod":"GET"`} {
		if !bytes.Contains(h.seen, []byte(member)) {
			t.Errorf("no %s in %s", member, h.seen)
		}
	}
	h.call(api, "PUT", "/", "\x00\xff", "Content-Type", "image/png")
	if !bytes.Contains(h.seen, []byte(`"body":"AP8=","isBase64Encoded":true`)) {
		t.Errorf("a binary body: %s", h.seen)
	}
}

func TestAddresses(t *testing.T) {
	h := newHouse(t)
	api := h.api(lambda("AWS_PROXY", "ok"))
	for _, url := range []string{
		"http://localhost/restapis/" + api.ID + "/prod/_user_request_/x", "http://localhost/_aws/execute-api/" + api.ID + "/prod/x",
		"http://" + api.ID + ".execute-api.localhost:4566/prod/x", "http://" + api.ID + ".execute-api.us-east-1.amazonaws.com/prod/x",
	} {
		h.want(h.serve(httptest.NewRequest("GET", url, nil)), 200, "fine")
	}
	w := h.serve(httptest.NewRequest("HEAD", "http://"+api.ID+".execute-api.localhost/prod/", nil))
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "4" {
		t.Errorf("HEAD: %d %q %v", w.Code, w.Body, w.Header())
	}
	for _, url := range []string{"http://localhost/_aws/execute-api/" + api.ID + "/dev/x", "http://nobody.execute-api.localhost/prod/x"} {
		h.want(h.serve(httptest.NewRequest("GET", url, nil)), 403, `{"message":"Forbidden"}`)
	}
}

func TestAnswersOfFunctions(t *testing.T) {
	h := newHouse(t)
	slow := lambda("AWS_PROXY", "hangs")
	slow.TimeoutMillis = 50
	get := lambda("AWS_PROXY", "ok")
	get.HTTPMethod = ptr("GET")
	for _, tc := range []struct {
		name   string
		i      *gateways.Integration
		status int
		body   string
	}{
		{"an exception", lambda("AWS_PROXY", "raises"), 502, `{"message":"Internal server error"}`},
		{"a body that is no text", lambda("AWS_PROXY", "malformed"), 502, `{"message":"Internal server error"}`},
		{"beyond the time limit", slow, 504, `{"message":"Endpoint request timed out"}`},
		{"no such function", lambda("AWS_PROXY", "absent"), 500, `{"message":"Internal server error"}`},
		{"Lambda called with GET", get, 500, `{"message":"Internal server error"}`},
		{"a binary answer", lambda("AWS_PROXY", "binary"), 200, "\x89PNG"},
		{"a big answer", lambda("AWS_PROXY", "big"), 200, strings.Repeat("x", 3<<20)},
	} {
		t.Run(tc.name, func(t *testing.T) { h.want(h.call(h.api(tc.i), "GET", "/", ""), tc.status, tc.body) })
	}
	if err := h.functions.SetReserved(functions.Ref{Account: account, Region: region, Name: "ok"}, ptr(0)); err != nil {
		t.Fatal(err)
	}
	h.want(h.call(h.api(lambda("AWS_PROXY", "ok")), "GET", "/", ""), 429, `{"message":"Limit Exceeded"}`)
	h.want(h.call(h.api(lambda("AWS_PROXY", "plain")), "POST", "/", strings.Repeat("x", 10<<20+1)), 413, `{"message":"Request Too Long"}`)
}

func TestCustomIntegration(t *testing.T) {
	h := newHouse(t)
	i := lambda("AWS", "plain")
	i.RequestTemplates = map[string]string{"application/json": `{"who": "$input.params('who')", "all": $input.json('$.list'), "stage": "$context.stage", "colour": "$stageVariables.colour"}`}
	i.Responses = map[string]*gateways.IntegrationResponse{
		"200": {StatusCode: "200", ResponseTemplates: map[string]string{"application/json": `{"times": $input.path('$.n')}`},
			ResponseParameters: map[string]string{"method.response.header.X-N": "integration.response.body.n", "method.response.header.X-Static": "'yes'"}},
	}
	w := h.call(h.api(i), "POST", "/?who=ant", `{"list":[1, 2]}`)
	h.want(w, 200, `{"times": 7}`)
	if w.Header().Get("X-N") != "7" || w.Header().Get("X-Static") != "yes" {
		t.Errorf("headers %v", w.Header())
	}
	if want := `{"who": "ant", "all": [1,2], "stage": "prod", "colour": "blue"}`; string(h.seen) != want {
		t.Errorf("the function saw %s, want %s", h.seen, want)
	}
	f := lambda("AWS", "raises")
	f.Responses = map[string]*gateways.IntegrationResponse{
		"200": {StatusCode: "200"}, "400": {StatusCode: "400", SelectionPattern: ptr("bad request.*"), ResponseTemplates: map[string]string{"application/json": `$input.path('$.errorMessage')`}},
	}
	h.want(h.call(h.api(f), "GET", "/", ""), 400, "bad request: no name")
	never := lambda("AWS", "plain")
	never.PassthroughBehavior = "NEVER"
	h.want(h.call(h.api(never), "POST", "/", "<a/>", "Content-Type", "text/xml"), 415, `{"message":"Unsupported Media Type"}`)
}

func TestHTTPIntegration(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Up", "stream")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, r.Method+" "+r.URL.String()+" "+r.Header.Get("X-Mapped")+" "+string(b))
	}))
	defer upstream.Close()
	h := newHouse(t)
	i := &gateways.Integration{Type: "HTTP_PROXY", HTTPMethod: ptr("ANY"), URI: ptr(upstream.URL + "/base/{proxy}"), PassthroughBehavior: "WHEN_NO_MATCH",
		RequestParameters: map[string]string{"integration.request.path.proxy": "method.request.path.proxy", "integration.request.header.X-Mapped": "context.stage"}}
	w := h.call(h.api(i), "PUT", "/a/b?q=1", "body")
	h.want(w, 418, "PUT /base/a/b?q=1 prod body")
	if w.Header().Get("X-Up") != "stream" {
		t.Errorf("headers %v", w.Header())
	}
	upstream.Close()
	h.want(h.call(h.api(i), "GET", "/a", ""), 504, `{"message":"Internal server error"}`)
}

func TestAdmission(t *testing.T) {
	h := newHouse(t)
	authorizer := func(function string) func(*gateways.RestAPI, *gateways.Method) {
		return func(a *gateways.RestAPI, m *gateways.Method) {
			au := &gateways.Authorizer{Name: m.HTTPMethod + function, Type: "TOKEN", URI: lambda("", function).URI, Source: ptr("method.request.header.Auth")}
			if len(a.Authorizers) == 0 {
				if err := a.AddAuthorizer(au); err != nil {
					t.Fatal(err)
				}
			}
			for id := range a.Authorizers {
				m.AuthorizationType, m.AuthorizerID = "CUSTOM", &id
			}
		}
	}
	allow := h.api(lambda("AWS_PROXY", "ok"), authorizer("allow"))
	h.want(h.call(allow, "GET", "/", ""), 401, `{"message":"Unauthorized"}`)
	h.want(h.call(allow, "GET", "/", "", "Auth", "token"), 200, "fine")
	if !bytes.Contains(h.seen, []byte(`"authorizer":{"principalId":"me","level":"3"}`)) {
		t.Errorf("the event does not say who was let in: %s", h.seen)
	}
	deny := h.api(lambda("AWS_PROXY", "ok"), authorizer("deny"))
	h.want(h.call(deny, "GET", "/", "", "Auth", "token"), 403, `{"message":"User is not authorized to access this resource with an explicit deny"}`)

	iam := h.api(lambda("AWS_PROXY", "ok"), func(_ *gateways.RestAPI, m *gateways.Method) { m.AuthorizationType = "AWS_IAM" })
	h.want(h.call(iam, "GET", "/", ""), 403, `{"message":"Missing Authentication Token"}`)

	keyed := h.api(lambda("AWS_PROXY", "ok"), func(_ *gateways.RestAPI, m *gateways.Method) { m.APIKeyRequired = true })
	key, err := h.CreateKey(gateways.APIKey{Scope: scope, Name: "k", Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := h.CreatePlan(gateways.UsagePlan{Scope: scope, Name: "p", Stages: []gateways.PlanStage{{API: keyed.ID, Stage: "prod"}}, Throttle: &gateways.Throttle{Burst: 2}})
	if err != nil {
		t.Fatal(err)
	}
	h.want(h.call(keyed, "GET", "/", "", "X-Api-Key", key.Value), 403, `{"message":"Forbidden"}`)
	if _, err := h.AddPlanKey(scope, plan.ID, key.ID); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{200, 200, 429} {
		if w := h.call(keyed, "GET", "/", "", "X-Api-Key", key.Value); w.Code != want {
			t.Errorf("got %d, want %d", w.Code, want)
		}
	}
}

func TestRequestValidator(t *testing.T) {
	h := newHouse(t)
	api := h.api(lambda("AWS_PROXY", "ok"), func(a *gateways.RestAPI, m *gateways.Method) {
		if a.Models["Pet"] == nil {
			v := &gateways.Validator{Body: true, Parameters: true}
			a.AddValidator(v)
			if err := a.AddModel(&gateways.Model{Name: "Pet", ContentType: "application/json",
				Schema: `{"type":"object","required":["name"],"properties":{"name":{"type":"string","minLength":2},"legs":{"type":"integer","maximum":6}}}`}); err != nil {
				t.Fatal(err)
			}
		}
		for id := range a.Validators {
			m.RequestValidatorID = &id
		}
		m.RequestModels = map[string]string{"application/json": "Pet"}
		m.RequestParameters = map[string]bool{"method.request.querystring.q": true, "method.request.header.H": true, "method.request.querystring.o": false}
	})
	h.want(h.call(api, "POST", "/", `{"name":"ant"}`), 400, `{"message":"Missing required request parameters: [H, q]"}`)
	for body, ok := range map[string]bool{`{"name":"ant","legs":6}`: true, `{"name":"a"}`: false, `{"name":"ant","legs":6.5}`: false, `{"name":"ant","legs":8}`: false,
		`{}`: false, ``: false, `[`: false} {
		w := h.call(api, "POST", "/?q=1", body, "H", "1")
		if ok {
			h.want(w, 200, "fine")
		} else {
			h.want(w, 400, `{"message":"Invalid request body"}`)
		}
	}
}

func TestGatewayResponse(t *testing.T) {
	h := newHouse(t)
	api := h.api(lambda("AWS_PROXY", "raises"))
	_, err := h.Change(scope, api.ID, func(a *gateways.RestAPI) error {
		a.GatewayResponses["DEFAULT_5XX"] = &gateways.GatewayResponse{Type: "DEFAULT_5XX", StatusCode: "503",
			Parameters: map[string]string{"gatewayresponse.header.X-Why": "'down'"},
			Templates:  map[string]string{"application/json": `{"said":$context.error.messageString,"kind":"$context.error.responseType","at":"$context.resourcePath"}`}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w := h.call(api, "GET", "/x", "")
	h.want(w, 503, `{"said":"Internal server error","kind":"DEFAULT_5XX","at":"/{proxy+}"}`)
	if w.Header().Get("X-Why") != "down" {
		t.Errorf("headers %v", w.Header())
	}
}
