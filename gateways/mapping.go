package gateways

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"anthill/asl/jsonpath"
	"anthill/gateways/vtl"
	"anthill/value"
)

func cutPrefix(s, prefix string) (string, bool) { return strings.CutPrefix(s, prefix) }

// mediaTypes are the types that an Accept header names, without their parameters.
func mediaTypes(accept string) (out []string) {
	for _, part := range strings.Split(accept, ",") {
		if t, _, err := mime.ParseMediaType(part); err == nil {
			out = append(out, t)
		}
	}
	return out
}

// variables are the stage's variables for the request, a canary's own over the stage's.
func (c *call) variables() *vtl.Map {
	m := vtl.NewMap()
	for k, v := range c.stageVariables() {
		m.Put(k, v)
	}
	return m
}

func (c *call) stageVariables() map[string]string {
	if c.stage == nil {
		return nil
	}
	if c.canary == nil || len(c.canary.Overrides) == 0 {
		return c.stage.Variables
	}
	out := map[string]string{}
	for k, v := range c.stage.Variables {
		out[k] = v
	}
	for k, v := range c.canary.Overrides {
		out[k] = v
	}
	return out
}

// context is $context of the request. AWS: "Variables for data models, authorizers, mapping templates".
func (c *call) context() *vtl.Map {
	if c.vars != nil {
		return c.vars
	}
	e := eventOf(c).RequestContext
	identity := vtl.NewMap("sourceIp", e.Identity.SourceIP, "userAgent", e.Identity.UserAgent)
	if c.apiKey != nil {
		identity.Put("apiKey", c.apiKey.Value)
		identity.Put("apiKeyId", c.apiKey.ID)
	}
	headers := func() *vtl.Map {
		return vtl.NewMap("header", vtl.NewMap(), "path", vtl.NewMap(), "querystring", vtl.NewMap())
	}
	m := vtl.NewMap("accountId", e.AccountID, "apiId", e.APIID, "domainName", e.DomainName, "domainPrefix", e.DomainPrefix,
		"extendedRequestId", e.ExtendedRequestID, "httpMethod", e.HTTPMethod, "identity", identity, "path", e.Path, "protocol", e.Protocol,
		"requestId", e.RequestID, "requestTime", e.RequestTime, "requestTimeEpoch", e.RequestTimeEpoch, "resourceId", e.ResourceID,
		"resourcePath", e.ResourcePath, "stage", e.Stage, "deploymentId", e.DeploymentID, "awsEndpointRequestId", e.RequestID,
		"xrayTraceId", c.traceID, "requestOverride", headers(), "responseOverride", vtl.NewMap("header", vtl.NewMap()))
	if c.stage != nil && c.stage.Canary != nil {
		m.Put("isCanaryRequest", c.canary != nil)
	}
	if c.authorized != nil {
		m.Put("authorizer", vtl.Of(*c.authorized))
	}
	c.vars = m
	return m
}

// params are the request's parameters by place. A name that comes more than once has its last value.
func (c *call) parameters() (path, query, header *vtl.Map) {
	path, query, header = vtl.NewMap(), vtl.NewMap(), vtl.NewMap()
	for k, v := range c.params {
		path.Put(k, v)
	}
	for k, v := range lastOf(c.r.URL.Query()) {
		query.Put(k, v)
	}
	for k, v := range lastOf(headersOf(c, "")) {
		if k != "X-Forwarded-For" || v != "" {
			header.Put(k, v)
		}
	}
	return path, query, header
}

// bodyText is a body as templates see it: AWS shows an empty one as {}.
func bodyText(body []byte) string {
	if len(body) == 0 {
		return "{}"
	}
	return string(body)
}

// render renders a mapping template over a body.
func (c *call) render(template string, body []byte) (string, error) {
	t, err := vtl.Parse(template)
	if err != nil {
		return "", err
	}
	return t.Render(map[string]any{"input": &input{c: c, body: bodyText(body)}, "context": c.context(), "util": util{}, "stageVariables": c.variables()})
}

// input is $input.
type input struct {
	c    *call
	body string
	doc  *value.Value
}

func (in *input) Property(name string) (any, bool) {
	if name == "body" {
		return in.body, true
	}
	return nil, false
}

func (in *input) document() value.Value {
	if in.doc == nil {
		v, err := value.Parse(in.body)
		if err != nil {
			v = value.OfString(in.body)
		}
		in.doc = &v
	}
	return *in.doc
}

func (in *input) at(path string) (value.Value, error) {
	p, err := jsonpath.Compile(path)
	if err != nil {
		return value.Value{}, err
	}
	return p.Lookup(&jsonpath.Env{Input: in.document()}), nil
}

func (in *input) Call(name string, args []any) (any, bool, error) {
	switch {
	case name == "params" && len(args) == 0:
		path, query, header := in.c.parameters()
		return vtl.NewMap("path", path, "querystring", query, "header", header), true, nil
	case name == "params" && len(args) == 1:
		path, query, header := in.c.parameters()
		key := vtl.Text(args[0])
		for _, m := range []*vtl.Map{path, query, header} {
			if m.Has(key) {
				return m.Get(key), true, nil
			}
		}
		if v := in.c.r.Header.Get(key); v != "" {
			return v, true, nil
		}
		return "", true, nil
	case name == "json" && len(args) == 1:
		v, err := in.at(vtl.Text(args[0]))
		if err != nil {
			return nil, true, err
		}
		if v.IsAbsent() {
			return `""`, true, nil
		}
		return v.String(), true, nil
	case name == "path" && len(args) == 1:
		v, err := in.at(vtl.Text(args[0]))
		if err != nil {
			return nil, true, err
		}
		if v.IsAbsent() {
			return "", true, nil
		}
		return vtl.Of(v), true, nil
	}
	return nil, false, nil
}

