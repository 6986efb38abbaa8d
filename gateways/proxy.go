package gateways

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"anthill/gateways/vtl"
	"anthill/uuid"
	"anthill/value"
)

// maxPayload is API Gateway's limit for a request body: 10 MB.
const maxPayload = 10 << 20

// timeLimit is the longest that API Gateway waits for an integration.
const timeLimit = 29 * time.Second

// Call is a request that has found its stage.
type call struct {
	api      *RestAPI
	stage    *Stage
	dep      *Deployment
	resource *Resource
	method   *Method
	params   map[string]string

	path      string // below the stage, decoded: "/pets/7"
	fullPath  string // with the stage, as requestContext.path has it
	domain    string // the host that was asked for
	body      []byte
	requestID string
	extended  string
	traceID   string
	began     time.Time
	r         *http.Request

	canary     *Canary      // set when the request goes to the stage's canary
	apiKey     *APIKey      // that the caller showed
	authorized *value.Value // what the authorizer said: principalId and its context
	vars       *vtl.Map     // $context, made when it is first looked at
}

// Proxy serves the stages of every REST API. It takes three forms of address:
//
//	Host: {id}.execute-api.{anything}        /{stage}/{path}
//	/restapis/{id}/{stage}/_user_request_/{path}
//	/_aws/execute-api/{id}/{stage}/{path}
type Proxy struct{ s *Service }

// Proxy gives the handler that serves the stages.
func (s *Service) Proxy() *Proxy { return &Proxy{s} }

// Serves reports whether r is addressed to a stage of an API, in one of the three forms.
func (p *Proxy) Serves(r *http.Request) bool {
	_, _, _, ok := address(r)
	return ok
}

// address takes the API's id, the stage and the rest of the path out of a request.
func address(r *http.Request) (id, stage, rest string, ok bool) {
	path := r.URL.EscapedPath()
	if first, more, found := strings.Cut(r.Host, "."); found && strings.HasPrefix(more, "execute-api.") {
		stage, rest, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		return first, stage, "/" + rest, true
	}
	if after, found := strings.CutPrefix(path, "/_aws/execute-api/"); found {
		id, after, _ = strings.Cut(after, "/")
		stage, rest, _ = strings.Cut(after, "/")
		return id, stage, "/" + rest, true
	}
	if after, found := strings.CutPrefix(path, "/restapis/"); found {
		before, rest, found := strings.Cut(after, "/_user_request_")
		if !found || rest != "" && rest[0] != '/' {
			return "", "", "", false
		}
		id, stage, found = strings.Cut(before, "/")
		return id, stage, rest, found && !strings.Contains(stage, "/")
	}
	return "", "", "", false
}

// ServeHTTP routes a request to its integration.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{r: r, began: p.s.now(), requestID: uuid.New(), extended: extendedID(), traceID: traceID(r, p.s.now())}
	h := w.Header()
	h.Set("x-amzn-RequestId", c.requestID)
	h.Set("x-amz-apigw-id", c.extended)
	found := p.find(c)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var tooBig *http.MaxBytesError
	switch {
	case found != nil:
		found.write(w, c)
		return
	case errors.As(err, &tooBig):
		tooLarge.write(w, c)
		return
	case err != nil:
		return // the client has gone
	}
	h.Set("X-Amzn-Trace-Id", c.traceID)
	c.body = body
	if f := p.admit(c); f != nil {
		f.write(w, c)
		return
	}
	p.serve(w, c)
}

// admit asks all that may refuse a request before its integration, in AWS's order.
func (p *Proxy) admit(c *call) *refusal {
	for _, ask := range []func(*call) *refusal{p.authorize, p.checkKey, p.checkRequest} {
		if f := ask(c); f != nil {
			return f
		}
	}
	if p.throttled(c) {
		return throttledCall
	}
	return nil
}

// find fills the parts of c that the address names.
func (p *Proxy) find(c *call) *refusal {
	id, stage, rest, _ := address(c.r)
	c.domain = c.r.Host
	c.path = unescape(rest)
	if c.path == "" {
		c.path = "/"
	}
	c.fullPath = "/" + stage + c.path
	api, ok := p.s.served(id)
	if !ok {
		return forbidden
	}
	st, ok := api.Stages[stage]
	if !ok {
		return forbidden
	}
	if api.DisableExecuteAPIEndpoint {
		return forbidden
	}
	deployment := st.DeploymentID
	if st.Canary != nil && rand.Float64()*100 < st.Canary.Percent {
		c.canary, deployment = st.Canary, st.Canary.DeploymentID
	}
	c.api, c.stage, c.dep = api, st, api.Deployments[deployment]
	if c.dep == nil {
		return forbidden
	}
	c.resource, c.params = route(c.dep, c.path)
	if c.resource == nil {
		return missingToken
	}
	if c.method = c.resource.Methods[c.r.Method]; c.method == nil {
		c.method = c.resource.Methods["ANY"]
	}
	if c.method == nil {
		return missingToken
	}
	return nil
}

// serve runs the integration under its time limit.
func (p *Proxy) serve(w http.ResponseWriter, c *call) {
	limit := time.Duration(c.method.Integration.TimeoutMillis) * time.Millisecond
	if limit <= 0 {
		limit = timeLimit
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), limit)
	defer cancel()
	switch c.method.Integration.Type {
	case "AWS_PROXY":
		p.lambdaProxy(ctx, w, c)
	case "HTTP_PROXY":
		p.httpProxy(ctx, w, c)
	default:
		p.custom(ctx, w, c)
	}
}

// source is the address of the caller.
func (c *call) source() string {
	source, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		return c.r.RemoteAddr
	}
	return source
}

// extendedID looks like API Gateway's: fifteen characters and an equals sign.
func extendedID() string { return newID(11) + "FiAMF3w=" }

// traceID is the caller's X-Amzn-Trace-Id, or a new root as X-Ray writes it.
func traceID(r *http.Request, now time.Time) string {
	if t := r.Header.Get("X-Amzn-Trace-Id"); t != "" {
		return t
	}
	var b [12]byte
	crand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%s", now.Unix(), hex.EncodeToString(b[:]))
}
