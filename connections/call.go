package connections

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"anthill/asl/failure"
	"anthill/fault"
	"anthill/value"
	"anthill/workflows"
)

const (
	longest      = 60 * time.Second // that a request may take
	largestBody  = 256 << 10        // of a response, in bytes
	socketError  = "States.Http.Socket"
	statusPrefix = "States.Http.StatusCode."
)

// refusedName is the headers that a task may not set (developer guide, "Call HTTPS APIs", Headers).
var refusedName = regexp.MustCompile(`(?i)^(A-IM|Accept-Charset|Accept-Datetime|Accept-Encoding|Connection|Content-Encoding|Content-Length|Content-MD5|Date|Expect|Forwarded|From|Host|HTTP2-Settings|If-Match|If-Modified-Since|If-None-Match|If-Range|If-Unmodified-Since|Max-Forwards|Origin|Proxy-Authorization|Referer|Server|TE|Trailer|Transfer-Encoding|Upgrade|Via|Warning|X-Forwarded-.*|X-Amz-.*|X-Amzn-.*)$`)

// fields are the parameters of a task, each with what its value must be.
var fields = []struct {
	name     string
	required bool
	fits     func(value.Value) bool
}{
	{"ApiEndpoint", true, func(v value.Value) bool {
		u, err := url.Parse(v.Text())
		return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
	}},
	{"Method", true, func(v value.Value) bool {
		return slices.Contains([]string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"}, v.Text())
	}},
	{"Authentication", false, func(v value.Value) bool { return v.Get("ConnectionArn").Kind() == value.String }},
	{"InvocationConfig", false, func(v value.Value) bool { return v.Get("ConnectionArn").Kind() == value.String }},
	{"Headers", false, func(v value.Value) bool {
		for name := range v.Members() {
			if refusedName.MatchString(name) {
				return false
			}
		}
		return v.Kind() == value.Object
	}},
	{"QueryParameters", false, func(v value.Value) bool { return v.Kind() == value.Object }},
	{"RequestBody", false, func(value.Value) bool { return true }},
	{"Transform", false, func(v value.Value) bool {
		how, format := v.Get("RequestBodyEncoding"), v.Get("RequestEncodingOptions").Get("ArrayFormat")
		return v.Kind() == value.Object && (how.IsAbsent() || how.Text() == "NONE" || how.Text() == "URL_ENCODED") &&
			(format.IsAbsent() || slices.Contains([]string{"INDICES", "REPEAT", "COMMAS", "BRACKETS"}, format.Text()))
	}},
}

// Check says what is wrong with a task's parameters.
func (s *Service) Check(parameters value.Value) (wrong []string) {
	known := map[string]bool{}
	for _, f := range fields {
		known[f.name] = true
		switch v := parameters.Get(f.name); {
		case v.IsAbsent() || v.IsNull():
			if f.required {
				wrong = append(wrong, "The field '"+f.name+"' is required but was missing")
			}
		case !f.fits(v):
			wrong = append(wrong, "The value of the field '"+f.name+"' has an invalid format")
		}
	}
	if connectionOf(parameters) == "" {
		wrong = append(wrong, "The field 'ConnectionArn' is required but was missing")
	}
	for name := range parameters.Members() {
		if !known[name] {
			wrong = append(wrong, "The field '"+name+"' is not supported by Step Functions")
		}
	}
	return wrong
}

// connectionOf is the ARN of the connection that a task names.
func connectionOf(parameters value.Value) string {
	if c := parameters.Get("InvocationConfig").Get("ConnectionArn"); c.Kind() == value.String {
		return c.Text()
	}
	return parameters.Get("Authentication").Get("ConnectionArn").Text()
}

// Do makes the call.
func (s *Service) Do(ctx context.Context, t *workflows.Task) workflows.Outcome {
	if t.Recovered {
		return workflows.FailedWith(socketError, "The machine went down while the request may have been answered. It was not sent again: a Retry of the state would.")
	}
	c, err := s.ByARN(connectionOf(t.Arguments))
	if fault.Is(err, fault.NotFound) {
		return workflows.FailedWith("Events.ConnectionResource.ResourceNotFound", "%s", fault.Of(err).Detail)
	}
	if err != nil {
		return workflows.FailedWith(failure.Runtime, "%v", err)
	}
	region := t.Scope.Region
	r, err := newRequest(ctx, t.Arguments, c, region, true)
	if err != nil {
		return workflows.FailedWith(failure.Runtime, "%v", err)
	}
	begun := time.Now()
	out := workflows.Outcome{Started: begun}
	if t.Inspected {
		shown := r
		if !t.Secrets {
			if shown, err = newRequest(ctx, t.Arguments, c, region, false); err != nil {
				return workflows.FailedWith(failure.Runtime, "%v", err)
			}
		}
		out.Inspection = append(out.Inspection, value.Member{Key: "request", Value: shown.inspection()})
	}
	resp, err := s.client.Do(r.Request)
	if err == nil {
		defer resp.Body.Close()
		err = s.answer(t, resp, &out)
	}
	switch {
	case ctx.Err() != nil:
		return workflows.Outcome{Left: true}
	case err != nil:
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the URL may hold what the connection added
		}
		f := workflows.FailedWith(socketError, "%v", err)
		f.Inspection, f.Started = out.Inspection, begun
		return f
	}
	return out
}

