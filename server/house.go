package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"anthill/api"
	"anthill/api/apigateway"
	"anthill/api/ecr"
	"anthill/api/events"
	"anthill/api/iam"
	"anthill/api/lambda"
	"anthill/api/logs"
	"anthill/api/protocol"
	"anthill/api/remote"
	"anthill/api/s3"
	"anthill/api/sfn"
	"anthill/api/sts"
	"anthill/blobs"
	"anthill/buckets"
	"anthill/connections"
	"anthill/fault"
	"anthill/functions"
	"anthill/gateways"
	"anthill/history"
	"anthill/identity"
	"anthill/internal/disk"
	"anthill/latency"
	logroom "anthill/logs"
	"anthill/registry"
	"anthill/sandbox"
	"anthill/sandbox/process"
	"anthill/sandbox/runtimes"
	"anthill/store"
	"anthill/workflows"
)

// rooms are the parts of a data directory that a reset removes. What is prepared for a machine (tls) stays.
var rooms = [...]string{"db", "blobs", "code", "run"}

// house is every room, built from the ground up.
type house struct {
	db          *disk.DB
	store       *store.Store
	history     *history.Log
	blobs       *blobs.Store
	runtimes    runtimes.Catalog // what the machine has, looked for once
	driver      *process.Driver
	pool        *sandbox.Pool
	lives       *lives // environments that are gone
	identity    *identity.Service
	logs        *logroom.Service
	functions   *functions.Service
	workflows   *workflows.Service
	remote      *remote.Caller
	sdk         *sfn.SDK
	registry    *registry.Service
	buckets     *buckets.Service
	connections *connections.Service
	stages      *gateways.StageCalls
	gateways    *gateways.Service

	proxy    *gateways.Proxy
	urls     *functions.URLProxy
	s3       *s3.Handler
	images   *registry.Handler
	services []*protocol.Service
	api      *api.Handler
	own      http.Handler

	profile *latency.Profile // delays that are added on purpose; nil for none
	metrics *metrics
	traces  *traces // nil: none are exported

	verify  func(*http.Request, []byte, protocol.Protocol) error // of signatures; nil when they are not verified
	rootKey *identity.Key                                        // with VerifySignatures: the key to begin with

	opened    []func() error // closers, in the order of opening
	abandoned bool           // the environments were left to the next house
}

// openHouse builds the rooms over c.Data. endpoint is how functions reach the platform.
func openHouse(ctx context.Context, c Config, endpoint string) (*house, error) {
	h := &house{profile: c.Profile, metrics: c.metrics, traces: c.traces}
	h.runtimes.Cache = c.Cache
	if err := h.open(ctx, c, endpoint); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *house) open(ctx context.Context, c Config, endpoint string) (err error) {
	if err := h.openDurable(c); err != nil {
		return err
	}
	if h.identity, err = identity.Open(ctx, identity.Config{Store: h.store}); err != nil {
		return err
	}
	h.opened = append(h.opened, h.identity.Close)
	if h.logs, err = logroom.Open(ctx, logroom.Config{Store: h.store, History: h.history, Deliver: h.deliver, Log: c.Log}); err != nil {
		return err
	}
	h.opened = append(h.opened, h.logs.Close)
	if err := h.openSandbox(ctx, c); err != nil {
		return err
	}
	if c.VerifySignatures {
		if h.verify, err = h.verifier(); err != nil {
			return err
		}
	}
	if err := h.openServices(ctx, c, endpoint); err != nil {
		return err
	}
	h.proxy = h.gateways.Proxy()
	h.urls = functions.NewURLProxy(h.functions, h.urlConfig())
	h.own = h.ownAddresses(c)
	h.services = h.doors()
	h.sdk.Serve(h.services)
	h.s3 = s3.New(s3.Config{Buckets: h.buckets, Account: h.identity.AccountOf, Log: c.Log})
	h.images = registry.NewHandler(registry.HandlerConfig{Service: h.registry, Verify: c.VerifySignatures, Account: rootAccount, Log: c.Log})
	h.stages.Serve(h.proxy)
	front := api.Config{Services: h.services, Account: h.identity.AccountOf, Served: h.answered, Log: c.Log}
	if c.VerifySignatures {
		front.Verify = h.verify
		h.s3 = s3.New(s3.Config{Buckets: h.buckets, Account: h.identity.AccountOf, Log: c.Log,
			Verify: func(r *http.Request) error { return h.verify(r, nil, protocol.XML) }})
	}
	front.Fallback = h.s3.Anonymous(http.NotFoundHandler())
	h.api = api.New(front)
	return nil
}

