package connections

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"anthill/value"
)

// request is the request of a task, with what TestState shows of it.
type request struct {
	*http.Request
	lines []string // headers in the order in which they were added
	body  string
}

// newRequest makes the request that parameters and connection describe. What the connection adds wins over what the task
// says; without secrets it is left out.
func newRequest(ctx context.Context, p value.Value, c *Connection, region string, secrets bool) (*request, error) {
	auth := c.Auth
	if !secrets {
		auth = Auth{Kind: auth.Kind}
	}
	u, err := url.Parse(p.Get("ApiEndpoint").Text())
	if err != nil {
		return nil, err
	}
	u.RawQuery = query(u.RawQuery, p.Get("QueryParameters"), auth.Query)
	r := &request{}
	kind := ""
	if r.body, kind, err = body(p, auth.Body); err != nil {
		return nil, err
	}
	if r.Request, err = http.NewRequestWithContext(ctx, p.Get("Method").Text(), u.String(), strings.NewReader(r.body)); err != nil {
		return nil, err
	}
	if r.body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for name, v := range p.Get("Headers").Members() {
		r.set(name, plain(v))
	}
	if kind != "" && r.Header.Get("Content-Type") == "" {
		r.set("Content-Type", kind)
	}
	for _, h := range auth.Headers {
		r.set(h.Key, h.Value)
	}
	switch {
	case !secrets:
	case auth.Kind == Basic:
		r.set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(auth.User+":"+auth.Password)))
	case auth.Kind == APIKey:
		r.set(auth.Key, auth.Value)
	}
	if r.Header.Get("User-Agent") == "" {
		r.set("User-Agent", "Amazon|StepFunctions|HttpInvoke|"+region)
	}
	if r.Header.Get("Range") == "" {
		r.set("Range", fmt.Sprintf("bytes=0-%d", largestBody))
	}
	return r, nil
}

// set sets a header, in place of one of the same name.
func (r *request) set(name, text string) {
	for i, line := range r.lines {
		if before, _, _ := strings.Cut(line, ":"); strings.EqualFold(before, name) {
			r.lines = append(r.lines[:i], r.lines[i+1:]...)
			break
		}
	}
	r.Header.Set(name, text)
	r.lines = append(r.lines, name+": "+text)
}

func (r *request) inspection() value.Value {
	return texts("protocol", r.URL.Scheme, "method", r.Method, "url", r.URL.String(), "headers", listed(r.lines), "body", r.body)
}

// plain is a value as text: strings as they are, the rest as JSON; arrays joined by commas.
func plain(v value.Value) string {
	switch v.Kind() {
	case value.String:
		return v.Text()
	case value.Array:
		var all []string
		for _, item := range v.Items() {
			all = append(all, plain(item))
		}
		return strings.Join(all, ",")
	}
	return v.Compact().String()
}

// query adds parameters to a query string. An array stands for several of the same name.
func query(raw string, p value.Value, more []Parameter) string {
	var parts []string
	if raw != "" {
		parts = append(parts, raw)
	}
	added := map[string]bool{}
	for _, m := range more {
		added[m.Key] = true
	}
	for name, v := range p.Members() {
		if added[name] {
			continue
		}
		if v.Kind() != value.Array {
			parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(plain(v)))
			continue
		}
		for _, item := range v.Items() {
			parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(plain(item)))
		}
	}
	for _, m := range more {
		parts = append(parts, url.QueryEscape(m.Key)+"="+url.QueryEscape(m.Value))
	}
	return strings.Join(parts, "&")
}

// body is the body of the request and its media type; both are empty for none.
func body(p value.Value, more []Parameter) (text, kind string, err error) {
	b := p.Get("RequestBody")
	if len(more) > 0 && (b.IsAbsent() || b.IsNull()) {
		b = value.OfObject()
	}
	if b.Kind() == value.Object {
		for _, m := range more {
			b = b.With(m.Key, value.OfString(m.Value))
		}
	}
	encoded := p.Get("Transform").Get("RequestBodyEncoding").Text() == "URL_ENCODED"
	switch {
	case b.IsAbsent() || b.IsNull():
		return "", "", nil
	case encoded && b.Kind() != value.Object:
		return "", "", fmt.Errorf("the RequestBody must be an object to be encoded as URL_ENCODED")
	case encoded:
		format := p.Get("Transform").Get("RequestEncodingOptions").Get("ArrayFormat").Text()
		var parts []string
		for name, v := range b.Members() {
			parts = form(parts, name, v, format)
		}
		return strings.Join(parts, "&"), "application/x-www-form-urlencoded", nil
	case b.Kind() == value.String:
		return b.Text(), "application/json", nil
	}
	return b.Compact().String(), "application/json", nil
}

// form appends a member of the body as a form writes it (developer guide, "Call HTTPS APIs", ArrayFormat).
func form(parts []string, name string, v value.Value, format string) []string {
	switch v.Kind() {
	case value.Object:
		for key, x := range v.Members() {
			parts = form(parts, name+"["+key+"]", x, format)
		}
		return parts
	case value.Array:
		if format == "COMMAS" {
			return append(parts, url.QueryEscape(name)+"="+url.QueryEscape(plain(v)))
		}
		for i, item := range v.Items() {
			at := name
			switch format {
			case "BRACKETS":
				at += "[]"
			case "REPEAT":
			default:
				at += fmt.Sprintf("[%d]", i)
			}
			parts = form(parts, at, item, format)
		}
		return parts
	}
	return append(parts, url.QueryEscape(name)+"="+url.QueryEscape(plain(v)))
}
