package functions_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"anthill/fault"
	"anthill/functions"
	"anthill/sandbox/sandboxtest"
)

// say makes a handler that answers a constant.
func say(text string) sandboxtest.Func {
	return func(context.Context, []byte) ([]byte, error) { return []byte(text), nil }
}

func TestAliasMovesTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.one": say(`"one"`), "app.two": say(`"two"`)})
		h.function("hello", "app.one")
		h.publish("hello", "1")
		h.handler("hello", "app.two")
		h.publish("hello", "2")
		if _, err := h.CreateAlias(ref("hello", ""), functions.Alias{Name: "prod", Version: "1"}); err != nil {
			t.Fatal(err)
		}
		h.wantInvoke(ref("hello", "prod"), `{}`, `"one"`)
		two := "2"
		if _, err := h.UpdateAlias(ref("hello", ""), "prod", functions.AliasUpdate{Version: &two}); err != nil {
			t.Fatal(err)
		}
		h.wantInvoke(ref("hello", "prod"), `{}`, `"two"`)
		h.wantInvoke(ref("hello", "1"), `{}`, `"one"`)
		h.wantInvoke(ref("hello", ""), `{}`, `"two"`)
	})
}

// publish makes a version and expects its number.
func (h *house) publish(name, want string) {
	h.t.Helper()
	d, err := h.Publish(functions.Publication{Ref: ref(name, "")})
	if err != nil {
		h.t.Fatal(err)
	}
	if d.Version.Number != want {
		h.t.Fatalf("published version %s, want %s", d.Version.Number, want)
	}
}

// handler changes a function's handler and waits until that is over.
func (h *house) handler(name, handler string) {
	h.t.Helper()
	if _, err := h.UpdateConfiguration(functions.ConfigurationUpdate{Ref: ref(name, ""), Handler: &handler}); err != nil {
		h.t.Fatal(err)
	}
	h.settle()
}

func TestWeightedAliasDividesTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.one": say(`1`), "app.two": say(`2`)})
		h.function("hello", "app.one")
		h.publish("hello", "1")
		h.handler("hello", "app.two")
		h.publish("hello", "2")
		if _, err := h.CreateAlias(ref("hello", ""), functions.Alias{Name: "canary", Version: "1", Weights: map[string]float64{"2": 0.25}}); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for range 2000 {
			out, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("hello", "canary")})
			if err != nil {
				t.Fatal(err)
			}
			if out.ExecutedVersion != string(out.Payload) {
				t.Fatalf("version %s answered %s", out.ExecutedVersion, out.Payload)
			}
			seen[out.ExecutedVersion]++
		}
		if n := seen["2"]; n < 400 || n > 600 { // 500 expected; 100 is five standard deviations
			t.Errorf("a quarter of 2000 was to go to version 2, %d did", n)
		}
	})
}

// A change is under way for a moment, and then it is not; the revision tells both.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": echo})
		d, err := h.Create(t.Context(), functions.Creation{Ref: ref("hello", ""), Settings: functions.Settings{Runtime: "python3.12", Handler: "app.h", Role: role},
			Code: functions.CodeSource{Zip: zipOf(t, "app.py", "")}})
		if err != nil {
			t.Fatal(err)
		}
		revisions := []string{d.Version.Revision}
		state := func(want functions.Phase) {
			t.Helper()
			d, err := h.Get(ref("hello", ""))
			if err != nil {
				t.Fatal(err)
			}
			if d.Version.Phase != want {
				t.Errorf("phase %v, want %v", d.Version.Phase, want)
			}
			revisions = append(revisions, d.Version.Revision)
		}
		state(functions.Creating)
		timeout := 7
		_, err = h.UpdateConfiguration(functions.ConfigurationUpdate{Ref: ref("hello", ""), Timeout: &timeout})
		wantFault(t, err, fault.Conflict, "currently in the following state: Pending")
		h.settle()
		state(functions.Steady)
		if _, err := h.UpdateConfiguration(functions.ConfigurationUpdate{Ref: ref("hello", ""), Timeout: &timeout}); err != nil {
			t.Fatal(err)
		}
		state(functions.Updating)
		_, err = h.UpdateCode(t.Context(), functions.CodeUpdate{Ref: ref("hello", ""), Code: functions.CodeSource{Zip: zipOf(t, "b", "")}})
		wantFault(t, err, fault.Conflict, "An update is in progress for resource: arn:aws:lambda:us-east-1:000000000000:function:hello")
		h.settle()
		state(functions.Steady)
		state(functions.Steady)
		for i, want := range []bool{true, false, false, false, true} { // whether revision i+1 equals revision i
			if same := revisions[i] == revisions[i+1]; same != want {
				t.Errorf("revisions %d and %d: same is %v, want %v", i, i+1, same, want)
			}
		}
	})
}

