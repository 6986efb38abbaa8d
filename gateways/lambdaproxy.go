package gateways

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"anthill/arn"
	"anthill/fault"
	"anthill/functions"
	"anthill/value"
)

// proxyEvent is the input that a function gets from a REST API. AWS: "Input format of a Lambda function for proxy
// integration" (API Gateway developer guide). The order of members is AWS's.
type proxyEvent struct {
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"`
	RequestContext                  requestContext      `json:"requestContext"`
	Body                            *string             `json:"body"`
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

type requestContext struct {
	ResourceID        string   `json:"resourceId"`
	ResourcePath      string   `json:"resourcePath"`
	HTTPMethod        string   `json:"httpMethod"`
	ExtendedRequestID string   `json:"extendedRequestId"`
	RequestTime       string   `json:"requestTime"`
	Path              string   `json:"path"`
	AccountID         string   `json:"accountId"`
	Protocol          string   `json:"protocol"`
	Stage             string   `json:"stage"`
	DomainPrefix      string   `json:"domainPrefix"`
	RequestTimeEpoch  int64    `json:"requestTimeEpoch"`
	RequestID         string   `json:"requestId"`
	Identity          identity `json:"identity"`
	DomainName        string   `json:"domainName"`
	DeploymentID      string   `json:"deploymentId"`
	APIID             string   `json:"apiId"`

	Authorizer json.RawMessage `json:"authorizer,omitempty"`
}

type identity struct {
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`
	AccountID                     *string `json:"accountId"`
	CognitoIdentityID             *string `json:"cognitoIdentityId"`
	Caller                        *string `json:"caller"`
	SourceIP                      string  `json:"sourceIp"`
	PrincipalOrgID                *string `json:"principalOrgId"`
	AccessKey                     *string `json:"accessKey"`
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"`
	UserARN                       *string `json:"userArn"`
	UserAgent                     string  `json:"userAgent"`
	User                          *string `json:"user"`
	APIKey                        *string `json:"apiKey,omitempty"`
	APIKeyID                      *string `json:"apiKeyId,omitempty"`
}

// lambdaProxy serves an AWS_PROXY integration.
func (p *Proxy) lambdaProxy(ctx context.Context, w http.ResponseWriter, c *call) {
	ref, ok := functionOf(*c.method.Integration.URI, c.stageVariables())
	// API Gateway calls Lambda with the integration's method, and Lambda's Invoke is a POST.
	if !ok || !isPost(c.method.Integration.HTTPMethod) {
		internalError.write(w, c)
		return
	}
	payload, err := json.Marshal(eventOf(c))
	if err != nil {
		internalError.write(w, c)
		return
	}
	res, err := p.s.functions.Invoke(ctx, functions.Invocation{Ref: ref, Payload: payload, TraceID: c.traceID, Arrived: c.began.UnixNano(),
		ForceCold: c.r.Header.Get("X-Anthill-Force-Cold") != "", Method: c.r.Header.Get("X-Anthill-Start-Method")})
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		refusalFor(err).write(w, c)
		return
	}
	if res.FunctionError != "" {
		badGateway.write(w, c)
		return
	}
	answer, ok := answerOf(res.Payload)
	if !ok {
		badGateway.write(w, c)
		return
	}
	answer.write(w, c)
}

// functionOf reads the function out of an integration's URI,
// arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function ARN}/invocations.
func functionOf(uri string, variables map[string]string) (functions.Ref, bool) {
	for k, v := range variables {
		uri = strings.ReplaceAll(uri, "${stageVariables."+k+"}", v)
	}
	_, rest, ok := strings.Cut(uri, ":lambda:path/2015-03-31/functions/")
	if !ok {
		return functions.Ref{}, false
	}
	name, ok := strings.CutSuffix(rest, "/invocations")
	if !ok {
		return functions.Ref{}, false
	}
	a, err := arn.Parse(name)
	if err != nil {
		return functions.Ref{}, false
	}
	parts := a.Split()
	if len(parts) < 2 || parts[0] != "function" {
		return functions.Ref{}, false
	}
	ref := functions.Ref{Account: a.Account, Region: a.Region, Name: parts[1]}
	if len(parts) > 2 {
		ref.Qualifier = parts[2]
	}
	return ref, true
}

