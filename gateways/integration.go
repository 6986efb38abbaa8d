package gateways

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"anthill/arn"
	"anthill/fault"
	"anthill/functions"
	"anthill/gateways/vtl"
)

// outgoing is what an integration is asked.
type outgoing struct {
	path   map[string]string
	query  url.Values
	header http.Header
	body   []byte
}

// incoming is what it answered. what is the text that selection patterns are held against: a status, or the message of a
// failed function; "" is a success that only the default response takes.
type incoming struct {
	what   string
	status int
	header http.Header
	body   []byte
}

// custom serves the integrations that are no proxies: AWS, HTTP and MOCK.
// AWS: "Set up data transformations in API Gateway".
func (p *Proxy) custom(ctx context.Context, w http.ResponseWriter, c *call) {
	out, f := c.request()
	if f != nil {
		f.write(w, c)
		return
	}
	var in *incoming
	switch i := c.method.Integration; i.Type {
	case "MOCK":
		in, f = mock(out.body)
	case "HTTP":
		in, f = p.callHTTP(ctx, c, out)
	default:
		in, f = p.callAWS(ctx, c, out)
	}
	if f == nil {
		f = c.respond(w, in)
	}
	if f != nil {
		f.write(w, c)
	}
}

// request makes the integration's request: the template of the content type over the body, parameters, overrides.
func (c *call) request() (*outgoing, *refusal) {
	i := c.method.Integration
	out := &outgoing{path: map[string]string{}, query: url.Values{}, header: http.Header{}}
	contentType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		contentType = "application/json"
	}
	out.header.Set("Content-Type", contentType)
	template, ok := i.RequestTemplates[contentType]
	switch {
	case ok:
		body, err := c.render(template, c.body)
		if err != nil {
			return nil, internalError
		}
		out.body = []byte(body)
	case i.PassthroughBehavior == "NEVER" || i.PassthroughBehavior == "WHEN_NO_TEMPLATES" && len(i.RequestTemplates) > 0:
		return nil, unsupportedFor
	default:
		out.body = c.body
	}
	if i.ContentHandling != nil {
		if out.body, err = convert(*i.ContentHandling, out.body); err != nil {
			return nil, internalError
		}
	}
	c.map_(out)
	return out, nil
}

// map_ applies the integration's request parameters, then $context.requestOverride.
func (c *call) map_(out *outgoing) {
	for to, from := range c.method.Integration.RequestParameters {
		v, ok := c.requestValue(from)
		if !ok {
			continue
		}
		place, name, _ := strings.Cut(strings.TrimPrefix(to, "integration.request."), ".")
		switch place {
		case "path":
			out.path[name] = v
		case "querystring":
			out.query.Set(name, v)
		case "header":
			out.header.Set(name, v)
		}
	}
	if c.vars == nil {
		return
	}
	over, _ := c.vars.Get("requestOverride").(*vtl.Map)
	each := func(place string, set func(k, v string)) {
		if over == nil {
			return
		}
		m, _ := over.Get(place).(*vtl.Map)
		if m == nil {
			return
		}
		for _, k := range m.Keys() {
			set(k, vtl.Text(m.Get(k)))
		}
	}
	each("path", func(k, v string) { out.path[k] = v })
	each("querystring", out.query.Set)
	each("header", out.header.Set)
}

func convert(handling string, body []byte) ([]byte, error) {
	if handling == "CONVERT_TO_TEXT" {
		return []byte(base64.StdEncoding.EncodeToString(body)), nil
	}
	return base64.StdEncoding.DecodeString(string(body))
}

// respond chooses the integration response and answers with its template, parameters and overrides.
func (c *call) respond(w http.ResponseWriter, in *incoming) *refusal {
	res := selectResponse(c.method.Integration.Responses, in.what)
	if res == nil {
		return internalError
	}
	status, _ := strconv.Atoi(res.StatusCode)
	h := w.Header()
	body := in.body
	contentType := chooseTemplate(res.ResponseTemplates, c.r.Header.Get("Accept"))
	if contentType != "" {
		text, err := c.render(res.ResponseTemplates[contentType], in.body)
		if err != nil {
			return internalError
		}
		body = []byte(text)
	} else {
		contentType = "application/json"
	}
	if res.ContentHandling != nil {
		b, err := convert(*res.ContentHandling, body)
		if err != nil {
			return internalError
		}
		body = b
	}
	for k, expr := range res.ResponseParameters {
		if name, ok := cutPrefix(k, "method.response.header."); ok {
			if v, ok := c.responseValue(expr, in.header, in.body); ok {
				h.Set(name, v)
			}
		}
	}
	if over, _ := c.context().Get("responseOverride").(*vtl.Map); over != nil {
		if n, err := strconv.Atoi(vtl.Text(over.Get("status"))); err == nil && n >= 100 && n <= 599 {
			status = n
		}
		if m, _ := over.Get("header").(*vtl.Map); m != nil {
			for _, k := range m.Keys() {
				h.Set(k, vtl.Text(m.Get(k)))
			}
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", contentType)
	}
	send(w, c, status, body)
	return nil
}

func send(w http.ResponseWriter, c *call, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		w.Write(body)
	}
}

