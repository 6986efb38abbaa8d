package functions_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/functions"
	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

// snapHouse is a house whose functions' init is that of o.
func snapHouse(t *testing.T, c functions.Config, o sandboxtest.Options) *house {
	t.Helper()
	c.SnapStart = true
	h := &house{t: t, c: c, fs: newDisk(), dir: t.TempDir(), handlers: map[string]sandboxtest.Func{"app.h": echo}}
	h.driver = sandboxtest.NewWith(h.handlers, o)
	h.open()
	t.Cleanup(h.close)
	return h
}

func (h *house) snapStarted(name string) {
	h.t.Helper()
	_, err := h.Create(context.Background(), functions.Creation{Ref: ref(name, ""),
		Settings: functions.Settings{Runtime: "python3.12", Handler: "app.h", Role: role, SnapStart: "PublishedVersions"},
		Code:     functions.CodeSource{Zip: zipOf(h.t, "app.py", "")}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.settle()
}

// A published version is Pending until its snapshot is kept; then every cold start of it is a restore.
func TestSnapStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inits := 0
		slow := func(ctx context.Context, spec sandbox.Spec) error {
			inits++
			time.Sleep(5 * time.Second)
			return nil
		}
		h := snapHouse(t, functions.Config{}, sandboxtest.Options{Init: slow})
		h.snapStarted("snap")
		d, err := h.Publish(functions.Publication{Ref: ref("snap", "")})
		if err != nil || d.Version.Phase != functions.Snapping || d.Version.Number != "1" {
			t.Fatalf("%+v %v", d, err)
		}
		pending := d.Version.Revision
		_, err = h.Invoke(t.Context(), functions.Invocation{Ref: ref("snap", "1")})
		if f := fault.Of(err); f.Reason != functions.ReasonNotReady {
			t.Errorf("while it is pending: %v", err)
		}
		time.Sleep(6 * time.Second)
		d, err = h.Get(ref("snap", "1"))
		if err != nil || d.Version.Phase != functions.Steady || !d.Version.Restored() || d.Version.Revision == pending {
			t.Fatalf("%+v %v", d.Version, err)
		}
		before := inits
		r, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("snap", "1")})
		if err != nil || r.Start != sandbox.Restored || inits != before {
			t.Errorf("%+v %v, %d inits", r, err, inits-before)
		}
		if r, err = h.Invoke(t.Context(), functions.Invocation{Ref: ref("snap", "")}); err != nil || r.Start != sandbox.Cold {
			t.Errorf("$LATEST: %+v %v", r, err)
		}
	})
}

// A version whose init fails is Failed for good: it is not invoked, and no alias leads to it.
func TestSnapStartOfFailingInit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := snapHouse(t, functions.Config{}, sandboxtest.Options{Init: func(context.Context, sandbox.Spec) error { return errors.New("no model") }})
		h.snapStarted("bad")
		if _, err := h.Publish(functions.Publication{Ref: ref("bad", "")}); err != nil {
			t.Fatal(err)
		}
		h.settle()
		d, err := h.Get(ref("bad", "1"))
		if err != nil || d.Version.Phase != functions.Failed || d.Version.Failure.Code != "FunctionError" {
			t.Fatalf("%+v %v", d, err)
		}
		_, err = h.Invoke(t.Context(), functions.Invocation{Ref: ref("bad", "1")})
		if f := fault.Of(err); f.Reason != functions.ReasonSnapshot {
			t.Errorf("invoked: %v", err)
		}
		_, err = h.CreateAlias(ref("bad", ""), functions.Alias{Name: "live", Version: "1"})
		wantFault(t, err, fault.Conflict, "'Failed'")
	})
}

func TestSnapStartFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := snapHouse(t, functions.Config{}, sandboxtest.Options{Refuse: func(sandbox.Spec) string { return "it has threads" }})
		h.snapStarted("threads")
		if _, err := h.Publish(functions.Publication{Ref: ref("threads", "")}); err != nil {
			t.Fatal(err)
		}
		h.settle()
		d, err := h.Get(ref("threads", "1"))
		if err != nil || d.Version.Phase != functions.Steady || d.Version.NoSnapshot != "it has threads" || d.Version.Restored() {
			t.Fatalf("%+v %v", d, err)
		}
		r, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("threads", "1")})
		if err != nil || r.Start != sandbox.Cold {
			t.Errorf("%+v %v", r, err)
		}
	})
}