// openDurable opens the database and what lies on it.
func (h *house) openDurable(c Config) (err error) {
	o := disk.Options{FlushEvery: c.Relaxed, FS: c.fs, Flushed: c.metrics.flushed,
		Damaged: func(table string, err error) {
			c.metrics.damaged.Inc()
			c.Log.Error("a table of the data directory is damaged: what it holds there cannot be read; anthill doctor says what that is", "table", table, "err", err)
		}}
	if c.Ephemeral {
		o.FS = disk.NewMemory()
	}
	if h.db, err = disk.Open(databaseDir(c.Data), o); err != nil {
		return explain(err, c.Data)
	}
	h.opened = append(h.opened, h.db.Close)
	h.store, h.history = store.Open(h.db), history.Open(h.db)
	h.blobs, err = blobs.Open(filepath.Join(c.Data, "blobs"), nil, h.db)
	return err
}

// explain turns the refusal of a data directory into the sentence that `anthill up` prints.
func explain(err error, dir string) error {
	f := fault.Of(err)
	if f.Noun != "data directory" || f.Detail == "" {
		return err
	}
	detail := "data directory " + dir + ": " + f.Detail
	if strings.HasSuffix(detail, "another directory") {
		detail += " with --data"
	}
	return &fault.Error{Kind: f.Kind, Op: f.Op, Noun: f.Noun, Name: dir, Err: err, Detail: detail}
}

// openSandbox finds or starts what runs functions.
func (h *house) openSandbox(ctx context.Context, c Config) (err error) {
	h.driver, err = process.Open(ctx, process.Config{
		Dir: filepath.Join(c.Data, "run"), Cache: c.Cache, Strict: c.StrictRuntimes, Runtimes: &h.runtimes, ImageEngine: c.ImageEngine,
		Progress: func(line string) { c.Log.Warn(line) },
	})
	if err != nil {
		return err
	}
	h.lives = openLives(h.history, c.Log)
	h.opened = append(h.opened, h.lives.close)
	h.pool, err = sandbox.Open(ctx, sandbox.Config{Driver: h.driver, Lines: lines{h.logs}, KeepAlive: c.KeepAlive, FreezeAfter: c.FreezeAfter, InitDelay: h.initDelay(), Ended: h.lives.add})
	if err != nil {
		return errors.Join(err, h.driver.Close())
	}
	h.opened = append(h.opened, func() error {
		if h.abandoned {
			return nil
		}
		return h.pool.Close()
	})
	return nil
}

// openServices opens the services, from left to right.
func (h *house) openServices(ctx context.Context, c Config, endpoint string) (err error) {
	if h.registry, err = registry.Open(ctx, registry.Config{Store: h.store, Blobs: h.blobs, Log: c.Log}); err != nil {
		return err
	}
	h.opened = append(h.opened, h.registry.Close)
	if h.buckets, err = buckets.Open(ctx, buckets.Config{Store: h.store, Blobs: h.blobs}); err != nil { // before functions, whose queue may have records for them
		return err
	}
	if h.remote, err = remote.New(remote.Config{Endpoints: c.Services}); err != nil {
		return err
	}
	h.opened = append(h.opened, h.remote.Close)
	h.functions, err = functions.Open(ctx, functions.Config{
		Store: h.store, History: h.history, Blobs: h.blobs, Pool: h.pool, Dir: filepath.Join(c.Data, "code"), Endpoint: endpoint,
		Served: h.served, StrictRuntimes: c.StrictRuntimes, LambdaCPU: c.LambdaCPU, SnapStart: true, RestoreAll: c.RestoreAll, Log: c.Log, Credentials: h.roleCredentials(),
		Runtime: h.runtime(c),
		Images:  h.registry, Objects: h.code, Destinations: h.destinations(),
	})
	if err != nil {
		return err
	}
	h.opened = append(h.opened, h.functions.Close)
	h.connections = connections.Open(connections.Config{Store: h.store})
	h.opened = append(h.opened, h.connections.Close)
	h.remote.Serve("s3", s3.New(s3.Config{Buckets: h.buckets, Account: h.identity.AccountOf, Log: c.Log}))
	h.sdk, h.stages = sfn.NewSDK(h.remote), gateways.NewStageCalls()
	mocks, err := mocksOf(c.MockConfig)
	if err != nil {
		return err
	}
	h.workflows, err = workflows.Open(ctx, workflows.Config{Store: h.store, History: h.history, Functions: h.functions, SDK: h.sdk, Services: h.remote, Mocks: mocks, Objects: objects{h.buckets},
		Integrations: map[string]workflows.Integration{"apigateway": h.stages, "http": h.connections}, Logs: h.logs, LogLine: sfn.LogLine, Delays: h.transitions(), Ended: h.ended(), Log: c.Log})
	if err != nil {
		return err
	}
	h.opened = append(h.opened, h.workflows.Close, h.traces.drain)
	g := gateways.Config{Store: h.store, Functions: h.functions, Platform: h}
	if h.verify != nil {
		g.Verify = func(_ context.Context, r *http.Request, body []byte) error { return h.verify(r, body, protocol.REST) }
	}
	h.gateways, err = gateways.Open(ctx, g)
	return err
}