func wantFault(t *testing.T, err error, k fault.Kind, part string) {
	t.Helper()
	if !fault.Is(err, k) || !strings.Contains(fault.Of(err).Detail, part) {
		t.Errorf("error %v, want %v with %q", err, k, part)
	}
}

func TestWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": echo})
		h.function("taken", "app.h")
		large := functions.Key{Account: account, Region: region, Name: "large"}
		if _, err := h.PublishLayer(t.Context(), large, functions.LayerVersion{}, functions.CodeSource{Zip: zipOf(t, "x", "")}); err != nil {
			t.Fatal(err)
		}
		functions.Swell(h.Service, large, 262144000)
		good := func() functions.Creation {
			return functions.Creation{Ref: ref("hello", ""), Settings: functions.Settings{Runtime: "python3.12", Handler: "app.h", Role: role},
				Code: functions.CodeSource{Zip: zipOf(t, "app.py", "")}}
		}
		for _, c := range []struct {
			what   string
			change func(*functions.Creation)
			kind   fault.Kind
			part   string
		}{
			{"taken name", func(c *functions.Creation) { c.Ref.Name = "taken" }, fault.Exists, "Function already exist: taken"},
			{"long name", func(c *functions.Creation) { c.Ref.Name = strings.Repeat("a", 65) }, fault.Invalid, "length less than or equal to 64"},
			{"no zip", func(c *functions.Creation) { c.Code.Zip = []byte("hello") }, fault.Invalid, "Could not unzip uploaded file."},
			{"no code", func(c *functions.Creation) { c.Code.Zip = nil }, fault.Invalid, "Please provide a source for function code."},
			{"empty zip", func(c *functions.Creation) { c.Code.Zip = []byte{} }, fault.Invalid, "non-empty zip"},
			{"zip and bucket", func(c *functions.Creation) { c.Code.Bucket, c.Code.Key = "bucket", "k" }, fault.Invalid, "Please do not provide other FunctionCode parameters when providing a ZipFile."},
			{"long key of a tag", func(c *functions.Creation) { c.Tags = map[string]string{strings.Repeat("k", 129): ""} }, fault.Invalid, "1 to 128 characters"},
			{"long value of a tag", func(c *functions.Creation) { c.Tags = map[string]string{"k": strings.Repeat("v", 257)} }, fault.Invalid, "at most 256 characters"},
			{"tag of AWS", func(c *functions.Creation) { c.Tags = map[string]string{"AWS:k": ""} }, fault.Invalid, "reserved for AWS use"},
			{"zip that climbs", func(c *functions.Creation) { c.Code.Zip = zipOf(t, "../x", "") }, fault.Invalid, "Could not unzip uploaded file."},
			{"large zip", func(c *functions.Creation) { c.Code.Zip = make([]byte, 52428801) }, fault.Invalid, "Zipped size must be smaller than 52428800 bytes"},
			{"bucket", func(c *functions.Creation) { c.Code = functions.CodeSource{Bucket: "b", Key: "k"} }, fault.Invalid, "NoSuchBucket"},
			{"image", func(c *functions.Creation) { c.Settings.PackageType = "Image" }, fault.Unsupported, "Image"},
			{"no handler", func(c *functions.Creation) { c.Settings.Handler = "" }, fault.Invalid, "Runtime and Handler are mandatory"},
			{"old runtime", func(c *functions.Creation) { c.Settings.Runtime = "python2.7" }, fault.Invalid, "no longer supported"},
			{"unknown runtime", func(c *functions.Creation) { c.Settings.Runtime = "cobol85" }, fault.Invalid, "Value cobol85 at 'runtime'"},
			{"reserved variable", func(c *functions.Creation) {
				c.Settings.Environment = &functions.Environment{Variables: map[string]string{"AWS_REGION": "x"}}
			}, fault.Invalid, "Reserved keys used in this request: AWS_REGION"},
			{"large environment", func(c *functions.Creation) {
				c.Settings.Environment = &functions.Environment{Variables: map[string]string{"BIG": strings.Repeat("x", 4096)}}
			}, fault.Invalid, "exceeded the 4KB limit"},
			{"dead letters", func(c *functions.Creation) { c.Settings.DeadLetter = "arn:aws:sqs:us-east-1:000000000000:q" }, fault.Unsupported, "DeadLetterConfig"},
			{"missing layer", func(c *functions.Creation) { c.Layers = []string{"arn:aws:lambda:us-east-1:000000000000:layer:l:1"} }, fault.Invalid, "layer:l:1 does not exist"},
			{"large with its layers", func(c *functions.Creation) {
				c.Layers = []string{"arn:aws:lambda:us-east-1:000000000000:layer:large:1"}
				c.Code.Zip = zipOf(t, "app.py", "x")
			}, fault.Invalid, "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144001 bytes."},
			{"levels of text", func(c *functions.Creation) { c.Settings.Logging.SystemLevel = "DEBUG" }, fault.Invalid, "LogFormat must be set to JSON"},
		} {
			creation := good()
			c.change(&creation)
			_, err := h.Create(t.Context(), creation)
			if !fault.Is(err, c.kind) || !strings.Contains(fault.Of(err).Detail, c.part) {
				t.Errorf("%s: %v, want %v with %q", c.what, err, c.kind, c.part)
			}
		}
		if _, err := h.Create(t.Context(), good()); err != nil {
			t.Errorf("what is good: %v", err)
		}
	})
}