// A platform that ends while a snapshot is taken goes on with it when it is back.
func TestSnapStartGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := snapHouse(t, functions.Config{}, sandboxtest.Options{Init: func(ctx context.Context, _ sandbox.Spec) error {
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
			}
			return ctx.Err()
		}})
		h.snapStarted("snap")
		if _, err := h.Publish(functions.Publication{Ref: ref("snap", "")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		h.close()
		h.driver = sandboxtest.New(h.handlers)
		h.open()
		h.settle()
		if d, err := h.Get(ref("snap", "1")); err != nil || d.Version.Phase != functions.Steady {
			t.Errorf("%+v %v", d, err)
		}
	})
}

// Beyond AWS: a snapshot of $LATEST, for everybody or by a function's tag.
func TestRestoreOfLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			all  bool
			tag  string
			want sandbox.Start
		}{{false, "", sandbox.Cold}, {true, "", sandbox.Restored}, {true, "off", sandbox.Cold}, {false, "on", sandbox.Restored}} {
			h := snapHouse(t, functions.Config{RestoreAll: c.all}, sandboxtest.Options{})
			h.function("f", "app.h")
			if c.tag != "" {
				if err := h.Tag(ref("f", ""), map[string]string{functions.RestoreTag: c.tag}); err != nil {
					t.Fatal(err)
				}
			}
			h.settle()
			r, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("f", ""), ForceCold: true})
			if err != nil || r.Start != c.want {
				t.Errorf("all %v, tag %q: %s, %v", c.all, c.tag, r.Start, err)
			}
		}
	})
}

func TestWhatSnapStartRefuses(t *testing.T) {
	h := snapHouse(t, functions.Config{}, sandboxtest.Options{})
	for _, c := range []struct {
		set  functions.Settings
		part string
	}{
		{functions.Settings{Runtime: "python3.11"}, "python3.11 is not supported for SnapStart enabled functions."},
		{functions.Settings{Runtime: "nodejs22.x"}, "nodejs22.x is not supported for SnapStart enabled functions."},
		{functions.Settings{Runtime: "python3.12", TmpMB: 1024}, "Ephemeral storage"},
	} {
		c.set.Handler, c.set.Role, c.set.SnapStart = "app.h", role, "PublishedVersions"
		_, err := h.Create(t.Context(), functions.Creation{Ref: ref("f", ""), Settings: c.set, Code: functions.CodeSource{Zip: zipOf(t, "app.py", "")}})
		if f := fault.Of(err); f.Kind != fault.Invalid || !strings.Contains(f.Detail, c.part) {
			t.Errorf("%+v: %v", c.set, err)
		}
	}
}

func TestSnapStartWithoutProvisionedConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := snapHouse(t, functions.Config{}, sandboxtest.Options{})
		h.snapStarted("snap")
		h.publish("snap", "1")
		h.settle()
		_, err := h.SetProvisioned(ref("snap", "1"), 1)
		wantFault(t, err, fault.Invalid, "Provisioned Concurrency is not supported for functions with SnapStart enabled.")
	})
}

// A restore whose hooks fail refuses a request that is waited for; one that was queued is tried again, as after any failure.
func TestRestoreThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		restore func(context.Context, sandbox.Spec) error
		reason  string
	}{
		"raises":     {func(context.Context, sandbox.Spec) error { return errors.New("no key") }, functions.ReasonUnrestored},
		"never ends": {func(ctx context.Context, _ sandbox.Spec) error { <-ctx.Done(); return ctx.Err() }, functions.ReasonSlowRestore},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var restores atomic.Int32
				good := false
				h := snapHouse(t, functions.Config{}, sandboxtest.Options{Restore: func(ctx context.Context, spec sandbox.Spec) error {
					if restores.Add(1); good {
						return nil
					}
					return c.restore(ctx, spec)
				}})
				h.snapStarted("snap")
				h.publish("snap", "1")
				h.settle()
				begun := time.Now()
				r, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("snap", "1")})
				if f := fault.Of(err); f.Kind != fault.Conflict || f.Reason != c.reason {
					t.Errorf("%+v %v", r, err)
				}
				if took := time.Since(begun); c.reason == functions.ReasonSlowRestore && took != sandbox.RestoreLimit {
					t.Errorf("refused after %s", took)
				}
				if _, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("snap", "1"), Mode: functions.Queued}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				if n := restores.Load(); n != 1+3 {
					t.Errorf("%d restores: want one for the first request, three for the queued one", n)
				}
				good = true
				if r, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("snap", "1")}); err != nil || r.Start != sandbox.Restored || r.FunctionError != "" {
					t.Errorf("the next request: %+v %v", r, err)
				}
			})
		})
	}
}
