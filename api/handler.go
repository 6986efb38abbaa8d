package api

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"anthill/api/protocol"
	"anthill/fault"
)

// Config says what a Handler serves.
type Config struct {
	Services []*protocol.Service

	// Fallback serves what is no AWS API's: gateways, the registry, the console. Nil answers 404.
	Fallback http.Handler

	// Verify checks the signature of r, whose body has been read, for a service of protocol p, and returns nil or the
	// error to answer: sigv4.Verifier's method. Nil accepts every request.
	Verify func(r *http.Request, body []byte, p protocol.Protocol) error

	// Account gives the account of an access key that is no account number itself; "" for unknown. Nil knows none.
	Account func(accessKey string) string

	// DefaultAccount is the account of callers that say none. "" means "000000000000".
	DefaultAccount string

	// DefaultRegion is the region of callers that say none. "" means "us-east-1".
	DefaultRegion string

	// Served hears of every request to a service that was answered: its operation, "" when it names none that exists, the
	// HTTP status and how long it took. It must be quick. Nil: nobody listens.
	Served func(r *http.Request, service, operation string, status int, took time.Duration)

	// Log gets our own trouble. Nil means slog.Default().
	Log *slog.Logger
}

// Handler is every AWS API.
type Handler struct {
	c        Config
	services []*service
	byTarget map[string]*service   // by X-Amz-Target's prefix
	bySigner map[string][]*service // by the service in the credential scope
	byPrefix map[string][]*service // by the first labels of a host name
}

// service is one API with what finds its operations.
type service struct {
	*protocol.Service
	router *router        // REST and XML
	byName map[string]int // JSON and Query
}

// New makes the handler.
func New(c Config) *Handler {
	if c.DefaultAccount == "" {
		c.DefaultAccount = "000000000000"
	}
	if c.DefaultRegion == "" {
		c.DefaultRegion = "us-east-1"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Fallback == nil {
		c.Fallback = http.NotFoundHandler()
	}
	h := &Handler{c: c, byTarget: map[string]*service{}, bySigner: map[string][]*service{}, byPrefix: map[string][]*service{}}
	for _, s := range c.Services {
		h.add(s)
	}
	return h
}

func (h *Handler) add(ps *protocol.Service) {
	m := ps.Model
	s := &service{Service: ps}
	h.services = append(h.services, s)
	if m.Protocol == protocol.REST || m.Protocol == protocol.XML {
		s.router = newRouter(m)
	} else {
		s.byName = map[string]int{}
		for i := range m.Operations {
			s.byName[m.Operations[i].Name] = i
		}
	}
	if m.TargetPrefix != "" {
		h.byTarget[m.TargetPrefix] = s
	}
	h.bySigner[m.SigningName] = append(h.bySigner[m.SigningName], s)
	h.byPrefix[m.EndpointPrefix] = append(h.byPrefix[m.EndpointPrefix], s)
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := h.find(r)
	if !ok {
		h.c.Fallback.ServeHTTP(w, r)
		return
	}
	if f.service == nil {
		f.refuseService(w, r, requestID())
		return
	}
	call := h.call(r, &f)
	if h.c.Served != nil {
		began, sw := time.Now(), &StatusWriter{ResponseWriter: w}
		w = sw
		defer func() {
			h.c.Served(r, f.service.Model.Name, f.name(), max(sw.Status, http.StatusOK), time.Since(began))
		}()
	}
	if err := h.serve(w, r, &f, call); err != nil {
		h.note(call, err)
		f.service.Model.WriteError(w, call, err)
	}
}

// serve answers a request whose service is known. An error is for the client and nothing has been written yet.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, f *found, call *protocol.Call) error {
	body, err := readBody(w, r, f.service.Model, f.name())
	if err != nil {
		return err
	}
	req := &protocol.Request{Header: r.Header, Query: f.query, Labels: f.labels, Body: body}
	if f.service.Model.Protocol == protocol.Query {
		if err := h.action(f, body, call); err != nil {
			return err
		}
	}
	m := f.service.Model
	if h.c.Verify != nil && !unsignedByDesign(call.Operation) {
		if err := h.c.Verify(r, body, m.Protocol); err != nil {
			return err
		}
	}
	if f.op < 0 {
		return f.unknown()
	}
	if !f.service.Serve[f.op].Built() {
		return m.NotBuilt(call.Operation)
	}
	in, err := f.service.Decode(f.op, req)
	if err != nil {
		return err
	}
	out, err := f.service.Call(r, call, f.op, in)
	if err != nil {
		return err
	}
	f.service.Respond(w, f.op, call, out)
	return nil
}

