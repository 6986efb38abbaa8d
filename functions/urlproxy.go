package functions

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
	"anthill/uuid"
)

// URLPath is the prefix under which function URLs answer without a host name of their own: URLPath + id + "/path".
const URLPath = "/_aws/lambda-url/"

// urlHost is what stands between a URL's id and the region in its host name.
const urlHost = ".lambda-url."

// URLProxy serves function URLs: requests whose host is {id}.lambda-url.{region}.anything, or whose path begins with
// URLPath.
type URLProxy struct {
	s *Service
	c URLConfig
}

// NewURLProxy serves the function URLs of s.
func NewURLProxy(s *Service, c URLConfig) *URLProxy { return &URLProxy{s, c} }

// Serves reports whether r is for a function URL.
func (*URLProxy) Serves(r *http.Request) bool {
	return strings.Contains(r.Host, urlHost) || strings.HasPrefix(r.URL.Path, URLPath)
}

// ServeHTTP invokes the function (Lambda developer guide, "Invoking Lambda function URLs").
func (p *URLProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	id, path := p.split(r)
	ref, u, ok := p.s.ByURL(strings.ToLower(id))
	if !ok {
		forbid(w)
		return
	}
	if u.CORS.answer(w.Header(), r) {
		w.WriteHeader(http.StatusOK)
		return
	}
	key := ""
	if u.Auth == "AWS_IAM" {
		if key = signingKey(r); key == "" {
			forbid(w)
			return
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSyncPayload))
	if err != nil {
		answerText(w, http.StatusRequestEntityTooLarge, "application/json", `{"Message":"Request Entity Too Large"}`)
		return
	}
	if key != "" && p.c.Verify != nil && p.c.Verify(r, body) != nil {
		forbidSigned(w)
		return
	}
	inv := Invocation{Ref: ref, RequestID: uuid.New(), Arrived: arrived.UnixNano(), TraceID: r.Header.Get("X-Amzn-Trace-Id"),
		ForceCold: r.Header.Get("X-Anthill-Force-Cold") != "", Method: r.Header.Get("X-Anthill-Start-Method")}
	if inv.TraceID == "" {
		inv.TraceID = newTraceID()
	}
	event := urlEventOf(r, id, path, body, &inv)
	if key != "" {
		event.Context.Authorizer = p.signedBy(ref.Account, key)
		event.Context.AccountID = event.Context.Authorizer.IAM.AccountID
	}
	inv.Payload = compactJSON(event)
	if u.InvokeMode == "RESPONSE_STREAM" {
		p.stream(w, r, inv)
		return
	}
	out, err := p.s.Invoke(r.Context(), inv)
	if err != nil {
		refuseURL(w, err)
		return
	}
	h := w.Header()
	h.Set("X-Amzn-Requestid", out.RequestID)
	h.Set("X-Amzn-Trace-Id", out.TraceID)
	if out.FunctionError != "" {
		answerText(w, http.StatusBadGateway, "application/json", "Internal Server Error")
		return
	}
	answerURL(w, out.Payload)
}

// split finds the URL's id and the path behind it.
func (p *URLProxy) split(r *http.Request) (id, path string) {
	if id, _, ok := strings.Cut(r.Host, urlHost); ok {
		return id, r.URL.EscapedPath()
	}
	id, path, _ = strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), URLPath), "/")
	return id, "/" + path
}

// urlEvent is the payload of format 2.0.
type urlEvent struct {
	Version  string            `json:"version"`
	RouteKey string            `json:"routeKey"`
	RawPath  string            `json:"rawPath"`
	RawQuery string            `json:"rawQueryString"`
	Cookies  []string          `json:"cookies,omitempty"`
	Headers  map[string]string `json:"headers"`
	Query    map[string]string `json:"queryStringParameters,omitempty"`
	Context  urlContext        `json:"requestContext"`
	Body     *string           `json:"body,omitempty"`
	IsBase64 bool              `json:"isBase64Encoded"`
}

type urlContext struct {
	AccountID    string         `json:"accountId"`
	APIID        string         `json:"apiId"`
	Authorizer   *urlAuthorizer `json:"authorizer,omitempty"`
	DomainName   string         `json:"domainName"`
	DomainPrefix string         `json:"domainPrefix"`
	HTTP         urlHTTP        `json:"http"`
	RequestID    string         `json:"requestId"`
	RouteKey     string         `json:"routeKey"`
	Stage        string         `json:"stage"`
	Time         string         `json:"time"`
	TimeEpoch    int64          `json:"timeEpoch"`
}

type urlHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func urlEventOf(r *http.Request, id, path string, body []byte, inv *Invocation) urlEvent {
	now := time.Now().UTC()
	host, port, err := net.SplitHostPort(r.Host)
	proto, standard := "http", "80"
	if r.TLS != nil {
		proto, standard = "https", "443"
	}
	if err != nil {
		host, port = r.Host, standard
	}
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	e := urlEvent{Version: "2.0", RouteKey: "$default", RawPath: path, RawQuery: r.URL.RawQuery, Headers: map[string]string{"host": r.Host},
		Context: urlContext{AccountID: "anonymous", APIID: id, DomainName: host, DomainPrefix: id, RequestID: inv.RequestID, RouteKey: "$default", Stage: "$default",
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: urlHTTP{r.Method, path, r.Proto, client, r.UserAgent()}}}
	for name, values := range r.Header {
		if name = strings.ToLower(name); name == "cookie" {
			e.Cookies = strings.Split(strings.Join(values, "; "), "; ")
			continue
		}
		e.Headers[name] = strings.Join(values, ",")
	}
	for name, value := range map[string]string{"x-forwarded-for": client, "x-forwarded-port": port, "x-forwarded-proto": proto, "x-amzn-trace-id": inv.TraceID} {
		if e.Headers[name] == "" {
			e.Headers[name] = value
		}
	}
	for name, values := range r.URL.Query() {
		if e.Query == nil {
			e.Query = map[string]string{}
		}
		e.Query[name] = strings.Join(values, ",")
	}
	if len(body) > 0 {
		text := string(body)
		if e.IsBase64 = !isText(r.Header.Get("Content-Type")); e.IsBase64 {
			text = base64.StdEncoding.EncodeToString(body)
		}
		e.Body = &text
	}
	return e
}

// isText reports whether Lambda hands a body of that type over as it is.
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml") ||
		kind == "application/javascript")
}

// answerURL turns what the function gave into a response: an object with a statusCode says it all, anything else is the
// body of a 200.
func answerURL(w http.ResponseWriter, payload []byte) {
	var out struct {
		StatusCode *json.Number               `json:"statusCode"`
		Headers    map[string]json.RawMessage `json:"headers"`
		Cookies    []string                   `json:"cookies"`
		Body       json.RawMessage            `json:"body"`
		IsBase64   bool                       `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(payload, &out); err != nil || out.StatusCode == nil {
		var text string
		if json.Unmarshal(payload, &text) == nil {
			answerText(w, http.StatusOK, "application/json", text)
			return
		}
		answerText(w, http.StatusOK, "application/json", compacted(payload))
		return
	}
	status, err := strconv.Atoi(out.StatusCode.String())
	if err != nil || status < 100 || status > 599 {
		answerText(w, http.StatusBadGateway, "application/json", "Internal Server Error")
		return
	}
	h := w.Header()
	setHeaders(h, out.Headers)
	for _, c := range out.Cookies {
		h.Add("Set-Cookie", c)
	}
	text := scalar(out.Body)
	if out.IsBase64 {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			answerText(w, http.StatusBadGateway, "application/json", "Internal Server Error")
			return
		}
		text = string(raw)
	}
	kind := h.Get("Content-Type")
	if kind == "" {
		kind = "application/json"
	}
	answerText(w, status, kind, text)
}

// setHeaders sets what the function says. Its CORS headers come beside those of the URL's configuration, as on AWS (developer
// guide, "Creating and managing Lambda function URLs", "Cross-origin resource sharing").
func setHeaders(h http.Header, headers map[string]json.RawMessage) {
	for name, raw := range headers {
		if name = http.CanonicalHeaderKey(name); strings.HasPrefix(name, "Access-Control-") {
			h.Add(name, scalar(raw))
			continue
		}
		h.Set(name, scalar(raw))
	}
}

// scalar is a JSON text's string, or the JSON itself when it is none; null and nothing are empty.
func scalar(raw json.RawMessage) string {
	var text string
	if len(raw) == 0 || json.Unmarshal(raw, &text) == nil {
		return text
	}
	return compacted(raw)
}

func compacted(raw []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return string(raw)
	}
	return b.String()
}

// refuseURL answers what kept the function from running.
func refuseURL(w http.ResponseWriter, err error) {
	var f *fault.Error
	switch {
	case errors.As(err, &f) && f.Kind == fault.Throttled:
		answerText(w, http.StatusTooManyRequests, "application/json", `{"Reason":"`+f.Reason+`","Type":"User","message":"Rate Exceeded."}`)
	case errors.As(err, &f) && f.Kind == fault.TooLarge:
		answerText(w, http.StatusRequestEntityTooLarge, "application/json", `{"Message":"Request Entity Too Large"}`)
	default:
		answerText(w, http.StatusBadGateway, "application/json", "Internal Server Error")
	}
}

func answerText(w http.ResponseWriter, status int, kind, text string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a client that went away is no trouble of ours
}

// answer adds the headers that a browser of another origin needs, and reports whether r was only the question for them, which
// never reaches the function: an origin that may not ask is answered without them.
func (c *CORS) answer(h http.Header, r *http.Request) (preflight bool) {
	origin := r.Header.Get("Origin")
	if c == nil || origin == "" {
		return false
	}
	preflight = r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if !slices.Contains(c.AllowOrigins, "*") && !slices.Contains(c.AllowOrigins, origin) {
		return preflight
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	if c.Credentials != nil && *c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	set := func(name string, values []string) {
		if len(values) > 0 {
			h.Set(name, strings.Join(values, ","))
		}
	}
	set("Access-Control-Expose-Headers", c.ExposeHeaders)
	if !preflight {
		return false
	}
	set("Access-Control-Allow-Methods", c.AllowMethods)
	set("Access-Control-Allow-Headers", c.AllowHeaders)
	if c.MaxAge != nil {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(*c.MaxAge)))
	}
	return true
}