// selectResponse finds the integration response whose pattern matches all of what, or the default one.
func selectResponse(all map[string]*IntegrationResponse, what string) *IntegrationResponse {
	var def, match *IntegrationResponse
	for _, r := range all {
		if r.SelectionPattern == nil || *r.SelectionPattern == "" {
			if def == nil || r.StatusCode < def.StatusCode {
				def = r
			}
			continue
		}
		if what == "" || match != nil && match.StatusCode < r.StatusCode {
			continue
		}
		if re, err := regexp.Compile("(?s)^(?:" + *r.SelectionPattern + ")$"); err == nil && re.MatchString(what) {
			match = r
		}
	}
	if match != nil {
		return match
	}
	return def
}

// mock answers with the status that the request template made: {"statusCode": n}.
func mock(body []byte) (*incoming, *refusal) {
	status := jsonOf(body).Get("statusCode")
	n, ok := status.Int()
	if !ok {
		if m, err := strconv.ParseInt(status.Text(), 10, 32); err == nil {
			n, ok = m, true
		}
	}
	if !ok {
		return nil, internalError
	}
	return &incoming{what: strconv.FormatInt(n, 10), status: int(n), header: http.Header{}}, nil
}

// callHTTP asks an HTTP server.
func (p *Proxy) callHTTP(ctx context.Context, c *call, out *outgoing) (*incoming, *refusal) {
	uri := c.expand(*c.method.Integration.URI)
	for k, v := range out.path {
		uri = strings.ReplaceAll(uri, "{"+k+"+}", "{"+k+"}")
		uri = strings.ReplaceAll(uri, "{"+k+"}", strings.ReplaceAll(url.PathEscape(v), "%2F", "/"))
	}
	u, err := url.Parse(uri)
	if err != nil {
		return nil, internalError
	}
	q := u.Query()
	for k, v := range out.query {
		q[k] = v
	}
	u.RawQuery = q.Encode()
	method := *c.method.Integration.HTTPMethod
	if method == "ANY" {
		method = c.r.Method
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(out.body))
	if err != nil {
		return nil, internalError
	}
	r.Header = out.header
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "AmazonAPIGateway_"+c.api.ID)
	}
	r.Header.Set("X-Amzn-Apigateway-Api-Id", c.api.ID)
	r.Header.Set("X-Amzn-Trace-Id", c.traceID)
	if len(out.body) == 0 {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	return p.do(r)
}

// do sends r: to the platform itself when the address is its own.
func (p *Proxy) do(r *http.Request) (*incoming, *refusal) {
	if p.s.c.Platform != nil && ownHost(r.URL.Hostname()) {
		return p.inside(r), nil
	}
	res, err := p.s.c.Transport.RoundTrip(r)
	var timeout net.Error
	switch {
	case r.Context().Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return nil, timedOut
	case err != nil:
		return nil, unreachable
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPayload+1))
	switch {
	case r.Context().Err() != nil:
		return nil, timedOut
	case err != nil:
		return nil, unreachable
	case len(body) > maxPayload:
		return nil, internalError
	}
	return &incoming{what: strconv.Itoa(res.StatusCode), status: res.StatusCode, header: res.Header, body: body}, nil
}

// ownHost knows the host names that are the platform's, whatever domain they stand under.
func ownHost(host string) bool {
	return strings.Contains(host, ".lambda-url.") || strings.Contains(host, ".execute-api.")
}

// inside has the platform's own front answer r.
func (p *Proxy) inside(r *http.Request) *incoming {
	r.Host = r.URL.Host
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "127.0.0.1:0"
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	p.s.c.Platform.ServeHTTP(rec, r)
	return &incoming{what: strconv.Itoa(rec.status), status: rec.status, header: rec.header, body: rec.body.Bytes()}
}

