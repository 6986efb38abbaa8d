package gateways

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"anthill/fault"
	"anthill/functions"
	"anthill/store"
)

// Config says what a Service stands on.
type Config struct {
	Store     *store.Store
	Functions Invoker

	// Platform is the platform's own front. Integrations whose address is the platform's — function URLs, stages, AWS
	// services — go to it instead of the network. Nil means that there is none.
	Platform http.Handler

	// Transport reaches other HTTP servers. Nil means http.DefaultTransport.
	Transport http.RoundTripper

	// Verify checks the signature of a request to a method with AWS_IAM authorization. Nil takes any signature for good.
	Verify func(ctx context.Context, r *http.Request, body []byte) error

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Invoker is the one thing that the proxy needs of functions.
type Invoker interface {
	Invoke(context.Context, functions.Invocation) (*functions.Result, error)
}

// Service keeps REST APIs.
type Service struct {
	functions Invoker
	c         Config
	apis      *store.Collection[*RestAPI]
	now       func() time.Time
	throttles throttles

	Keys  *Kept[*APIKey]
	Plans *Kept[*UsagePlan]
	Links *Kept[*VPCLink]

	mu struct {
		sync.RWMutex
		byID map[string]*RestAPI // never changed in place: a change puts a changed copy
	}
}

// Open reads the APIs that the store holds.
func Open(_ context.Context, c Config) (*Service, error) {
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	s := &Service{functions: c.Functions, c: c, apis: store.Of[*RestAPI](c.Store, "restapis"), now: c.Now,
		Keys: keep[*APIKey](c.Store, "api-keys", "api key"), Plans: keep[*UsagePlan](c.Store, "usage-plans", "usage plan"),
		Links: keep[*VPCLink](c.Store, "vpc-links", "vpc link")}
	if s.now == nil {
		s.now = time.Now
	}
	s.mu.byID = map[string]*RestAPI{}
	for _, api := range s.apis.Each("") {
		s.mu.byID[api.ID] = api.clone() // with the maps that an older document lacks
	}
	return s, nil
}

// Scope is whose APIs a call is about.
type Scope struct{ Account, Region string }

func key(a *RestAPI) string { return a.Account + "/" + a.Region + "/" + a.ID }

const idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// newID makes an identifier as AWS's look: n lower-case letters and digits.
func newID(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = idAlphabet[int(b[i])%len(idAlphabet)]
	}
	return string(b)
}

// Create makes an API with a root resource and gives it its id.
func (s *Service) Create(in RestAPI) (*RestAPI, error) {
	const op = "gateways.Create"
	api := in.clone()
	api.ID, api.Created = newID(10), s.now()
	root := &Resource{ID: newID(10), Path: "/", Methods: map[string]*Method{}}
	api.RootResourceID = root.ID
	api.Resources = map[string]*Resource{root.ID: root}
	api.Deployments, api.Stages = map[string]*Deployment{}, map[string]*Stage{}
	api.Models = builtInModels()
	if err := s.apis.Put(key(api), api); err != nil {
		return nil, fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.byID[api.ID] = api
	return api, nil
}

// Get gives one API. It must not be changed.
func (s *Service) Get(sc Scope, id string) (*RestAPI, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	api, ok := s.mu.byID[id]
	if !ok || api.Account != sc.Account || api.Region != sc.Region {
		return nil, notFound("gateways.Get", "api", id)
	}
	return api, nil
}

// List gives the APIs of a scope, oldest first.
func (s *Service) List(sc Scope) []*RestAPI {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*RestAPI
	for _, api := range s.mu.byID {
		if api.Account == sc.Account && api.Region == sc.Region {
			out = append(out, api)
		}
	}
	slices.SortFunc(out, func(a, b *RestAPI) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return out
}

// Delete removes an API with its stages.
func (s *Service) Delete(sc Scope, id string) error {
	const op = "gateways.Delete"
	api, err := s.Get(sc, id)
	if err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.apis.Delete(key(api)); err != nil {
		return fault.In(op, err)
	}
	delete(s.mu.byID, id)
	return nil
}

// Change lets f change a copy of an API, makes it durable, and puts it in the API's place. When f fails nothing changed.
func (s *Service) Change(sc Scope, id string, f func(*RestAPI) error) (*RestAPI, error) {
	const op = "gateways.Change"
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.mu.byID[id]
	if !ok || old.Account != sc.Account || old.Region != sc.Region {
		return nil, notFound(op, "api", id)
	}
	api := old.clone()
	if err := f(api); err != nil {
		return nil, fault.In(op, err)
	}
	if err := s.apis.Put(key(api), api); err != nil {
		return nil, fault.In(op, err)
	}
	s.mu.byID[id] = api
	return api, nil
}

// served finds the API with that id for the proxy, whoever owns it.
func (s *Service) served(id string) (*RestAPI, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	api, ok := s.mu.byID[id]
	return api, ok
}

func notFound(op, noun, name string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: noun, Name: name}
}

func invalid(op, noun, detail string) error {
	return &fault.Error{Kind: fault.Invalid, Op: op, Noun: noun, Detail: detail}
}

func conflict(op, noun, name, detail string) error {
	return &fault.Error{Kind: fault.Exists, Op: op, Noun: noun, Name: name, Detail: detail}
}
