package gateways

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"anthill/uuid"
	"anthill/value"
	"anthill/workflows"
)

// StageCalls does the tasks of arn:aws:states:::apigateway:invoke: it calls a stage of one of our APIs (AWS: "Create API
// Gateway REST APIs with Step Functions"). Make one before workflows, for its Config.Integrations, and give it the proxy
// with Serve: tasks wait until then.
type StageCalls struct {
	ready sync.Once
	open  chan struct{}
	proxy *Proxy // set before open is closed
}

// NewStageCalls makes a StageCalls without a proxy.
func NewStageCalls() *StageCalls { return &StageCalls{open: make(chan struct{})} }

// Serve gives the proxy. Only the first call counts.
func (k *StageCalls) Serve(p *Proxy) {
	k.ready.Do(func() {
		k.proxy = p
		close(k.open)
	})
}

// byRole marks requests that the platform itself makes for a role, which need no signature.
type byRole struct{}

var (
	endpointForm = regexp.MustCompile(`^[0-9a-z]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)
	refusedName  = regexp.MustCompile(`(?i)^(X-Forwarded.*|X-Amzn?.*|Authorization|Connection|Content-md5|Expect|Host|Max-Forwards|Proxy-Authenticate|Server|TE|Transfer-Encoding|Trailer|Upgrade|Via|Www-Authenticate)$`)
)

// stageFields are the parameters in the order of AWS's page, each with what its value must be.
var stageFields = []struct {
	name     string
	required bool
	fits     func(value.Value) bool
}{
	{"ApiEndpoint", true, func(v value.Value) bool { return endpointForm.MatchString(v.Text()) }},
	{"Method", true, func(v value.Value) bool {
		return slices.Contains([]string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}, v.Text())
	}},
	{"Headers", false, func(v value.Value) bool {
		for name := range v.Members() {
			if refusedName.MatchString(name) {
				return false
			}
		}
		return lists(v)
	}},
	{"Stage", false, isText},
	{"Path", false, isText},
	{"QueryParameters", false, lists},
	{"RequestBody", false, func(value.Value) bool { return true }},
	{"AllowNullValues", false, func(v value.Value) bool { return v.Kind() == value.Bool }},
	{"AuthType", false, func(v value.Value) bool {
		return slices.Contains([]string{"NO_AUTH", "IAM_ROLE", "RESOURCE_POLICY"}, v.Text())
	}},
}

func isText(v value.Value) bool { return v.Kind() == value.String }

// lists reports whether v is an object of arrays of scalars.
func lists(v value.Value) bool {
	if v.Kind() != value.Object {
		return false
	}
	for _, m := range v.Members() {
		if m.Kind() != value.Array {
			return false
		}
		for _, item := range m.Items() {
			if item.Kind() == value.Array || item.Kind() == value.Object {
				return false
			}
		}
	}
	return true
}

// Check says in AWS's words what is wrong with a task's parameters.
func (k *StageCalls) Check(parameters value.Value) (wrong []string) {
	known := map[string]bool{}
	for _, f := range stageFields {
		known[f.name] = true
		v := parameters.Get(f.name)
		switch {
		case v.IsAbsent() || v.IsNull():
			if f.required {
				wrong = append(wrong, "The field '"+f.name+"' is required but was missing")
			}
		case !f.fits(v):
			wrong = append(wrong, "The value of the field '"+f.name+"' has an invalid format")
		}
	}
	for name := range parameters.Members() {
		if !known[name] {
			wrong = append(wrong, "The field '"+name+"' is not supported by Step Functions")
		}
	}
	return wrong
}

// Do calls the stage.
func (k *StageCalls) Do(ctx context.Context, t *workflows.Task) workflows.Outcome {
	select {
	case <-k.open:
	case <-ctx.Done():
		return workflows.Outcome{Left: true}
	}
	if t.Submitted {
		return workflows.Outcome{Open: true}
	}
	if t.Recovered {
		return workflows.FailedWith("ApiGateway.SdkClientException", "The machine went down while the API may have been answering. It was not called again: a Retry of the state would.")
	}
	begun := time.Now()
	output, body, err := k.call(ctx, t.Arguments)
	switch status, _ := output.Get("StatusCode").Int(); {
	case ctx.Err() != nil:
		return workflows.Outcome{Left: true}
	case err != nil:
		return workflows.FailedWith("ApiGateway.SdkClientException", "%v", err)
	case status < 200 || status > 299:
		return workflows.FailedWith(fmt.Sprint("ApiGateway.", status), "%s", body)
	}
	if strings.HasSuffix(t.Resource.Name(), ".waitForTaskToken") {
		if err := t.Submit(output, begun); err != nil {
			return workflows.Outcome{Left: true}
		}
		return workflows.Outcome{Open: true}
	}
	return workflows.Outcome{Output: output, Started: begun}
}

// call sends the request that a task's parameters describe through the proxy, and gives the task's output and the body
// of the answer.
func (k *StageCalls) call(ctx context.Context, parameters value.Value) (output value.Value, body string, err error) {
	r, err := stageRequest(ctx, parameters)
	if err != nil {
		return output, "", err
	}
	w := &answer{header: http.Header{}}
	defer func() {
		if p := recover(); p != nil { // as net/http does for a handler that breaks off
			err = fmt.Errorf("the connection was closed: %v", p)
		}
	}()
	k.proxy.ServeHTTP(w, r)
	if err := ctx.Err(); err != nil {
		return output, "", err
	}
	id, _, _ := strings.Cut(r.Host, ".")
	api, ok := k.proxy.s.served(id)
	return w.output(ok && (len(api.EndpointTypes) == 0 || api.EndpointTypes[0] == "EDGE")), w.body.String(), nil
}

// stageRequest makes the request. A body is always sent as JSON, a text too.
func stageRequest(ctx context.Context, p value.Value) (*http.Request, error) {
	host := p.Get("ApiEndpoint").Text()
	at := "http://" + host + "/" + strings.Trim(p.Get("Stage").Text(), "/") + "/" + strings.TrimPrefix(p.Get("Path").Text(), "/")
	query := url.Values{}
	for name, list := range p.Get("QueryParameters").Members() {
		query[name] = texts(list)
	}
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	var body io.Reader = http.NoBody
	content := p.Get("RequestBody")
	has := !content.IsAbsent() && !content.IsNull()
	if has {
		body = strings.NewReader(content.Compact().String())
	}
	if p.Get("AuthType").Text() == "IAM_ROLE" || p.Get("AuthType").Text() == "RESOURCE_POLICY" {
		ctx = context.WithValue(ctx, byRole{}, true)
	}
	r, err := http.NewRequestWithContext(ctx, p.Get("Method").Text(), at, body)
	if err != nil {
		return nil, err
	}
	r.RemoteAddr = "127.0.0.1:0"
	for name, list := range p.Get("Headers").Members() {
		for _, text := range texts(list) {
			r.Header.Add(name, text)
		}
	}
	if has && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

func texts(list value.Value) (out []string) {
	for _, v := range list.Items() {
		if v.Kind() == value.String {
			out = append(out, v.Text())
		} else {
			out = append(out, v.String())
		}
	}
	return out
}

// answer keeps what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *answer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// spelled are the headers that API Gateway does not write as Go does.
var spelled = map[string]string{"X-Amzn-Requestid": "x-amzn-RequestId", "X-Amz-Apigw-Id": "x-amz-apigw-id", "X-Amzn-Errortype": "x-amzn-ErrorType"}

// output is the answer as a task's output. edge says that it came by CloudFront, as those of edge-optimized APIs do.
func (w *answer) output(edge bool) value.Value {
	w.WriteHeader(http.StatusOK)
	h := w.header
	h.Set("Connection", "keep-alive")
	h.Set("Content-Length", fmt.Sprint(w.body.Len()))
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if edge {
		h.Set("Via", "1.1 "+strings.ReplaceAll(uuid.New(), "-", "")+".cloudfront.net (CloudFront)")
		h.Set("X-Amz-Cf-Id", newID(55)+"==")
		h.Set("X-Amz-Cf-Pop", "IAD55-P1")
		h.Set("X-Cache", "Miss from cloudfront")
	}
	var headers []value.Member
	for _, name := range slices.Sorted(maps.Keys(h)) {
		var list []value.Value
		for _, text := range h[name] {
			list = append(list, value.OfString(text))
		}
		if s := spelled[name]; s != "" {
			name = s
		}
		headers = append(headers, value.Member{Key: name, Value: value.OfArray(list...)})
	}
	body, err := value.ParseBytes(w.body.Bytes())
	if err != nil {
		body = value.OfString(w.body.String())
	}
	return value.OfObject(
		value.Member{Key: "Headers", Value: value.OfObject(headers...)},
		value.Member{Key: "ResponseBody", Value: body},
		value.Member{Key: "StatusCode", Value: value.OfInt(int64(w.status))},
		value.Member{Key: "StatusText", Value: value.OfString(http.StatusText(w.status))},
	)
}
