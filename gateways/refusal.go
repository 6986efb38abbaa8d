package gateways

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"anthill/fault"
	"anthill/gateways/vtl"
	"anthill/value"
)

// kinds are the gateway responses with their own status; 0 has none. AWS: "Gateway response types for API Gateway".
var kinds = []struct {
	name   string
	status int
}{
	{"ACCESS_DENIED", 403}, {"API_CONFIGURATION_ERROR", 500}, {"AUTHORIZER_CONFIGURATION_ERROR", 500}, {"AUTHORIZER_FAILURE", 500},
	{"BAD_REQUEST_BODY", 400}, {"BAD_REQUEST_PARAMETERS", 400}, {"DEFAULT_4XX", 0}, {"DEFAULT_5XX", 0}, {"EXPIRED_TOKEN", 403},
	{"INTEGRATION_FAILURE", 504}, {"INTEGRATION_TIMEOUT", 504}, {"INVALID_API_KEY", 403}, {"INVALID_SIGNATURE", 403},
	{"MISSING_AUTHENTICATION_TOKEN", 403}, {"QUOTA_EXCEEDED", 429}, {"REQUEST_TOO_LARGE", 413}, {"RESOURCE_NOT_FOUND", 404},
	{"THROTTLED", 429}, {"UNAUTHORIZED", 401}, {"UNSUPPORTED_MEDIA_TYPE", 415}, {"WAF_FILTERED", 403},
}

const defaultGatewayTemplate = `{"message":$context.error.messageString}`

// NewGatewayResponse is the gateway response of a kind as nobody changed it. ok is false for a kind that there is not.
func NewGatewayResponse(kind string) (r *GatewayResponse, ok bool) {
	for _, k := range kinds {
		if k.name == kind {
			r = &GatewayResponse{Type: kind, Parameters: map[string]string{}, Templates: map[string]string{"application/json": defaultGatewayTemplate}, Default: true}
			if k.status != 0 {
				r.StatusCode = strconv.Itoa(k.status)
			}
			return r, true
		}
	}
	return nil, false
}

// GatewayResponse gives what the API answers for a kind: what was set for it, or for the default of its class.
func (a *RestAPI) GatewayResponse(kind string) (*GatewayResponse, bool) {
	if r, ok := a.GatewayResponses[kind]; ok {
		return r, true
	}
	r, ok := NewGatewayResponse(kind)
	if !ok || r.StatusCode == "" {
		return r, ok
	}
	if d, ok := a.GatewayResponses["DEFAULT_"+r.StatusCode[:1]+"XX"]; ok {
		r.Parameters, r.Templates = d.Parameters, d.Templates
		if d.StatusCode != "" {
			r.StatusCode = d.StatusCode
		}
	}
	return r, true
}

// AllGatewayResponses gives them by name.
func (a *RestAPI) AllGatewayResponses() (all []*GatewayResponse) {
	for _, k := range kinds {
		r, _ := a.GatewayResponse(k.name)
		all = append(all, r)
	}
	return all
}

// refusal is an answer of API Gateway's own.
type refusal struct {
	status    int    // when the kind says none
	kind      string // of gateway response
	errorType string // X-Amzn-ErrorType
	message   string
}

