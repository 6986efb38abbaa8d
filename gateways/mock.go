package gateways

import (
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"anthill/value"
)

// mock serves a MOCK integration: the request template of the request's content type gives {"statusCode": n}, and the
// integration response whose selection pattern matches n, or the default one, is answered.
// AWS: "Set up mock integrations in API Gateway".
func (p *Proxy) mock(w http.ResponseWriter, c *call) {
	in := c.method.Integration
	contentType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		contentType = "application/json"
	}
	template, ok := in.RequestTemplates[contentType]
	if !ok && (in.PassthroughBehavior == "NEVER" || in.PassthroughBehavior == "WHEN_NO_TEMPLATES" && len(in.RequestTemplates) > 0) {
		(&refusal{http.StatusUnsupportedMediaType, "BadRequestException", "Unsupported Media Type"}).write(w)
		return
	}
	if !ok {
		template = string(c.body)
	}
	v, err := value.Parse(template)
	if err != nil {
		internalError.write(w)
		return
	}
	status, ok := v.Get("statusCode").Int()
	if !ok {
		internalError.write(w)
		return
	}
	res := selectResponse(in.Responses, strconv.FormatInt(status, 10))
	if res == nil {
		internalError.write(w)
		return
	}
	out, _ := strconv.Atoi(res.StatusCode)
	h := w.Header()
	for k, v := range res.ResponseParameters {
		if name, ok := strings.CutPrefix(k, "method.response.header."); ok && strings.HasPrefix(v, "'") {
			h.Set(name, strings.Trim(v, "'"))
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(out)
	if t, ok := res.ResponseTemplates["application/json"]; ok && c.r.Method != http.MethodHead {
		w.Write([]byte(t))
	}
}

// selectResponse finds the integration response whose pattern matches all of what, or the default one.
func selectResponse(all map[string]*IntegrationResponse, what string) *IntegrationResponse {
	var def *IntegrationResponse
	for _, r := range all {
		if r.SelectionPattern == nil || *r.SelectionPattern == "" {
			def = r
			continue
		}
		if re, err := regexp.Compile("^(?:" + *r.SelectionPattern + ")$"); err == nil && re.MatchString(what) {
			return r
		}
	}
	return def
}
