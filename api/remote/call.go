package remote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"anthill/api/sigv4"
	"anthill/asl"
	"anthill/asl/failure"
	"anthill/fault"
	"anthill/value"
	"anthill/workflows"
)

// Config says where services are.
type Config struct {
	// Endpoints are URLs by the names of services: "sqs": "http://localhost:9324". Requests are signed with the account's number
	// as access key and "test" as its secret.
	Endpoints map[string]string

	// Client makes the requests; nil means one with Go's defaults.
	Client *http.Client
}

// Caller does tasks of services at endpoints, and of services of this process.
type Caller struct {
	client    *http.Client
	catalog   catalog
	endpoints map[string]*url.URL // by the name of the model
	local     map[string]http.Handler
}

// aliases are other names of services.
func alias(service string) string {
	service = strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(service))
	if known := map[string]string{"events": "eventbridge", "states": "sfn", "stepfunctions": "sfn", "logs": "cloudwatchlogs",
		"elasticmapreduce": "emr", "monitoring": "cloudwatch", "cognitoidp": "cognitoidentityprovider", "streamsdynamodb": "dynamodbstreams"}[service]; known != "" {
		return known
	}
	return service
}

// New makes a Caller. A service that is not known and a URL that is none are faults of kind Invalid.
func New(c Config) (*Caller, error) {
	const op = "remote.New"
	k := &Caller{client: c.Client, endpoints: map[string]*url.URL{}, local: map[string]http.Handler{}}
	if k.client == nil {
		k.client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second}}
	}
	for name, at := range c.Endpoints {
		service := alias(name)
		if !slices.Contains(Known(), service) {
			return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "service", Name: name,
				Detail: fmt.Sprintf("service %q is not known: it must be one of %s", name, strings.Join(Known(), ", "))}
		}
		u, err := url.Parse(at)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "endpoint", Name: at,
				Detail: fmt.Sprintf("the endpoint %q of service %s is not an http or https URL", at, name), Err: err}
		}
		k.endpoints[service] = u
	}
	return k, nil
}

// Serve lets h answer the calls of a service, unless it has an endpoint. It must be called before the first task.
func (k *Caller) Serve(service string, h http.Handler) { k.local[alias(service)] = h }

// Configured reports whether a service has an endpoint; Reaches whether it can be called at all.
func (k *Caller) Configured(service string) bool { return k.endpoints[alias(service)] != nil }

// Reaches reports whether a service can be called.
func (k *Caller) Reaches(service string) bool {
	return k.Configured(service) || k.local[alias(service)] != nil
}

// Close lets go of idle connections.
func (k *Caller) Close() error {
	k.client.CloseIdleConnections()
	return nil
}

// Missing is the outcome of a task of a service that cannot be called.
func Missing(res asl.Resource) workflows.Outcome {
	name := alias(res.Service)
	if !slices.Contains(Known(), name) {
		return workflows.FailedWith(failure.TaskFailed, "The service %q is not part of this platform, and its protocol is not known (resource %s).", res.Service, res.ARN)
	}
	return workflows.FailedWith(failure.TaskFailed, "The service %q is not part of this platform, and no endpoint is configured for it (resource %s). Start the platform with --service %s=http://HOST:PORT to have it called there.",
		res.Service, res.ARN, res.Service)
}

// Do calls the service.
func (k *Caller) Do(ctx context.Context, t *workflows.Task) workflows.Outcome {
	service := alias(t.Resource.Service)
	if t.Resource.Kind == asl.Service && service == "bedrock" && t.Resource.Action == "invokeModel" {
		service = "bedrockruntime"
	}
	if !k.Reaches(service) && !k.Reaches(t.Resource.Service) {
		return Missing(t.Resource)
	}
	m := k.catalog.model(service)
	if m == nil {
		return Missing(t.Resource)
	}
	c := &call{Caller: k, m: m, service: service, t: t, names: namesOf(m, t.Resource)}
	switch {
	case t.Submitted:
		return workflows.Outcome{Open: true}
	case t.Resource.Pattern == asl.Sync:
		return workflows.FailedWith(failure.TaskFailed, "%s: jobs of services at other endpoints are not waited for (.sync)", t.Resource.ARN)
	case t.Recovered:
		return c.failed("SdkClientException", "The machine went down while the service may have been answering. It was not called again: a Retry of the state would.")
	}
	out := c.do(ctx)
	if ctx.Err() != nil {
		return workflows.Outcome{Left: true}
	}
	if out.Failure == nil && t.Resource.Pattern == asl.WaitForTaskToken {
		if err := t.Submit(out.Output, out.Started); err != nil {
			return workflows.Outcome{Left: true}
		}
		return workflows.Outcome{Open: true}
	}
	return out
}

// call is one call.
type call struct {
	*Caller
	m       *model
	service string
	t       *workflows.Task
	names   names
}

func (c *call) failed(name, format string, args ...any) workflows.Outcome {
	return workflows.FailedWith(c.names.prefix+"."+name, format, args...)
}