var (
	forbidden      = &refusal{http.StatusForbidden, "", "ForbiddenException", "Forbidden"}
	missingToken   = &refusal{http.StatusForbidden, "MISSING_AUTHENTICATION_TOKEN", "MissingAuthenticationTokenException", "Missing Authentication Token"}
	internalError  = &refusal{http.StatusInternalServerError, "API_CONFIGURATION_ERROR", "InternalServerErrorException", "Internal server error"}
	badGateway     = &refusal{http.StatusBadGateway, "DEFAULT_5XX", "InternalServerErrorException", "Internal server error"}
	unreachable    = &refusal{http.StatusGatewayTimeout, "INTEGRATION_FAILURE", "InternalServerErrorException", "Internal server error"}
	timedOut       = &refusal{http.StatusGatewayTimeout, "INTEGRATION_TIMEOUT", "InternalServerErrorException", "Endpoint request timed out"}
	tooMany        = &refusal{http.StatusTooManyRequests, "THROTTLED", "LimitExceededException", "Limit Exceeded"}
	throttledCall  = &refusal{http.StatusTooManyRequests, "THROTTLED", "TooManyRequestsException", "Too Many Requests"}
	tooLarge       = &refusal{http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "RequestTooLargeException", "Request Too Long"}
	unsupportedFor = &refusal{http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "BadRequestException", "Unsupported Media Type"}
	badBody        = &refusal{http.StatusBadRequest, "BAD_REQUEST_BODY", "BadRequestException", "Invalid request body"}
	noKey          = &refusal{http.StatusForbidden, "INVALID_API_KEY", "ForbiddenException", "Forbidden"}
	unauthorized   = &refusal{http.StatusUnauthorized, "UNAUTHORIZED", "UnauthorizedException", "Unauthorized"}
	denied         = &refusal{http.StatusForbidden, "ACCESS_DENIED", "AccessDeniedException", "User is not authorized to access this resource"}
	noAuthorizer   = &refusal{http.StatusInternalServerError, "AUTHORIZER_FAILURE", "AuthorizerFailureException", ""}
	badAuthorizer  = &refusal{http.StatusInternalServerError, "AUTHORIZER_CONFIGURATION_ERROR", "AuthorizerConfigurationException", ""}
)

// refusalFor is what a caller sees when the platform could not run the function.
func refusalFor(err error) *refusal {
	switch {
	case errors.Is(err, context.DeadlineExceeded), fault.Is(err, fault.Timeout):
		return timedOut
	case fault.Is(err, fault.Throttled):
		return tooMany
	case fault.Is(err, fault.TooLarge):
		return tooLarge
	}
	return internalError
}

// plain answers without an API's say: there is none.
func (f *refusal) plain(w http.ResponseWriter) {
	w.Header().Set("x-amzn-ErrorType", f.errorType)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	fmt.Fprintf(w, `{"message":%q}`, f.message)
}

// write answers as the API's gateway response of the kind says.
func (f *refusal) write(w http.ResponseWriter, c *call) {
	if c.api == nil || f.kind == "" {
		f.plain(w)
		return
	}
	g, _ := c.api.GatewayResponse(f.kind)
	var message any = f.message
	if f.message == "" {
		message = nil
	}
	ctx := c.context()
	ctx.Put("error", vtl.NewMap("message", message, "messageString", vtl.JSON(message), "responseType", f.kind, "validationErrorString", f.message))
	h := w.Header()
	h.Set("x-amzn-ErrorType", f.errorType)
	for k, expr := range g.Parameters {
		if name, ok := cutPrefix(k, "gatewayresponse.header."); ok {
			if v, ok := c.gatewayValue(expr); ok {
				h.Set(name, v)
			}
		}
	}
	contentType := chooseTemplate(g.Templates, c.r.Header.Get("Accept"))
	body := ""
	if contentType != "" {
		// Only simple variables are replaced here, as AWS says; a template of them is a VTL template too.
		if t, err := vtl.Parse(g.Templates[contentType]); err == nil {
			body, _ = t.Render(map[string]any{"context": ctx, "stageVariables": c.variables()})
		}
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", contentType)
		}
	}
	status := f.status
	if n, err := strconv.Atoi(g.StatusCode); err == nil && !(g.Default && f.kind == "DEFAULT_5XX") {
		status = n
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		fmt.Fprint(w, body)
	}
}

// chooseTemplate gives the key of the template for a caller: one that it accepts, JSON, or the first.
func chooseTemplate[T any](templates map[string]T, accept string) string {
	for _, want := range mediaTypes(accept) {
		if _, ok := templates[want]; ok {
			return want
		}
	}
	if _, ok := templates["application/json"]; ok || len(templates) == 0 {
		if ok {
			return "application/json"
		}
		return ""
	}
	names := make([]string, 0, len(templates))
	for k := range templates {
		names = append(names, k)
	}
	return slices.Min(names)
}

// jsonOf reads a body; what is no JSON is absent.
func jsonOf(body []byte) value.Value {
	v, err := value.ParseBytes(body)
	if err != nil {
		return value.Value{}
	}
	return v
}