// CheckFunctionURI says what is wrong with the URI of an AWS_PROXY integration that names no function.
func CheckFunctionURI(uri string) error {
	if strings.Contains(uri, "${stageVariables.") {
		return nil // known only when the stage is
	}
	if _, ok := functionOf(uri, nil); !ok {
		return &fault.Error{Kind: fault.Invalid, Op: "gateways.CheckFunctionURI", Noun: "integration", Detail: "Invalid ARN specified in the request"}
	}
	return nil
}

func (c *call) apiID() string {
	if c.api == nil {
		return ""
	}
	return c.api.ID
}

func (c *call) binaryTypes() []string {
	if c.api == nil {
		return nil
	}
	return c.api.BinaryMediaTypes
}

func eventOf(c *call) *proxyEvent {
	r := c.r
	prefix, _, _ := strings.Cut(c.domain, ".")
	source := c.source()
	resource, stage, deployment, account := &Resource{}, "", "", ""
	if c.api != nil {
		account = c.api.Account
	}
	if c.dep != nil {
		stage, deployment = c.stage.Name, c.dep.ID
	}
	if c.resource != nil {
		resource = c.resource
	}
	e := &proxyEvent{
		Resource: resource.Path, Path: c.path, HTTPMethod: r.Method,
		StageVariables: c.stageVariables(),
		RequestContext: requestContext{
			ResourceID: resource.ID, ResourcePath: resource.Path, HTTPMethod: r.Method, ExtendedRequestID: c.extended,
			RequestTime: c.began.UTC().Format("02/Jan/2006:15:04:05 -0700"), Path: c.fullPath, AccountID: account,
			Protocol: r.Proto, Stage: stage, DomainPrefix: prefix, RequestTimeEpoch: c.began.UnixMilli(),
			RequestID: c.requestID, DomainName: c.domain, DeploymentID: deployment, APIID: c.apiID(),
			Identity: identity{SourceIP: source, UserAgent: r.UserAgent()},
		},
	}
	if c.authorized != nil {
		e.RequestContext.Authorizer = json.RawMessage(c.authorized.String())
	}
	if c.apiKey != nil {
		e.RequestContext.Identity.APIKey, e.RequestContext.Identity.APIKeyID = &c.apiKey.Value, &c.apiKey.ID
	}
	if len(c.params) > 0 {
		e.PathParameters = c.params
	}
	e.MultiValueHeaders = headersOf(c, source)
	e.Headers = lastOf(e.MultiValueHeaders)
	if q := r.URL.Query(); len(q) > 0 {
		e.MultiValueQueryStringParameters = q
		e.QueryStringParameters = lastOf(q)
	}
	if len(c.body) > 0 {
		text := string(c.body)
		if isBinary(c.binaryTypes(), r.Header.Get("Content-Type")) {
			text, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(c.body), true
		} else if !utf8.Valid(c.body) {
			text = strings.ToValidUTF8(text, "\uFFFD")
		}
		e.Body = &text
	}
	return e
}

// headersOf is the request's headers with those that API Gateway adds.
func headersOf(c *call, source string) map[string][]string {
	h := make(map[string][]string, len(c.r.Header)+5)
	for k, v := range c.r.Header {
		if !strings.EqualFold(k, "Connection") && k != "X-Anthill-Force-Cold" {
			h[k] = v
		}
	}
	h["Host"] = []string{c.domain}
	proto, port := "http", "80"
	if c.r.TLS != nil {
		proto, port = "https", "443"
	}
	if _, p, err := net.SplitHostPort(c.domain); err == nil {
		port = p
	}
	h["X-Amzn-Trace-Id"] = []string{c.traceID}
	h["X-Forwarded-For"] = append(h["X-Forwarded-For"][:len(h["X-Forwarded-For"]):len(h["X-Forwarded-For"])], source)
	h["X-Forwarded-Port"] = []string{port}
	h["X-Forwarded-Proto"] = []string{proto}
	return h
}

// lastOf gives the last value of each key, as the single-valued maps of the event have it.
func lastOf(multi map[string][]string) map[string]string {
	out := make(map[string]string, len(multi))
	for k, v := range multi {
		if len(v) > 0 {
			out[k] = v[len(v)-1]
		}
	}
	return out
}

