package connections_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"anthill/asl"
	"anthill/asl/interp"
	"anthill/connections"
	"anthill/internal/disk"
	"anthill/store"
	"anthill/value"
	"anthill/workflows"
)

// echo answers with what it was sent; /status/N with that status.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Date", "now")
	var n int
	if _, err := fmt.Sscanf(r.URL.Path, "/status/%d", &n); err == nil {
		w.WriteHeader(n)
		fmt.Fprint(w, `{"sorry": true}`)
		return
	}
	if r.URL.Path == "/text" {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "plain")
		return
	}
	if r.URL.Path == "/large" {
		fmt.Fprint(w, strings.Repeat("x", 256<<10+1))
		return
	}
	fmt.Fprintf(w, `{"line":%q,"auth":%q,"key":%q,"type":%q,"agent":%q,"x":%q,"body":%q}`, r.Method+" "+r.URL.RequestURI(), r.Header.Get("Authorization"), r.Header.Get("X-Key"),
		r.Header.Get("Content-Type"), r.UserAgent(), r.Header.Get("X"), body)
}

func newService(t *testing.T) (*connections.Service, string) {
	db, err := disk.Open("db", disk.Options{FS: disk.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	server := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(server.Close)
	s := connections.Open(connections.Config{Store: store.Open(db)})
	t.Cleanup(func() { s.Close() })
	return s, server.URL
}

func task(parameters string) *workflows.Task {
	res, _ := asl.ParseResource("arn:aws:states:::http:invoke")
	return &workflows.Task{RunTask: &interp.RunTask{Resource: res, Arguments: value.MustParse(parameters)}, Scope: workflows.Scope{Account: "1", Region: "us-east-1"}}
}

// TestCalls holds what is sent and what comes of the answers (developer guide, "Call HTTPS APIs").
func TestCalls(t *testing.T) {
	s, at := newService(t)
	made := map[string]string{}
	for name, auth := range map[string]connections.Auth{
		"basic": {Kind: connections.Basic, User: "u", Password: "p"},
		"key": {Kind: connections.APIKey, Key: "X-Key", Value: "secret", Headers: []connections.Parameter{{Key: "X", Value: "theirs"}},
			Query: []connections.Parameter{{Key: "q", Value: "1 2"}}, Body: []connections.Parameter{{Key: "b", Value: "more"}}},
	} {
		c, err := s.Create(connections.Connection{Name: name, Account: "1", Region: "us-east-1", Auth: auth})
		if err != nil {
			t.Fatal(err)
		}
		made[name] = c.ARN
	}
	for _, c := range []struct{ name, connection, parameters, want string }{
		{"GET", "basic", `"Method":"GET","ApiEndpoint":"AT/a","QueryParameters":{"x":["1","2"],"y":"a b"}`,
			`{"line":"GET /a?x=1&x=2&y=a+b","auth":"Basic dTpw","key":"","type":"","agent":"Amazon|StepFunctions|HttpInvoke|us-east-1","x":"","body":""}`},
		{"what the connection adds wins", "key", `"Method":"POST","ApiEndpoint":"AT/a?z=0","Headers":{"X":"mine"},"QueryParameters":{"q":"mine"},"RequestBody":{"a":[1.0,{"c":null}]}`,
			`{"line":"POST /a?z=0&q=1+2","auth":"","key":"secret","type":"application/json","agent":"Amazon|StepFunctions|HttpInvoke|us-east-1","x":"theirs","body":"{\"a\":[1.0,{\"c\":null}],\"b\":\"more\"}"}`},
		{"a form", "basic", `"Method":"POST","ApiEndpoint":"AT/","RequestBody":{"n":{"m":1},"l":["a","b"]},"Transform":{"RequestBodyEncoding":"URL_ENCODED"}`,
			`n%5Bm%5D=1&l%5B0%5D=a&l%5B1%5D=b`},
		{"repeated", "basic", `"Method":"POST","ApiEndpoint":"AT/","RequestBody":{"l":["a","b"]},"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"REPEAT"}}`, `l=a&l=b`},
		{"commas", "basic", `"Method":"POST","ApiEndpoint":"AT/","RequestBody":{"l":["a","b"]},"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"COMMAS"}}`, `l=a%2Cb`},
		{"brackets", "basic", `"Method":"POST","ApiEndpoint":"AT/","RequestBody":{"l":["a","b"]},"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"BRACKETS"}}`, `l%5B%5D=a&l%5B%5D=b`},
		{"text", "basic", `"Method":"GET","ApiEndpoint":"AT/text"`, `"plain"`},
		{"a status", "basic", `"Method":"GET","ApiEndpoint":"AT/status/404"`, `States.Http.StatusCode.404 {"sorry": true}`},
		{"too large", "basic", `"Method":"GET","ApiEndpoint":"AT/large"`, `States.DataLimitExceeded`},
		{"nobody", "basic", `"Method":"GET","ApiEndpoint":"http://127.0.0.1:1/"`, `States.Http.Socket`},
	} {
		out := s.Do(t.Context(), task(`{"InvocationConfig":{"ConnectionArn":"`+made[c.connection]+`"},`+strings.ReplaceAll(c.parameters, `"AT/`, `"`+at+"/")+`}`))
		got := ""
		if f := out.Failure; f != nil {
			got = f.Name + " " + f.Cause
		} else {
			body := out.Output.Get("ResponseBody")
			got = body.String()
			if !strings.HasPrefix(c.want, "{") && body.Kind() == value.Object {
				got = body.Get("body").Text()
			}
			if n, _ := out.Output.Get("StatusCode").Int(); n != 200 || out.Output.Get("StatusText").Text() != "OK" || out.Output.Get("Headers").Get("date").Index(0).Text() != "now" {
				t.Errorf("%s: %s", c.name, out.Output)
			}
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if out := s.Do(t.Context(), task(`{"Authentication":{"ConnectionArn":"arn:aws:events:us-east-1:1:connection/x/y"},"Method":"GET","ApiEndpoint":"`+at+`"}`)); out.Failure == nil || out.Failure.Name != "Events.ConnectionResource.ResourceNotFound" {
		t.Errorf("without a connection: %+v", out.Failure)
	}
}

// What a connection adds is shown only to who asks for secrets.
func TestInspection(t *testing.T) {
	s, at := newService(t)
	c, err := s.Create(connections.Connection{Name: "c", Account: "1", Region: "us-east-1", Auth: connections.Auth{Kind: connections.Basic, User: "u", Password: "p",
		Query: []connections.Parameter{{Key: "token", Value: "hidden"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, secrets := range []bool{false, true} {
		x := task(`{"Authentication":{"ConnectionArn":"` + c.ARN + `"},"Method":"POST","ApiEndpoint":"` + at + `/status/500","Headers":{"A":"b"},"RequestBody":1}`)
		x.Inspected, x.Secrets = true, secrets
		out := s.Do(t.Context(), x)
		if len(out.Inspection) != 2 || out.Inspection[0].Key != "request" || out.Inspection[1].Key != "response" {
			t.Fatalf("%+v", out)
		}
		request, response := out.Inspection[0].Value, out.Inspection[1].Value
		headers, url := "[A: b, Content-Type: application/json, User-Agent: Amazon|StepFunctions|HttpInvoke|us-east-1, Range: bytes=0-262144]", at+"/status/500"
		if secrets {
			headers = strings.Replace(headers, "User-Agent", "Authorization: Basic dTpw, User-Agent", 1)
			url += "?token=hidden"
		}
		for field, want := range map[string]string{"protocol": "http", "method": "POST", "url": url, "headers": headers, "body": "1"} {
			if got := request.Get(field).Text(); got != want {
				t.Errorf("request %s with secrets %v: %s, want %s", field, secrets, got, want)
			}
		}
		if response.Get("statusCode").Text() != "500" || response.Get("statusMessage").Text() != "Internal Server Error" || response.Get("body").Text() != `{"sorry": true}` {
			t.Errorf("response %s", response)
		}
	}
}

func TestRefusedParameters(t *testing.T) {
	s, _ := newService(t)
	for parameters, want := range map[string]string{
		`{"ApiEndpoint":"https://x/","Method":"GET","InvocationConfig":{"ConnectionArn":"a"}}`: "[]",
		`{}`: "[The field 'ApiEndpoint' is required but was missing The field 'Method' is required but was missing The field 'ConnectionArn' is required but was missing]",
		`{"ApiEndpoint":"ftp://x/","Method":"FETCH","InvocationConfig":{"ConnectionArn":"a"},"Headers":{"Host":"y"},"Body":1}`: "[The value of the field 'ApiEndpoint' has an invalid format The value of the field 'Method' has an invalid format The value of the field 'Headers' has an invalid format The field 'Body' is not supported by Step Functions]",
	} {
		if got := fmt.Sprint(s.Check(value.MustParse(parameters))); got != want {
			t.Errorf("%s: %s, want %s", parameters, got, want)
		}
	}
}