// runtime says what runs a runtime identifier here, and warns of each that is not what it names, once.
func (h *house) runtime(c Config) func(identifier string) (functions.Interpreter, error) {
	var warned sync.Map
	return func(identifier string) (functions.Interpreter, error) {
		i, exact, err := h.runtimes.Resolve(context.Background(), identifier)
		if _, again := warned.LoadOrStore(identifier, true); err == nil && !exact && !again && !c.StrictRuntimes {
			c.Log.Warn(fmt.Sprintf("%s runs on %s %s here: %s", identifier, i.Language, i.Version, runtimes.Remedy(identifier)))
		}
		return functions.Interpreter{Version: i.Version, Exact: exact, Remedy: runtimes.Remedy(identifier)}, err
	}
}

// code reads a function's code out of a bucket. Objects have no versions.
func (h *house) code(ctx context.Context, _, bucket, key, version string) ([]byte, error) {
	if version != "" && version != "null" {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "server.code", Noun: "object version", Name: version,
			Detail: "Error occurred while GetObject. S3 Error Code: NoSuchVersion. S3 Error Message: The specified version does not exist."}
	}
	b, err := h.buckets.Read(ctx, bucket, key, maxCode)
	if f := fault.Of(err); err != nil && f.Kind == fault.NotFound {
		what := "NoSuchKey. S3 Error Message: The specified key does not exist."
		if f.Noun == "bucket" {
			what = "NoSuchBucket. S3 Error Message: The specified bucket does not exist"
		}
		return nil, &fault.Error{Kind: fault.Invalid, Op: "server.code", Noun: "function", Detail: "Error occurred while GetObject. S3 Error Code: " + what, Err: err}
	}
	return b, err
}

// maxCode bounds what is read of an object that shall be a function's code: an unpacked function is at most 250 MiB.
const maxCode = 250 << 20

// doors are the AWS APIs.
func (h *house) doors() []*protocol.Service {
	return []*protocol.Service{
		lambda.New(h.functions).Service(),
		sfn.New(h.workflows).Service(),
		apigateway.New(h.gateways).Service(),
		logs.New(h.logs).Service(),
		iam.New(h.identity).Service(),
		sts.New(h.identity).Service(),
		events.New(h.connections).Service(),
		ecr.New(h.registry).Service(),
	}
}

// notes are what a person should read at the start.
func (h *house) notes() []string {
	notes := []string{h.driver.Isolation(context.Background())}
	if p := h.profile; p != nil {
		notes = append(notes, "Delays are added on purpose: latency profile "+p.Name+" ("+p.Source+"). No figure that is measured now is of Anthill's own speed.")
	}
	return append(notes, h.keyNotes()...)
}

func (h *house) keyNotes() []string {
	if h.rootKey == nil {
		return nil
	}
	return []string{"Signatures are verified. This key is always good:\n" +
		"export AWS_ACCESS_KEY_ID=" + h.rootKey.ID + " AWS_SECRET_ACCESS_KEY=" + h.rootKey.Secret}
}

// abandon takes the rooms down as a kill would: functions that run run on, and the next house finds them again.
func (h *house) abandon() error {
	h.abandoned = true
	err := h.workflows.Close() // whoever waits for a function lets go of it
	h.pool.Abandon()
	h.driver.Abandon()
	return errors.Join(err, h.close())
}

// close takes the rooms down, the last opened first.
func (h *house) close() error {
	var errs []error
	for i := len(h.opened) - 1; i >= 0; i-- {
		errs = append(errs, h.opened[i]())
	}
	h.opened = nil
	return errors.Join(errs...)
}
