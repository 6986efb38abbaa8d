package gateways_test

import (
	"maps"
	"reflect"
	"testing"

	"anthill/gateways"
)

// tree makes a deployment with a GET on each path.
func tree(t *testing.T, paths ...[]string) *gateways.Deployment {
	t.Helper()
	api := &gateways.RestAPI{RootResourceID: "root", Resources: map[string]*gateways.Resource{"root": {ID: "root", Path: "/", Methods: map[string]*gateways.Method{}}},
		Deployments: map[string]*gateways.Deployment{}, Stages: map[string]*gateways.Stage{}}
	for _, parts := range paths {
		at := "root"
	next:
		for _, part := range parts {
			for _, r := range api.Resources {
				if r.ParentID == at && r.PathPart == part {
					at = r.ID
					continue next
				}
			}
			r, err := api.AddResource(at, part)
			if err != nil {
				t.Fatal(err)
			}
			at = r.ID
		}
		if err := api.AddMethod(at, &gateways.Method{HTTPMethod: "GET", AuthorizationType: "NONE", Integration: &gateways.Integration{Type: "MOCK"}}); err != nil {
			t.Fatal(err)
		}
	}
	d, err := api.Deploy(nil, "", api.Created)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRoute(t *testing.T) {
	d := tree(t, []string{"pets"}, []string{"pets", "{id}"}, []string{"pets", "mine"}, []string{"pets", "{id}", "toys"}, []string{"{proxy+}"}, []string{"a", "{rest+}"})
	for _, tc := range []struct {
		path, want string
		params     map[string]string
	}{
		{"/pets", "/pets", nil},
		{"/pets/", "/pets", nil},
		{"/pets/7", "/pets/{id}", map[string]string{"id": "7"}},
		{"/pets/mine", "/pets/mine", nil},
		{"/pets/mine/toys", "/pets/{id}/toys", map[string]string{"id": "mine"}}, // the literal leads nowhere, so the parameter is tried
		{"/pets/7/toys/8", "/{proxy+}", map[string]string{"proxy": "pets/7/toys/8"}},
		{"/a/b/c", "/a/{rest+}", map[string]string{"rest": "b/c"}},
		{"/a", "/{proxy+}", map[string]string{"proxy": "a"}},
		{"/", "", nil},
	} {
		r, params := gateways.Route(d, tc.path)
		got := ""
		if r != nil {
			got = r.Path
		}
		if got != tc.want || !maps.Equal(params, tc.params) {
			t.Errorf("%s goes to %q %v, want %q %v", tc.path, got, params, tc.want, tc.params)
		}
	}
}

func TestResourceRules(t *testing.T) {
	d := tree(t, []string{"pets", "{id}"})
	api := &gateways.RestAPI{RootResourceID: "x", Resources: d.Resources}
	var root, id string
	for _, r := range api.Resources {
		switch r.Path {
		case "/":
			root = r.ID
		case "/pets/{id}":
			id = r.ParentID
		}
	}
	for part, ok := range map[string]bool{"pets": false, "{x}": true, "a b": false, "": false, "{a}b": false, "ok-1_:.": true, "{all+}": false} {
		if part == "{all+}" {
			if _, err := api.AddResource(id, "{other}"); err == nil {
				t.Error("a second parameter below one resource was accepted")
			}
			continue
		}
		if _, err := api.AddResource(root, part); (err == nil) != ok {
			t.Errorf("AddResource(%q): %v, want ok %v", part, err, ok)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		payload string
		status  int
		body    string
		ok      bool
	}{
		{`{"statusCode":201,"body":"hi"}`, 201, "hi", true},
		{`{"statusCode":"404","body":null}`, 404, "", true},
		{`{"body":"aGk=","isBase64Encoded":true,"statusCode":200}`, 200, "hi", true},
		{`{}`, 200, "", true},
		{`{"statusCode":200,"body":{"a":1}}`, 0, "", false}, // the usual mistake: the body is no text
		{`{"statusCode":200,"extra":1}`, 0, "", false},
		{`{"statusCode":9000}`, 0, "", false},
		{`{"statusCode":200,"body":"***","isBase64Encoded":true}`, 0, "", false},
		{`"text"`, 0, "", false}, {`null`, 0, "", false}, {`[]`, 0, "", false}, {``, 0, "", false},
	} {
		status, _, body, ok := gateways.AnswerOf([]byte(tc.payload))
		if status != tc.status || body != tc.body || ok != tc.ok {
			t.Errorf("%s: %d %q %v, want %d %q %v", tc.payload, status, body, ok, tc.status, tc.body, tc.ok)
		}
	}
	_, headers, _, _ := gateways.AnswerOf([]byte(`{"headers":{"a":"1","n":2,"b":true},"multiValueHeaders":{"A":["x","y"]},"statusCode":200}`))
	if want := map[string][]string{"A": {"x", "y"}, "N": {"2"}, "B": {"true"}}; !reflect.DeepEqual(headers, want) {
		t.Errorf("headers %v, want %v", headers, want)
	}
}

func TestFunctionOf(t *testing.T) {
	const f = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:iris"
	for uri, want := range map[string]string{
		f + "/invocations":                         "iris ",
		f + ":prod/invocations":                    "iris prod",
		f + ":${stageVariables.alias}/invocations": "iris v1",
		f: "no",
		"arn:aws:apigateway:us-east-1:s3:path/x/invocations": "no",
	} {
		ref, ok := gateways.FunctionOf(uri, map[string]string{"alias": "v1"})
		got := "no"
		if ok {
			got = ref.Name + " " + ref.Qualifier
		}
		if got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":"b"},"multiValueHeaders":{"c":["d"]},"body":"x","isBase64Encoded":false}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if status, _, _, ok := gateways.AnswerOf(payload); ok && (status < 100 || status > 599) {
			t.Errorf("%s gives status %d", payload, status)
		}
	})
}
