package registry

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"anthill/blobs"
	"anthill/fault"
	"anthill/store"
)

// Config says what a Service stands on. Store and Blobs must be set.
type Config struct {
	Store *store.Store
	Blobs *blobs.Store

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Abandoned is how long an upload, or a layer that no image names, is kept. 0 means a day.
	Abandoned time.Duration

	Log *slog.Logger // nil means slog.Default
}

// Service keeps repositories.
type Service struct {
	c            Config
	blobs        *blobs.Store
	repositories *store.Collection[Repository] // by Ref.key
	images       *store.Collection[Image]      // by "{repository}\x00{digest}"
	tags         *store.Collection[tagged]     // by "{repository}\x00{tag}"
	layers       *store.Collection[Layer]      // by "{repository}\x00{digest}"
	uploads      *store.Collection[upload]     // by id
	previews     *store.Collection[Preview]    // of lifecycle policies, by Ref.key
	settings     *store.Collection[setting]    // of a whole registry, by "{account}/{region}/{name}"
	secret       []byte                        // signs authorization tokens

	// change is held while definitions are changed. Bytes come and go without it.
	change sync.Mutex
	going  struct {
		sync.Mutex
		uploads map[string]*going
	}

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// setting is one value of a registry.
type setting struct{ Value string }

// Open opens the repositories of a store.
func Open(ctx context.Context, c Config) (*Service, error) {
	const op = "registry.Open"
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Abandoned == 0 {
		c.Abandoned = 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &Service{c: c, blobs: c.Blobs, repositories: store.Of[Repository](c.Store, "repositories"), images: store.Of[Image](c.Store, "images"),
		tags: store.Of[tagged](c.Store, "image-tags"), layers: store.Of[Layer](c.Store, "image-layers"),
		uploads: store.Of[upload](c.Store, "layer-uploads"), settings: store.Of[setting](c.Store, "registry-settings"),
		previews: store.Of[Preview](c.Store, "lifecycle-previews")}
	s.going.uploads = map[string]*going{}
	if err := s.openSecret(); err != nil {
		return nil, fault.In(op, err)
	}
	if err := s.dropStrayDrafts(); err != nil {
		return nil, fault.In(op, err)
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.wg.Go(func() { s.collect(ctx) })
	return s, nil
}

// Close waits for the collection of garbage. Requests must have ended before.
func (s *Service) Close() error {
	s.stop()
	s.wg.Wait()
	return nil
}

func (s *Service) now() time.Time { return s.c.Now().UTC().Truncate(time.Millisecond) }

const secretKey = "secret"

// openSecret reads the key of tokens, which outlives the platform as docker's logins do.
func (s *Service) openSecret() error {
	v, ok, err := s.settings.Get(secretKey)
	if err != nil || ok {
		s.secret = []byte(v.Value)
		return err
	}
	s.secret = []byte(rand.Text())
	return s.settings.Put(secretKey, setting{string(s.secret)})
}

// Setting gives a value of the registry of an account in a region: "" when it was never put.
func (s *Service) Setting(account, region, name string) (string, error) {
	v, _, err := s.settings.Get(account + "/" + region + "/" + name)
	return v.Value, fault.In("registry.Setting", err)
}

// PutSetting puts one. An empty value removes it.
func (s *Service) PutSetting(account, region, name, value string) error {
	key := account + "/" + region + "/" + name
	if value == "" {
		return fault.In("registry.PutSetting", s.settings.Delete(key))
	}
	return fault.In("registry.PutSetting", s.settings.Put(key, setting{value}))
}
