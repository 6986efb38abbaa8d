package protocol

import (
	"context"
	"net/http"
	"time"
)

// Call is what a door may know about the request beside its Input.
type Call struct {
	Account   string // 12 digits
	Region    string // "us-east-1"
	RequestID string // UUID, as answered in x-amzn-RequestId
	AccessKey string // the key id that signed the request; empty when it was not signed
	Session   string // the session token that came with the key; empty for long-lived keys
	Host      string // Host header of the request: "localhost:4566"
	TLS       bool   // the request came over HTTPS
	Service   string // Model.Name
	Operation string
	Arrived   time.Time   // when the request's head had been read; zero when it did not come over HTTP
	Header    http.Header // of the request; not to be changed

	answer http.Header
}

// Answer adds a header to a successful answer that the service's model does not know. An empty value adds none.
func (c *Call) Answer(name, value string) {
	if value == "" {
		return
	}
	if c.answer == nil {
		c.answer = http.Header{}
	}
	c.answer.Set(name, value)
}

type callKey struct{}

// WithCall gives a context that carries c.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallOf gives the call that ctx carries. Without one it is an empty Call, never nil.
func CallOf(ctx context.Context) *Call {
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		return c
	}
	return &Call{}
}