// The nearest interpreter is said plainly, and strictness refuses it.
func TestRuntimeOfAnotherVersion(t *testing.T) {
	nearest := func(id string) (functions.Interpreter, error) {
		if id == "ruby3.4" {
			return functions.Interpreter{}, errors.New("no ruby")
		}
		return functions.Interpreter{Version: "3.11.2", Exact: id == "python3.11"}, nil
	}
	creation := functions.Creation{Ref: ref("hello", ""), Settings: functions.Settings{Runtime: "python3.12", Handler: "app.h", Role: role},
		Code: functions.CodeSource{Zip: zipOf(t, "app.py", "")}}
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{Runtime: nearest}, map[string]sandboxtest.Func{"app.h": echo})
		d, err := h.Create(t.Context(), creation)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Version.Settings.RunsOn; !strings.HasPrefix(got, "python3.12-runs-on-3.11.2") {
			t.Errorf("runs on %q", got)
		}
		ruby := creation
		ruby.Ref, ruby.Settings.Runtime = ref("ruby", ""), "ruby3.4"
		_, err = h.Create(t.Context(), ruby)
		wantFault(t, err, fault.Invalid, "ruby3.4 cannot run on this machine: no ruby")
	})
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{Runtime: nearest, StrictRuntimes: true}, map[string]sandboxtest.Func{"app.h": echo})
		_, err := h.Create(t.Context(), creation)
		wantFault(t, err, fault.Invalid, "strict runtimes were asked for")
	})
}