// answer makes the outcome of a response.
func (s *Service) answer(t *workflows.Task, resp *http.Response, out *workflows.Outcome) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, largestBody+1))
	if err != nil {
		return err
	}
	body := bodyOf(resp.Header.Get("Content-Type"), raw)
	_, status, _ := strings.Cut(resp.Status, " ")
	if t.Inspected {
		protocol := "http"
		if resp.Request.URL.Scheme == "https" {
			protocol = "https"
		}
		out.Inspection = append(out.Inspection, value.Member{Key: "response", Value: texts("protocol", protocol, "statusCode", fmt.Sprint(resp.StatusCode),
			"statusMessage", status, "headers", listed(headerLines(resp.Header)), "body", string(raw))})
	}
	switch {
	case len(raw) > largestBody:
		f := workflows.FailedWith(failure.DataLimitExceeded, "The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", t.Resource.ARN)
		out.Failure = f.Failure
		return nil
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		out.Failure = failure.New(statusPrefix+fmt.Sprint(resp.StatusCode), "%s", raw)
		return nil
	}
	var headers []value.Member
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		var list []value.Value
		for _, text := range resp.Header[name] {
			list = append(list, value.OfString(text))
		}
		headers = append(headers, value.Member{Key: strings.ToLower(name), Value: value.OfArray(list...)})
	}
	out.Output = value.OfObject(value.Member{Key: "Headers", Value: value.OfObject(headers...)}, value.Member{Key: "ResponseBody", Value: body},
		value.Member{Key: "StatusCode", Value: value.OfInt(int64(resp.StatusCode))}, value.Member{Key: "StatusText", Value: value.OfString(status)})
	return nil
}

// bodyOf is a response's body as a value: JSON parsed, text as it is, the rest in base64.
func bodyOf(contentType string, raw []byte) value.Value {
	media, _, _ := mime.ParseMediaType(contentType)
	if media == "application/json" || strings.HasSuffix(media, "+json") || media == "" {
		if v, err := value.ParseBytes(raw); err == nil {
			return v
		}
	}
	for _, binary := range []string{"image/", "audio/", "video/", "application/octet-stream"} {
		if strings.HasPrefix(media, binary) || !utf8.Valid(raw) {
			return value.OfString(base64.StdEncoding.EncodeToString(raw))
		}
	}
	return value.OfString(string(raw))
}

// texts makes an object of names and texts; empty texts are left out.
func texts(pairs ...string) value.Value {
	out := value.OfObject()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = out.With(pairs[i], value.OfString(pairs[i+1]))
		}
	}
	return out
}

// listed writes headers as TestState shows them: "[a: b, c: d]".
func listed(lines []string) string { return "[" + strings.Join(lines, ", ") + "]" }

func headerLines(h http.Header) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, text := range h[name] {
			lines = append(lines, strings.ToLower(name)+": "+text)
		}
	}
	return lines
}
