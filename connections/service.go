package connections

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"anthill/arn"
	"anthill/fault"
	"anthill/store"
	"anthill/uuid"
)

// Config says what a Service stands on. Store must be set.
type Config struct {
	Store *store.Store

	// Client makes the requests; nil means one that follows no redirections and waits for 60 seconds, as Step Functions does.
	Client *http.Client
}

// Kinds of authorization.
const (
	Basic  = "BASIC"
	APIKey = "API_KEY"
)

// Connection is how requests to a service are authorized. Its ARN ends in a random id.
type Connection struct {
	ARN, Name, Description string
	Account, Region        string
	Auth                   Auth
	Created, Modified      time.Time
}

// Auth is what a connection adds to requests.
type Auth struct {
	Kind                 string
	User, Password       string // of Basic
	Key, Value           string // of APIKey: a header
	Headers, Query, Body []Parameter
}

// Parameter is one more header, query parameter or member of the body.
type Parameter struct {
	Key, Value string
	Secret     bool // not shown again
}

// Service keeps connections.
type Service struct {
	client *http.Client
	docs   *store.Collection[Connection] // by "{account}/{region}/{name}"
	change sync.Mutex
}

// Open opens the connections of a store.
func Open(c Config) *Service {
	s := &Service{client: c.Client, docs: store.Of[Connection](c.Store, "connections")}
	if s.client == nil {
		s.client = &http.Client{Timeout: longest, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return s
}

// Close lets go of idle network connections.
func (s *Service) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

func (c *Connection) key() string { return c.Account + "/" + c.Region + "/" + c.Name }

// Create makes a connection and fills in its ARN and times. A name that is taken is a fault of kind Exists.
func (s *Service) Create(c Connection) (*Connection, error) {
	const op = "connections.Create"
	s.change.Lock()
	defer s.change.Unlock()
	if _, taken, err := s.docs.Get(c.key()); err != nil || taken {
		if err == nil {
			err = &fault.Error{Kind: fault.Exists, Noun: "connection", Name: c.Name, Detail: "Connection " + c.Name + " already exists."}
		}
		return nil, fault.In(op, err)
	}
	c.ARN = arn.New("events", c.Region, c.Account, "connection/"+c.Name+"/"+uuid.New()).String()
	c.Created = time.Now().UTC().Truncate(time.Second)
	c.Modified = c.Created
	return &c, fault.In(op, s.docs.Put(c.key(), c))
}

// Get finds a connection by its name.
func (s *Service) Get(account, region, name string) (*Connection, error) {
	const op = "connections.Get"
	c := Connection{Account: account, Region: region, Name: name}
	found, ok, err := s.docs.Get(c.key())
	if err != nil {
		return nil, fault.In(op, err)
	}
	if !ok {
		return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "connection", Name: name, Detail: "Failed to describe the connection(s). Connection '" + name + "' does not exist."}
	}
	return &found, nil
}

// ByARN finds a connection by its ARN.
func (s *Service) ByARN(connectionARN string) (*Connection, error) {
	const op = "connections.ByARN"
	missing := &fault.Error{Kind: fault.NotFound, Op: op, Noun: "connection", Name: connectionARN, Detail: "Connection '" + connectionARN + "' does not exist."}
	a, err := arn.Parse(connectionARN)
	if err != nil || a.Service != "events" {
		return nil, missing
	}
	parts := strings.Split(a.Resource, "/")
	if len(parts) != 3 || parts[0] != "connection" {
		return nil, missing
	}
	c, err := s.Get(a.Account, a.Region, parts[1])
	if fault.Is(err, fault.NotFound) || err == nil && c.ARN != connectionARN {
		return nil, missing
	}
	return c, err
}

// Update changes a connection: change is given the present one.
func (s *Service) Update(account, region, name string, change func(*Connection)) (*Connection, error) {
	s.change.Lock()
	defer s.change.Unlock()
	c, err := s.Get(account, region, name)
	if err != nil {
		return nil, err
	}
	change(c)
	c.Modified = time.Now().UTC().Truncate(time.Second)
	return c, fault.In("connections.Update", s.docs.Put(c.key(), *c))
}

// Delete removes a connection and gives what it was.
func (s *Service) Delete(account, region, name string) (*Connection, error) {
	s.change.Lock()
	defer s.change.Unlock()
	c, err := s.Get(account, region, name)
	if err != nil {
		return nil, err
	}
	return c, fault.In("connections.Delete", s.docs.Delete(c.key()))
}

// List gives the connections of an account in a region whose names begin with prefix, by name.
func (s *Service) List(account, region, prefix string) ([]Connection, error) {
	var all []Connection
	for d, err := range s.docs.Scan(account + "/" + region + "/" + prefix) {
		if err != nil {
			return nil, fault.In("connections.List", err)
		}
		all = append(all, d.Doc)
	}
	slices.SortFunc(all, func(a, b Connection) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}
