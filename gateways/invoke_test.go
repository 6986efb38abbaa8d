package gateways_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"anthill/gateways"
	"anthill/internal/disk"
	"anthill/store"
	"anthill/value"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// mirror answers with what it was sent.
func mirror(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	h := http.Header{"Content-Type": {r.Header.Get("Content-Type")}, "X-Query": {r.URL.RawQuery}, "X-Custom": r.Header["Custom"]}
	return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(string(body))), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
}

func TestStageCalls(t *testing.T) {
	db, err := disk.Open("db", disk.Options{FS: disk.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := gateways.Open(t.Context(), gateways.Config{Store: store.Open(db), Transport: roundTrip(mirror)})
	if err != nil {
		t.Fatal(err)
	}
	api, err := s.Create(gateways.RestAPI{Account: "000000000000", Region: "us-east-1", Name: "mirror", EndpointTypes: []string{"EDGE"}})
	if err != nil {
		t.Fatal(err)
	}
	uri := "http://mirror.test/"
	_, err = s.Change(gateways.Scope{Account: api.Account, Region: api.Region}, api.ID, func(a *gateways.RestAPI) error {
		for method, auth := range map[string]string{"POST": "NONE", "PUT": "AWS_IAM"} {
			if err := a.AddMethod(a.RootResourceID, &gateways.Method{HTTPMethod: method, AuthorizationType: auth,
				RequestParameters: map[string]bool{}, Integration: &gateways.Integration{Type: "HTTP_PROXY", HTTPMethod: &method, URI: &uri}}); err != nil {
				return err
			}
		}
		_, err := a.Deploy(nil, "live", time.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	k := gateways.NewStageCalls()
	k.Serve(s.Proxy())
	endpoint := `"ApiEndpoint":"` + api.ID + `.execute-api.us-east-1.amazonaws.com","Stage":"live",`
	for _, tc := range []struct{ parameters, status, body string }{
		{`"Method":"POST","RequestBody":{"a":1.0}`, `200 "OK"`, `{"a":1.0}`},
		{`"Method":"POST","RequestBody":"text"`, `200 "OK"`, `"text"`},
		{`"Method":"POST","RequestBody":""`, `200 "OK"`, `""`},
		{`"Method":"POST","RequestBody":null`, `200 "OK"`, ``},
		{`"Method":"GET"`, `403 "Forbidden"`, `{"message":"Missing Authentication Token"}`},
		{`"Method":"PUT"`, `403 "Forbidden"`, `{"message":"Missing Authentication Token"}`},
		{`"Method":"PUT","AuthType":"IAM_ROLE","RequestBody":1`, `200 "OK"`, `1`},
		{`"Method":"POST","Path":"/no/where"`, `403 "Forbidden"`, `{"message":"Missing Authentication Token"}`},
	} {
		p := value.MustParse("{" + endpoint + tc.parameters + "}")
		if wrong := k.Check(p); wrong != nil {
			t.Errorf("%s: %q", tc.parameters, wrong)
		}
		out, body, err := k.Call(t.Context(), p)
		if err != nil {
			t.Errorf("%s: %v", tc.parameters, err)
			continue
		}
		status := out.Get("StatusCode").String() + " " + out.Get("StatusText").String()
		if status != tc.status || body != tc.body {
			t.Errorf("%s: %s %s, want %s %s", tc.parameters, status, body, tc.status, tc.body)
		}
		if cache := out.Get("Headers").Get("X-Cache").String(); cache != `["Miss from cloudfront"]` {
			t.Errorf("X-Cache of an edge-optimized API is %s", cache)
		}
	}
	out, _, err := k.Call(t.Context(), value.MustParse("{"+endpoint+`"Method":"POST","Headers":{"custom":["a","b"]},"QueryParameters":{"q":["1",2]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if h := out.Get("Headers"); h.Get("X-Custom").String() != `["a","b"]` || h.Get("X-Query").String() != `["q=1&q=2"]` {
		t.Errorf("headers %s", h)
	}
}

// What a task's parameters may be (AWS: "Create API Gateway REST APIs with Step Functions", request format).
func TestStageCallsCheck(t *testing.T) {
	k := gateways.NewStageCalls()
	const good = `"ApiEndpoint":"abc123.execute-api.us-east-1.amazonaws.com","Method":"GET"`
	bad := func(field string) []string {
		return []string{"The value of the field '" + field + "' has an invalid format"}
	}
	for _, tc := range []struct {
		parameters string
		want       []string
	}{
		{good, nil},
		{good + `,"Headers":{"a":["b"]},"QueryParameters":{"a":[1,"x"]},"Path":"/p","Stage":"s","RequestBody":null,"AuthType":"NO_AUTH"`, nil},
		{``, []string{"The field 'ApiEndpoint' is required but was missing", "The field 'Method' is required but was missing"}},
		{`"ApiEndpoint":"abc","Method":"GET"`, bad("ApiEndpoint")},
		{`"ApiEndpoint":"abc.execute-api.us-east-1.amazonaws.com","Method":"TRACE"`, bad("Method")},
		{good + `,"Headers":{"a":"b"}`, bad("Headers")},
		{good + `,"Headers":{"host":["b"]}`, bad("Headers")},
		{good + `,"Headers":{"X-Amzn-Trace-Id":["b"]}`, bad("Headers")},
		{good + `,"QueryParameters":["b"]`, bad("QueryParameters")},
		{good + `,"AuthType":"BASIC"`, bad("AuthType")},
		{good + `,"Other":1`, []string{"The field 'Other' is not supported by Step Functions"}},
	} {
		if got := k.Check(value.MustParse("{" + tc.parameters + "}")); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.parameters, got, tc.want)
		}
	}
}