// util is $util.
type util struct{}

func (util) Property(string) (any, bool) { return nil, false }

func (util) Call(name string, args []any) (any, bool, error) {
	if len(args) != 1 || args[0] == nil {
		return nil, false, nil
	}
	s := vtl.Text(args[0])
	switch name {
	case "escapeJavaScript":
		return escapeJavaScript(s), true, nil
	case "parseJson":
		v, err := value.Parse(s)
		if err != nil {
			return nil, true, nil
		}
		return vtl.Of(v), true, nil
	case "urlEncode":
		return url.QueryEscape(s), true, nil
	case "urlDecode":
		out, err := url.QueryUnescape(s)
		if err != nil {
			return nil, true, nil
		}
		return out, true, nil
	case "base64Encode":
		return base64.StdEncoding.EncodeToString([]byte(s)), true, nil
	case "base64Decode":
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil, true, nil
		}
		return string(b), true, nil
	}
	return nil, false, nil
}

// escapeJavaScript is that of Apache's commons-lang: both quotes, slashes, control characters, all beyond ASCII.
func escapeJavaScript(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	unit := func(u uint16) {
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(hex[u>>shift&15])
		}
	}
	for _, r := range s {
		switch {
		case strings.ContainsRune(`"'\/`, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' && strings.IndexByte("\b\t\n\f\r", byte(r)) >= 0:
			b.WriteByte('\\')
			b.WriteByte("btnfr"[strings.IndexByte("\b\t\n\f\r", byte(r))])
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			unit(uint16(0xd800 + r>>10))
			unit(uint16(0xdc00 + r&0x3ff))
		default:
			unit(uint16(r))
		}
	}
	return b.String()
}

// requestValue is what an expression on the right side of an integration's request parameters gives:
// 'static', method.request.{path,querystring,header,body}.…, stageVariables.…, context.….
func (c *call) requestValue(expr string) (string, bool) {
	if rest, ok := strings.CutPrefix(expr, "method.request."); ok {
		place, name, _ := strings.Cut(rest, ".")
		switch place {
		case "path":
			v, ok := c.params[name]
			return v, ok
		case "querystring":
			v := c.r.URL.Query()[name]
			if len(v) == 0 {
				return "", false
			}
			return v[len(v)-1], true
		case "multivaluequerystring":
			v, ok := c.r.URL.Query()[name]
			return strings.Join(v, ","), ok
		case "header", "multivalueheader":
			if strings.EqualFold(name, "Host") {
				return c.domain, true
			}
			v := c.r.Header.Values(name)
			return strings.Join(v, ","), len(v) > 0
		case "body":
			return pathText(c.body, name)
		}
		if strings.HasPrefix(rest, "body") {
			return bodyText(c.body), true
		}
		return "", false
	}
	return c.surroundings(expr)
}

// gatewayValue is requestValue for a gateway response, of which the request may have found nothing.
func (c *call) gatewayValue(expr string) (string, bool) { return c.requestValue(expr) }

// responseValue is requestValue for the answer of an integration: integration.response.{header,body}.….
func (c *call) responseValue(expr string, h http.Header, body []byte) (string, bool) {
	rest, ok := strings.CutPrefix(expr, "integration.response.")
	if !ok {
		return c.surroundings(expr)
	}
	place, name, _ := strings.Cut(rest, ".")
	switch {
	case place == "header" || place == "multivalueheader":
		v := h.Values(name)
		return strings.Join(v, ","), len(v) > 0
	case place == "body" && name != "":
		return pathText(body, name)
	case strings.HasPrefix(place, "body"):
		return string(body), true
	}
	return "", false
}

func (c *call) surroundings(expr string) (string, bool) {
	if len(expr) >= 2 && expr[0] == '\'' && expr[len(expr)-1] == '\'' {
		return expr[1 : len(expr)-1], true
	}
	if name, ok := strings.CutPrefix(expr, "stageVariables."); ok {
		v, ok := c.stageVariables()[name]
		return v, ok
	}
	if path, ok := strings.CutPrefix(expr, "context."); ok {
		var v any = c.context()
		for _, part := range strings.Split(path, ".") {
			m, ok := v.(*vtl.Map)
			if !ok || !m.Has(part) {
				return "", false
			}
			v = m.Get(part)
		}
		return vtl.Text(v), true
	}
	return "", false
}

// pathText is what a JSON path without its "$." names in a body, as text.
func pathText(body []byte, path string) (string, bool) {
	p, err := jsonpath.Compile("$." + path)
	if err != nil {
		return "", false
	}
	v := p.Lookup(&jsonpath.Env{Input: jsonOf(body)})
	switch v.Kind() {
	case value.Absent:
		return "", false
	case value.String:
		return v.Text(), true
	}
	return v.String(), true
}

var stageVariable = regexp.MustCompile(`\$\{stageVariables\.([A-Za-z0-9_]+)\}`)

// expand puts stage variables into a text.
func (c *call) expand(s string) string {
	if !strings.Contains(s, "${stageVariables.") {
		return s
	}
	vars := c.stageVariables()
	return stageVariable.ReplaceAllStringFunc(s, func(m string) string { return vars[stageVariable.FindStringSubmatch(m)[1]] })
}

// settingPath is a resource's path as a key of method settings has it: "~1" for the slashes inside.
func settingPath(path string) string {
	return strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "~1")
}

// CheckTemplate refuses a mapping template that does not parse.
func CheckTemplate(s string) error {
	_, err := vtl.Parse(s)
	return err
}