// isBinary reports whether a content type is one of an API's binary media types.
func isBinary(types []string, contentType string) bool {
	contentType, _, _ = strings.Cut(contentType, ";")
	contentType = strings.TrimSpace(contentType)
	for _, t := range types {
		kind, star := strings.CutSuffix(t, "/*")
		if t == "*/*" || strings.EqualFold(t, contentType) || star && strings.HasPrefix(contentType, kind+"/") {
			return true
		}
	}
	return false
}

// proxyAnswer is what a function returned for a REST API.
type proxyAnswer struct {
	status  int
	headers map[string][]string
	body    []byte
}

// answerOf reads a function's return value. ok is false when it is not of the form that API Gateway wants: an object
// with no members but statusCode, headers, multiValueHeaders, body and isBase64Encoded, each of its own type.
// AWS: "Output format of a Lambda function for proxy integration".
func answerOf(payload []byte) (*proxyAnswer, bool) {
	v, err := value.ParseBytes(payload)
	if err != nil || v.Kind() != value.Object {
		return nil, false
	}
	a := &proxyAnswer{status: http.StatusOK, headers: map[string][]string{}}
	encoded := false
	for k, x := range v.Members() {
		ok := true
		switch k {
		case "statusCode":
			a.status, ok = statusOf(x)
		case "headers":
			ok = addHeaders(a.headers, x, false)
		case "multiValueHeaders":
			ok = addHeaders(a.headers, x, true)
		case "body":
			ok = x.IsNull() || x.Kind() == value.String
			a.body = []byte(x.Text())
		case "isBase64Encoded":
			ok = x.IsNull() || x.Kind() == value.Bool
			encoded = x.Bool()
		default:
			ok = false
		}
		if !ok {
			return nil, false
		}
	}
	if encoded {
		b, err := base64.StdEncoding.DecodeString(string(a.body))
		if err != nil {
			return nil, false
		}
		a.body = b
	}
	return a, true
}

func statusOf(v value.Value) (int, bool) {
	switch v.Kind() {
	case value.Number:
		n, ok := v.Int()
		return int(n), ok && n >= 100 && n <= 599
	case value.String:
		n, err := strconv.Atoi(v.Text())
		return n, err == nil && n >= 100 && n <= 599
	}
	return 0, false
}

// addHeaders takes scalars as header values. A name that multiValueHeaders gives wins over the same name in headers.
func addHeaders(to map[string][]string, v value.Value, multi bool) bool {
	if v.IsNull() {
		return true
	}
	if v.Kind() != value.Object {
		return false
	}
	for k, x := range v.Members() {
		values := []value.Value{x}
		if multi {
			if x.Kind() != value.Array {
				return false
			}
			values = x.Slice()
		}
		texts := []string{}
		for _, one := range values {
			switch one.Kind() {
			case value.String:
				texts = append(texts, one.Text())
			case value.Number, value.Bool:
				texts = append(texts, one.String())
			case value.Null:
			default:
				return false
			}
		}
		name := http.CanonicalHeaderKey(k)
		if _, there := to[name]; !there || multi {
			to[name] = texts
		}
	}
	return true
}

// remapped are headers that API Gateway does not let a function set; it passes them on under another name.
// AWS: "Amazon API Gateway important notes", REST APIs.
var remapped = map[string]bool{"Connection": true, "Date": true, "Server": true, "Www-Authenticate": true, "Authorization": true}

func (a *proxyAnswer) write(w http.ResponseWriter, c *call) {
	h := w.Header()
	for k, v := range a.headers {
		switch {
		case k == "Content-Length" || k == "Transfer-Encoding":
		case remapped[k]:
			h["X-Amzn-Remapped-"+k] = v
		default:
			h[k] = v
		}
	}
	if len(h["Content-Type"]) == 0 {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if c.r.Method != http.MethodHead {
		w.Write(a.body)
	}
}

// unescape decodes percent signs; what cannot be decoded stays as it is.
func unescape(path string) string {
	if s, err := url.PathUnescape(path); err == nil {
		return s
	}
	return path
}
