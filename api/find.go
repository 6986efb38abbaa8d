package api

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"anthill/api/protocol"
)

// found is where a request goes.
type found struct {
	service *service // nil: a signed request for a service that Anthill does not have
	op      int      // -1: no such operation, or, for awsQuery, not looked for yet
	labels  []protocol.Label
	query   url.Values
	scope   scope
	target  string // X-Amz-Target
}

// scope is what a signature says about its request.
type scope struct{ accessKey, region, service, session string }

// name is the operation's name, as far as it is known before the body is read.
func (f *found) name() string {
	if f.service != nil && f.op >= 0 {
		return f.service.Model.Operations[f.op].Name
	}
	return ""
}

// find tells an AWS API's request from others, in this order: the hosts of deployed things, X-Amz-Target, the
// signature's scope, the Host header, a path of Lambda's or API Gateway's, an Action parameter.
func (h *Handler) find(r *http.Request) (found, bool) {
	host := hostname(r.Host)
	if strings.Contains(host, ".execute-api.") || strings.Contains(host, ".lambda-url.") || strings.Contains(r.URL.Path, "/_user_request_/") ||
		strings.HasPrefix(r.URL.Path, "/_a") {
		return found{}, false
	}
	f := found{op: -1, target: r.Header.Get("X-Amz-Target"), scope: scopeOf(r)}
	f.query = map[string][]string{}
	if r.URL.RawQuery != "" {
		f.query = r.URL.Query()
	}
	if f.target != "" {
		prefix, op, _ := strings.Cut(f.target, ".")
		if f.service = h.byTarget[prefix]; f.service == nil {
			return f, true
		}
		if i, ok := f.service.byName[op]; ok {
			f.op = i
		}
		return f, true
	}
	if f.scope.service == "execute-api" {
		return found{}, false
	}
	if f.scope.service != "" {
		return h.among(h.bySigner[f.scope.service], f, r), true
	}
	if at := h.byHost(host); at != nil {
		return h.among(at, f, r), true
	}
	return h.unsigned(f, r)
}

// among chooses one of the services that share a signing name or a host.
func (h *Handler) among(at []*service, f found, r *http.Request) found {
	for _, s := range at {
		f.service = s
		if s.router == nil {
			return f
		}
		if op, labels, ok, _ := s.router.find(r.Method, r.URL.EscapedPath(), f.query); ok {
			f.op, f.labels = op, labels
			return f
		}
	}
	return f
}

// byHost knows lambda.us-east-1.amazonaws.com, sync-states.us-east-1.localhost, iam.amazonaws.com and their like.
func (h *Handler) byHost(host string) []*service {
	host = strings.TrimPrefix(host, "sync-")
	for _, labels := range []int{2, 1} { // "api.ecr", then "lambda"
		parts := strings.SplitN(host, ".", labels+1)
		if len(parts) <= labels {
			continue
		}
		if at := h.byPrefix[strings.Join(parts[:labels], ".")]; at != nil {
			return at
		}
	}
	return nil
}

// unsigned finds a service for curl: paths and actions that only one AWS API has.
func (h *Handler) unsigned(f found, r *http.Request) (found, bool) {
	path := r.URL.EscapedPath()
	for _, s := range h.services {
		if s.router == nil || s.Model.Name != "lambda" && s.Model.Name != "apigateway" {
			continue
		}
		if op, labels, ok, known := s.router.find(r.Method, path, f.query); ok || known && s.Model.Name == "lambda" {
			f.service = s
			if ok {
				f.op, f.labels = op, labels
			}
			return f, true
		}
	}
	isForm := r.Method == http.MethodPost && r.URL.Path == "/" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if f.query.Has("Action") || isForm {
		for _, s := range h.services {
			if s.Model.Protocol == protocol.Query { // any: the form's Version chooses when it has been read
				f.service = s
				return f, true
			}
		}
	}
	return found{}, false
}

func hostname(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return hostport
}

// scopeOf reads the credential of a signature in the header or in a presigned query: KEY/20261122/us-east-1/lambda/aws4_request.
func scopeOf(r *http.Request) scope {
	credential, session := "", r.Header.Get("X-Amz-Security-Token")
	if auth := r.Header.Get("Authorization"); auth != "" {
		_, rest, ok := strings.Cut(auth, "Credential=")
		if !ok {
			return scope{}
		}
		credential, _, _ = strings.Cut(rest, ",")
		credential, _, _ = strings.Cut(credential, " ")
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		q := r.URL.Query()
		credential, session = q.Get("X-Amz-Credential"), q.Get("X-Amz-Security-Token")
	}
	parts := strings.Split(credential, "/")
	if len(parts) < 5 {
		return scope{}
	}
	n := len(parts) // a key may hold slashes in theory; the last four parts are fixed
	return scope{accessKey: strings.Join(parts[:n-4], "/"), region: parts[n-3], service: parts[n-2], session: session}
}

// unknown is the answer to an operation that the service does not have.
func (f *found) unknown() error {
	switch m := f.service.Model; m.Protocol {
	case protocol.Query:
		action := f.query.Get("Action")
		if action == "" {
			return protocol.Fail("MissingAction", "The request must contain the parameter Action")
		}
		return protocol.Fail("InvalidAction", fmt.Sprintf("Could not find operation %s for version %s", action, m.APIVersion))
	case protocol.JSON:
		_, op, _ := strings.Cut(f.target, ".")
		return protocol.Fail("UnknownOperationException", fmt.Sprintf("%s has no operation %q", m.FullName, op))
	default:
		return &protocol.Error{Code: "UnknownOperationException", Status: 404, Message: m.FullName + " has no operation at this method and path"}
	}
}

// refuseService answers a call of a service that Anthill does not have, in a form that its client can read.
func (f *found) refuseService(w http.ResponseWriter, r *http.Request, id string) {
	name := f.scope.service
	if name == "" {
		name, _, _ = strings.Cut(f.target, ".")
	}
	m := &protocol.Model{FullName: name, Protocol: protocol.REST}
	switch {
	case f.target != "":
		m.Protocol, m.JSONVersion = protocol.JSON, "1.0"
	case f.query.Has("Action") || strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		m.Protocol = protocol.Query
	}
	m.WriteError(w, &protocol.Call{RequestID: id}, m.NotBuilt("any operation"))
}