// recorder is a response that stays in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// httpProxy serves an HTTP_PROXY integration: the request and the answer pass as they are.
func (p *Proxy) httpProxy(ctx context.Context, w http.ResponseWriter, c *call) {
	out := &outgoing{path: map[string]string{}, query: c.r.URL.Query(), header: http.Header{}, body: c.body}
	for k, v := range c.r.Header {
		if !hopByHop[k] {
			out.header[k] = v
		}
	}
	for k, v := range headersOf(c, c.source()) {
		if strings.HasPrefix(k, "X-Forwarded-") {
			out.header[k] = v
		}
	}
	for k, v := range c.params {
		out.path[k] = v
	}
	c.map_(out)
	in, f := p.callHTTP(ctx, c, out)
	if f != nil {
		f.write(w, c)
		return
	}
	a := proxyAnswer{status: in.status, headers: map[string][]string{}, body: in.body}
	for k, v := range in.header {
		if !hopByHop[k] {
			a.headers[k] = v
		}
	}
	a.write(w, c)
}

var hopByHop = map[string]bool{"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true,
	"Upgrade": true, "Content-Length": true, "X-Anthill-Force-Cold": true, "X-Amzn-Requestid": true, "X-Amz-Apigw-Id": true}

// callAWS runs an AWS integration: a Lambda function, or an action of another AWS service.
func (p *Proxy) callAWS(ctx context.Context, c *call, out *outgoing) (*incoming, *refusal) {
	uri := c.expand(*c.method.Integration.URI)
	ref, ok := functionOf(uri, nil)
	if !ok {
		return p.callService(ctx, c, uri, out)
	}
	if !isPost(c.method.Integration.HTTPMethod) {
		return nil, internalError
	}
	if len(out.body) == 0 {
		out.body = []byte("{}")
	}
	inv := functions.Invocation{Ref: ref, Payload: out.body, TraceID: c.traceID, Arrived: c.began.UnixNano(), ForceCold: c.r.Header.Get("X-Anthill-Force-Cold") != ""}
	if strings.EqualFold(out.header.Get("X-Amz-Invocation-Type"), "Event") {
		inv.Mode = functions.Queued
	}
	res, err := p.s.functions.Invoke(ctx, inv)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if fault.Is(err, fault.Invalid) { // the template made no JSON
			return nil, &refusal{http.StatusInternalServerError, "API_CONFIGURATION_ERROR", "InternalServerErrorException", "Internal server error"}
		}
		return nil, refusalFor(err)
	}
	if res.Result == nil { // queued
		return &incoming{status: http.StatusAccepted, header: http.Header{}}, nil
	}
	in := &incoming{status: http.StatusOK, header: http.Header{}, body: res.Payload}
	if res.FunctionError != "" {
		in.what = jsonOf(res.Payload).Get("errorMessage").Text()
	}
	return in, nil
}

func isPost(m *string) bool { return m != nil && (*m == "POST" || *m == "ANY") }

// callService sends the request to one of the platform's own services.
// URI: arn:aws:apigateway:{region}:{service}:{action/Name | path/…}.
func (p *Proxy) callService(ctx context.Context, c *call, uri string, out *outgoing) (*incoming, *refusal) {
	a, err := arn.Parse(uri)
	if err != nil || p.s.c.Platform == nil {
		return nil, internalError
	}
	service := a.Account // the service's word stands where others have the account
	kind, rest, _ := strings.Cut(a.Resource, "/")
	host := service + "." + a.Region + ".amazonaws.com"
	u := &url.URL{Scheme: "https", Host: host, Path: "/"}
	header := out.header.Clone()
	switch kind {
	case "path":
		for k, v := range out.path {
			rest = strings.ReplaceAll(rest, "{"+k+"}", v)
		}
		u.Path = "/" + rest
		u.RawQuery = out.query.Encode()
	case "action":
		target, json := targets[service]
		if !json {
			q := out.query
			q.Set("Action", rest)
			u.RawQuery = q.Encode()
			break
		}
		header.Set("X-Amz-Target", target.prefix+"."+rest)
		header.Set("Content-Type", "application/x-amz-json-"+target.version)
	}
	method := c.r.Method
	if m := c.method.Integration.HTTPMethod; m != nil && *m != "ANY" {
		method = *m
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(out.body))
	if err != nil {
		return nil, internalError
	}
	r.Header = header
	r.Header.Set("X-Amzn-Trace-Id", c.traceID)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.api.Account+"/"+c.began.UTC().Format("20060102")+"/"+a.Region+"/"+service+
		"/aws4_request, SignedHeaders=host, Signature=0")
	return p.inside(r), nil
}

// targets are the services that take an action in X-Amz-Target.
var targets = map[string]struct{ prefix, version string }{
	"states": {"AWSStepFunctions", "1.0"},
	"logs":   {"Logs_20140328", "1.1"},
}