// unsignedByDesign knows the operations that get credentials, for callers who have none yet.
func unsignedByDesign(op string) bool {
	return op == "AssumeRoleWithSAML" || op == "AssumeRoleWithWebIdentity"
}

// note logs our own trouble: what the client is told nothing of.
func (h *Handler) note(c *protocol.Call, err error) {
	var modeled protocol.Modeled
	var plain *protocol.Error
	if errors.As(err, &modeled) || errors.As(err, &plain) {
		return
	}
	if fault.Of(err).Kind == fault.Internal {
		h.c.Log.Error("a request failed", "service", c.Service, "operation", c.Operation, "request", c.RequestID, "err", err)
	}
}

// call gathers what the door may know about the request.
func (h *Handler) call(r *http.Request, f *found) *protocol.Call {
	c := &protocol.Call{RequestID: requestID(), AccessKey: f.scope.accessKey, Region: f.scope.region, Host: r.Host, TLS: r.TLS != nil, Header: r.Header,
		Service: f.service.Model.Name, Operation: f.name(), Session: f.scope.session, Arrived: time.Now()}
	c.Account = h.AccountOf(c.AccessKey)
	if c.Region == "" {
		c.Region = h.c.DefaultRegion
	}
	return c
}

// AccountOf is the access key itself when it is an account number, else the account that it belongs to.
func (h *Handler) AccountOf(key string) string {
	if len(key) == 12 && digits(key) {
		return key
	}
	if h.c.Account != nil && key != "" {
		if a := h.c.Account(key); a != "" {
			return a
		}
	}
	return h.c.DefaultAccount
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// requestID makes a random UUID, version 4.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var t [36]byte
	hex.Encode(t[0:8], b[0:4])
	hex.Encode(t[9:13], b[4:6])
	hex.Encode(t[14:18], b[6:8])
	hex.Encode(t[19:23], b[8:10])
	hex.Encode(t[24:36], b[10:16])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return string(t[:])
}

// readBody reads the whole body, at most what AWS accepts for the operation.
func readBody(w http.ResponseWriter, r *http.Request, m *protocol.Model, op string) ([]byte, error) {
	limit := limitOf(m.Name, op)
	if r.ContentLength > limit.bytes {
		return nil, limit.err(op)
	}
	if r.ContentLength == 0 {
		return nil, nil
	}
	body := http.MaxBytesReader(w, r.Body, limit.bytes)
	if r.ContentLength > 0 {
		b := make([]byte, r.ContentLength)
		_, err := io.ReadFull(body, b)
		return b, unread(err)
	}
	b, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, limit.err(op)
	}
	return b, unread(err)
}

// unread is the answer to a client that stopped in the middle of its body.
func unread(err error) error {
	if err == nil {
		return nil
	}
	return &protocol.Error{Code: "RequestAbortedException", Message: "the request's body ended early", Status: 400}
}

// action finds the operation of an awsQuery request: Action and Version, in the form or the query string.
func (h *Handler) action(f *found, body []byte, call *protocol.Call) error {
	if len(body) > 0 {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return protocol.Fail("MalformedQueryString", "the body is not a form")
		}
		maps.Copy(f.query, form)
	}
	if version := f.query.Get("Version"); version != "" && f.scope.service == "" {
		for _, s := range h.services {
			if s.Model.Protocol == protocol.Query && s.Model.APIVersion == version {
				f.service = s
			}
		}
	}
	call.Service, call.Operation = f.service.Model.Name, f.query.Get("Action")
	if i, ok := f.service.byName[call.Operation]; ok {
		f.op = i
	}
	return nil
}

// StatusWriter remembers the status that was answered; 0 means none yet, which net/http takes for 200. Status leaves out
// what came before it (100 Continue, 103 Early Hints).
type StatusWriter struct {
	http.ResponseWriter
	Status int
}

// WriteHeader is http.ResponseWriter's.
func (w *StatusWriter) WriteHeader(status int) {
	if w.Status == 0 && status >= 200 {
		w.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *StatusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
