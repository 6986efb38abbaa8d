package sandbox_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

// Provisioned environments are there before anybody asks, stay however long nobody does, and come back when they end.
func TestProvision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sandboxtest.New(map[string]sandboxtest.Func{"h": func(_ context.Context, event []byte) ([]byte, error) { return event, nil }})
		p, err := sandbox.Open(t.Context(), sandbox.Config{Driver: d, KeepAlive: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
		spec := sandbox.Spec{Key: "f", FunctionName: "f", Handler: "h", Timeout: time.Second}
		want := func(ready, environments int) {
			t.Helper()
			synctest.Wait()
			if n, failure := p.Provisioned("f"); n != ready || failure != "" {
				t.Errorf("%d are ready (%s), want %d", n, failure, ready)
			}
			if n := d.Len(); n != environments {
				t.Errorf("%d environments, want %d", n, environments)
			}
		}
		p.Provision(spec, 2)
		want(2, 2)
		r, err := p.Invoke(t.Context(), spec, sandbox.Invocation{RequestID: "1", Payload: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		if r.Start != sandbox.Proactive {
			t.Errorf("the first invocation was %s", r.Start)
		}
		r.Release()
		time.Sleep(time.Hour)
		want(2, 2)
		p.Provision(spec, 3)
		want(3, 3)
		p.Drop("f")
		want(3, 3)
		p.Provision(spec, 0)
		time.Sleep(time.Hour)
		want(0, 0)
	})
}

// An init that fails is told, and not tried for ever.
func TestProvisionFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inits := 0
		d := sandboxtest.NewWith(map[string]sandboxtest.Func{"h": nil}, sandboxtest.Options{Init: func(context.Context, sandbox.Spec) error {
			inits++
			return errors.New("no")
		}})
		p, err := sandbox.Open(t.Context(), sandbox.Config{Driver: d})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
		p.Provision(sandbox.Spec{Key: "f", FunctionName: "f", Handler: "h", Timeout: time.Second}, 2)
		time.Sleep(time.Hour)
		if n, failure := p.Provisioned("f"); n != 0 || failure == "" || inits != 1 {
			t.Errorf("%d ready, failure %q, %d inits", n, failure, inits)
		}
	})
}