func (c *call) do(ctx context.Context) workflows.Outcome {
	op, err := c.m.operation(c.t.Resource.Action)
	if err != nil {
		return workflows.FailedWith(failure.Runtime, "%v", err)
	}
	msg, err := c.m.encode(op, c.t.Arguments)
	if err != nil {
		return workflows.FailedWith(failure.Runtime, "The Parameters '%s' could not be used to start the Task: [%v]", c.t.Arguments.Compact(), err)
	}
	begun := time.Now()
	resp, body, err := c.send(ctx, msg)
	if err != nil {
		return c.unreached(err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return c.refusal(op, resp, body)
	}
	output, err := c.m.decode(op, resp.StatusCode, resp.Header, body)
	if err != nil {
		return c.failed("SdkClientException", "Unable to unmarshall response: %v", err)
	}
	if n, _ := output.Get("FailedEntryCount").Int(); c.names.optimized && n > 0 {
		return c.failed("FailedEntry", "%s", sorted(output).Compact())
	}
	if c.names.optimized {
		output = c.optimize(output, resp, body)
	}
	return workflows.Outcome{Output: output.Compact(), Started: begun}
}

// unreached is the failure of a call that got no answer.
func (c *call) unreached(err error) workflows.Outcome {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return c.failed("SdkClientException", "Unable to execute HTTP request: %s: Name or service not known", dns.Name)
	}
	return c.failed("SdkClientException", "Unable to execute HTTP request: %v", err)
}

// refusal is the failure that an error answer stands for.
func (c *call) refusal(op *operation, resp *http.Response, body []byte) workflows.Outcome {
	r := c.m.refused(resp.Header, body)
	if missing := map[string]string{"HeadObject": "NoSuchKey", "HeadBucket": "NoSuchBucket"}[op.name]; len(body) == 0 && resp.StatusCode == http.StatusNotFound && missing != "" {
		r.code, r.message = missing, "null" // answers to HEAD have no body
	}
	if r.code == "" {
		r.code, r.message = fmt.Sprint(resp.StatusCode), cmp.Or(r.message, http.StatusText(resp.StatusCode))
	}
	r.requestID = cmp.Or(r.requestID, c.t.RequestID)
	name := c.names.base
	if modeled := c.m.fault(op, r.code); modeled != "" {
		if name = modeled; !strings.HasSuffix(name, "Exception") {
			name += "Exception"
		}
	}
	if c.names.optimized {
		return c.failed(name, "%s (Service: %s; Status Code: %d; Error Code: %s; Request ID: %s; Proxy: null)", r.message, c.names.service, resp.StatusCode, r.code, r.requestID)
	}
	extended := ""
	if id := resp.Header.Get("X-Amz-Id-2"); id != "" {
		extended = ", Extended Request ID: " + id
	}
	return c.failed(name, "%s (Service: %s, Status Code: %d, Request ID: %s%s) (SDK Attempt Count: 1)", r.message, c.names.service, resp.StatusCode, r.requestID, extended)
}

// send sends the request to where the service is.
func (c *call) send(ctx context.Context, msg *message) (*http.Response, []byte, error) {
	at := c.endpoints[c.service]
	handler := c.local[c.service]
	if at == nil && handler == nil { // bedrock-runtime behind the endpoint of bedrock
		at = c.endpoints[alias(c.t.Resource.Service)]
	}
	if at == nil {
		at = &url.URL{Scheme: "http", Host: "localhost"}
	}
	address := strings.TrimSuffix(at.String(), "/") + msg.path
	if msg.query != "" {
		address += "?" + msg.query
	}
	r, err := http.NewRequestWithContext(ctx, msg.method, address, bytes.NewReader(msg.body))
	if err != nil {
		return nil, nil, err
	}
	for name, values := range msg.header {
		r.Header[name] = values
	}
	if msg.kind != "" {
		r.Header.Set("Content-Type", msg.kind)
	}
	r.Header.Set("Amz-Sdk-Invocation-Id", c.t.RequestID)
	r.Header.Set("User-Agent", "aws-sdk-java/anthill exec-env/AWS_StepFunctions")
	sigv4.Signer{Key: c.t.Scope.Account, Secret: "test", Region: c.t.Scope.Region, Service: c.m.signing()}.Sign(r, msg.body, time.Now())
	if handler != nil && c.endpoints[c.service] == nil {
		w := &recorder{header: http.Header{}}
		r.RemoteAddr = "127.0.0.1:0"
		handler.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		return &http.Response{StatusCode: w.status, Header: w.header}, w.body.Bytes(), nil
	}
	resp, err := c.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	return resp, body, err
}

// recorder keeps what a handler of this process answers.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// sorted has the members of v in the order of their names.
func sorted(v value.Value) value.Value {
	var all []value.Member
	for name, x := range v.Members() {
		all = append(all, value.Member{Key: name, Value: x})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Key < all[j].Key })
	return value.OfObject(all...)
}