// Code is unpacked once under its digest, layers too, and what nothing uses is gone after a restart.
func TestCodeDirectories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": echo})
		h.function("a", "app.h")
		_, err := h.Create(t.Context(), functions.Creation{Ref: ref("b", ""), Settings: functions.Settings{Runtime: "python3.12", Handler: "app.h", Role: role},
			Code: functions.CodeSource{Zip: zipOf(t, "app.py", "a")}}) // the same bytes as a's
		if err != nil {
			t.Fatal(err)
		}
		if n := h.unpacked(); n != 1 {
			t.Errorf("%d directories of the same code", n)
		}
		layer, err := h.PublishLayer(t.Context(), functions.Key{Account: account, Region: region, Name: "l"}, functions.LayerVersion{}, functions.CodeSource{Zip: zipOf(t, "python/m.py", "")})
		if err != nil {
			t.Fatal(err)
		}
		layers := []string{layer.Layer.VersionARN(1)}
		h.settle()
		if _, err := h.UpdateConfiguration(functions.ConfigurationUpdate{Ref: ref("a", ""), Layers: &layers}); err != nil {
			t.Fatal(err)
		}
		if err := h.DeleteLayer(layer.Layer.Key(), 1); err != nil {
			t.Fatal(err)
		}
		h.reopen()
		if n := h.unpacked(); n != 2 {
			t.Errorf("%d directories; the layer of a function must stay when its version is deleted", n)
		}
		if err := errors.Join(h.Delete(ref("a", "")), h.Delete(ref("b", ""))); err != nil {
			t.Fatal(err)
		}
		h.reopen()
		if n := h.unpacked(); n != 0 {
			t.Errorf("%d directories after their functions are gone", n)
		}
	})
}

func (h *house) reopen() {
	h.t.Helper()
	h.close()
	h.driver = sandboxtest.New(h.handlers)
	h.open()
}

func (h *house) unpacked() int {
	h.t.Helper()
	entries, err := os.ReadDir(filepath.Join(h.dir, "code"))
	if err != nil {
		h.t.Fatal(err)
	}
	return len(entries)
}

func TestEverythingIsThereAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": echo})
		h.function("hello", "app.h")
		for i := range 11 { // more than nine: versions sort as numbers
			if i > 0 {
				h.handler("hello", "app.h")
			}
			if _, err := h.Publish(functions.Publication{Ref: ref("hello", "")}); err != nil {
				t.Fatal(err)
			}
		}
		three := 3
		_, e1 := h.CreateAlias(ref("hello", ""), functions.Alias{Name: "prod", Version: "10", Weights: map[string]float64{"2": 0.5}})
		_, e2 := h.AddPermission(ref("hello", "prod"), functions.Permission{Sid: "s", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com"})
		_, e3 := h.SetAsync(ref("hello", ""), functions.AsyncConfig{Retries: &three}, false)
		_, e4 := h.CreateURL(ref("hello", "prod"), functions.URL{Auth: "NONE"})
		_, e5 := h.SetProvisioned(ref("hello", "3"), 2)
		e6 := h.SetReserved(ref("hello", ""), &three)
		e7 := h.Tag(ref("hello", ""), map[string]string{"a": "b"})
		e8 := h.Delete(ref("hello", "7"))
		if err := errors.Join(e1, e2, e3, e4, e5, e6, e7, e8); err != nil {
			t.Fatal(err)
		}
		h.settle()
		look := func() string {
			d, err := h.Get(ref("hello", ""))
			if err != nil {
				t.Fatal(err)
			}
			return asJSON(t, d.Function) + asJSON(t, d.Function.Versions)
		}
		before := look()
		h.reopen()
		if after := look(); after != before {
			t.Errorf("before %s\nafter  %s", before, after)
		}
		h.wantInvoke(ref("hello", "10"), `{"n": 1.0}`, `{"n": 1.0}`)
	})
}

func TestConcurrencyLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, event []byte) ([]byte, error) {
			time.Sleep(time.Second)
			return event, nil
		}
		h := newHouse(t, functions.Config{Concurrency: 5}, map[string]sandboxtest.Func{"app.slow": slow})
		h.function("reserved", "app.slow")
		h.function("other", "app.slow")
		two := 2
		if err := h.SetReserved(ref("reserved", ""), &two); err == nil {
			t.Error("2 of 5 were reserved, though 100 or all must stay free")
		}
		invoke := func(name string, n int) map[string]int {
			t.Helper()
			reasons := make(chan string, n)
			for range n {
				go func() {
					_, err := h.Invoke(context.Background(), functions.Invocation{Ref: ref(name, "")})
					reason := "ok"
					if err != nil {
						reason = fault.Of(err).Reason
					}
					reasons <- reason
				}()
			}
			out := map[string]int{}
			for range n {
				out[<-reasons]++
			}
			return out
		}
		if got := invoke("other", 8); got["ok"] != 5 || got[functions.ReasonAccount] != 3 {
			t.Errorf("8 at once with 5 allowed: %v", got)
		}
		zero := 0
		if err := h.SetReserved(ref("reserved", ""), &zero); err != nil {
			t.Fatal(err)
		}
		if got := invoke("reserved", 3); got[functions.ReasonReserved] != 3 {
			t.Errorf("3 at once with none allowed: %v", got)
		}
		if got := invoke("other", 5); got["ok"] != 5 {
			t.Errorf("5 at once with 5 allowed: %v", got)
		}
	})
}

func TestPayloadsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": echo})
		h.function("hello", "app.h")
		for _, c := range []struct {
			mode    functions.Mode
			payload string
			kind    fault.Kind
			part    string
		}{
			{functions.Sync, "{", fault.Invalid, "Could not parse request body into json"},
			{functions.Sync, `"` + strings.Repeat("x", 6<<20) + `"`, fault.TooLarge, "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
			{functions.Queued, `"` + strings.Repeat("x", 1<<20) + `"`, fault.TooLarge, "Request must be smaller than 1048576 bytes for the InvokeFunction operation"},
		} {
			_, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("hello", ""), Mode: c.mode, Payload: []byte(c.payload)})
			wantFault(t, err, c.kind, c.part)
		}
		_, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("nobody", "")})
		wantFault(t, err, fault.NotFound, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody")
		_, err = h.Invoke(t.Context(), functions.Invocation{Ref: ref("hello", "9")})
		wantFault(t, err, fault.NotFound, "function:hello:9")
	})
}

// What was served can be read as soon as it is answered, with the instants of every phase, cold and warm apart.
func TestInvocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": echo})
		h.function("hello", "app.h")
		for range 3 {
			h.wantInvoke(ref("hello", ""), "1", "1")
			time.Sleep(time.Millisecond)
		}
		served, err := h.Invocations(functions.Key{Account: account, Region: region, Name: "hello"}, time.Time{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(served) != 3 || served[0].Start != "cold" || served[1].Start != "warm" || served[2].Start != "warm" {
			t.Fatalf("served %+v", served)
		}
		if s := served[2]; s.RequestID == "" || s.TraceID == "" || s.Version != "$LATEST" || s.MemoryMB != 128 || s.Phases.Received == 0 {
			t.Errorf("the last is %+v", s)
		}
		last, err := h.Invocations(functions.Key{Account: account, Region: region, Name: "hello"}, time.Unix(0, served[1].Phases.Received), 1)
		if err != nil || len(last) != 1 || last[0].RequestID != served[2].RequestID {
			t.Errorf("the last one is %+v, %v", last, err)
		}
	})
}

// Provisioned environments follow their alias to another version and end with their function.
func TestProvisionedConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.one": say("1"), "app.two": say("2")})
		h.function("hello", "app.one")
		h.publish("hello", "1")
		h.handler("hello", "app.two")
		h.publish("hello", "2")
		if _, err := h.CreateAlias(ref("hello", ""), functions.Alias{Name: "prod", Version: "1"}); err != nil {
			t.Fatal(err)
		}
		a, err := h.SetProvisioned(ref("hello", "prod"), 3)
		if err != nil {
			t.Fatal(err)
		}
		if a.Ready != 0 || a.Requested != 3 {
			t.Errorf("at first %+v", a)
		}
		first := func(want string) {
			t.Helper()
			synctest.Wait()
			if a, err := h.GetProvisioned(ref("hello", "prod")); err != nil || a.Ready != 3 {
				t.Errorf("then %+v, %v", a, err)
			}
			out, err := h.Invoke(t.Context(), functions.Invocation{Ref: ref("hello", "prod")})
			if err != nil {
				t.Fatal(err)
			}
			if out.Start != "proactive" || string(out.Payload) != want {
				t.Errorf("the first was %s and gave %s, want %s", out.Start, out.Payload, want)
			}
		}
		first("1")
		two := "2"
		if _, err := h.UpdateAlias(ref("hello", ""), "prod", functions.AliasUpdate{Version: &two}); err != nil {
			t.Fatal(err)
		}
		first("2")
		h.reopen()
		first("2")
		if err := h.Delete(ref("hello", "")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := h.driver.Len(); n != 0 {
			t.Errorf("%d environments of a function that is gone", n)
		}
	})
}
