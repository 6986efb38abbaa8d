package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/latency"
	"anthill/loadtest"
	"anthill/report"
)

// loadTest is step 3: the course's Locust run, from cold, and the platform's word on every request.
func (s *session) loadTest(ctx context.Context) error {
	const op = "lab.loadTest"
	// A change of configuration makes every environment new, here as on AWS: the test starts from cold.
	if err := s.reconfigure(ctx, modelName, "load test"); err != nil {
		return err
	}
	dir := filepath.Join(s.Out, "locust_logs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.In(op, err)
	}
	log, err := os.Create(filepath.Join(dir, "test_locust_logs.txt"))
	if err != nil {
		return fault.In(op, err)
	}
	defer log.Close()
	s.say("%d users, %g more each second, %v; each waits 3 to 5 s between requests", s.Users, s.SpawnRate, s.RunTime)
	info := runInfo{Command: s.Command, Target: modelName, Model: fmt.Sprintf("closed: %d users, %g more each second, waiting 3 to 5 s after each answer", s.Users, s.SpawnRate), Began: time.Now(),
		Machine: s.result.Machine, Platform: s.platform}
	w := s.watch(LoadConfig{Function: modelName})
	r, err := loadtest.Closed{URL: s.result.Model.URL, Name: "/default/predict", Body: []byte(sampleValues),
		Header: http.Header{"Content-Type": {"application/json"}}, Users: s.Users, SpawnRate: s.SpawnRate, RunTime: s.RunTime,
		Log: log, Version: s.Version, Progress: s.showLoad}.Run(ctx)
	told, werr := w.end(context.WithoutCancel(ctx))
	if err == nil {
		err = werr
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &fault.Error{Kind: fault.Canceled, Op: op, Err: err}
	}
	told.mark(r)
	info.Took, info.Dropped = r.Took.Seconds(), r.Dropped
	if err := told.write(dir, info); err != nil {
		return fault.In(op, err)
	}
	if err := r.Run.WriteFiles(dir, "test"); err != nil {
		return err
	}
	if err := loadtest.WriteRequests(dir, "test", r.Requests); err != nil {
		return err
	}
	split := splitOf(r.Run.Responses)
	s.result.Load = analysisOf(r.Run, split)
	s.say("%d requests, %d cold and %d warm, %d failed", s.result.Load.All.N, len(split.Cold), len(split.Warm), failed(r.Run))
	if s.result.Load.All.N == 0 {
		return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "load test", Detail: "no request was answered within the run time: make it longer with --run-time"}
	}
	s.page.load, err = loadFigures(r.Run, split, fmt.Sprintf("Anthill on this machine, %d users, %g per second spawned, %g s", s.Users, s.SpawnRate, s.RunTime.Seconds()))
	s.page.split, s.page.inside = split, inside{&info, told.records, told.environments}
	return err
}

func (s *session) showLoad(p loadtest.Progress) {
	s.live("%3.0f s of %.0f s  %d users  %d requests (%d failed)  %.1f/s  p50 %s  p95 %s  max %s", p.Elapsed.Seconds(), p.Of.Seconds(),
		p.Users, p.Requests, p.Failures, p.PerSecond, report.Ms(p.P50), report.Ms(p.P95), report.Ms(p.Worst))
}

// reconfigure changes a variable of a function's environment, so that no environment of before serves it again.
func (s *session) reconfigure(ctx context.Context, function, why string) error {
	in := map[string]any{"Environment": map[string]any{"Variables": map[string]string{"ANTHILL_LAB": why}}}
	if err := s.aws.call(ctx, "lambda", "PUT", "/2015-03-31/functions/"+function+"/configuration", "", in, nil); err != nil {
		return err
	}
	return s.waitActive(ctx, function)
}

// traceRoot is the Root of an X-Ray trace header, which stays the same along a request's way.
func traceRoot(header string) string {
	for part := range strings.SplitSeq(header, ";") {
		if root, ok := strings.CutPrefix(strings.TrimSpace(part), "Root="); ok {
			return root
		}
	}
	return header
}

// way is one way in which an environment can come to be.
type way struct {
	name, how string
	force     string // the way asked for: "plain", "template", or "" for the quickest that there is
	qualifier string
	function  string
	payload   string
}

// coldAndWarm is step 4: series of forced cold starts, and of warm invocations beside their floor.
func (s *session) coldAndWarm(ctx context.Context) error {
	if err := s.createProbe(ctx); err != nil {
		return err
	}
	event, err := json.Marshal(map[string]string{"body": sampleValues})
	if err != nil {
		return fault.In("lab.coldAndWarm", err)
	}
	ways := []way{
		{name: "Iris, plain init", how: "a new interpreter imports scikit-learn and loads the model", force: "plain", function: modelName, payload: string(event)},
		{name: "Iris, from a template", how: "a fork of a process that holds the libraries; the handler's module is imported and loads the model", force: "template", function: modelName, payload: string(event)},
		{name: "Iris, quickest", how: "what an ordinary cold start gets: a spare of the template when one is ready", force: "", function: modelName, payload: string(event)},
	}
	if q := s.snapStart(ctx); q != "" {
		ways = append(ways, way{name: "Iris, SnapStart", how: "a restore from a snapshot that was taken after the init", force: "", function: modelName, qualifier: q, payload: string(event)})
	}
	const probe = `{"step_name": "cold"}`
	ways = append(ways,
		way{name: "probe, plain init", how: "a new interpreter imports json and time", force: "plain", function: probeName, payload: probe},
		way{name: "probe, from a template", how: "a fork of a process that holds the runtime", force: "template", function: probeName, payload: probe},
		way{name: "probe, quickest", how: "what an ordinary cold start gets: a spare of the template when one is ready", force: "", function: probeName, payload: probe})
	for _, w := range ways {
		if err := s.coldSeries(ctx, w); err != nil {
			return err
		}
	}
	return s.warmSeries(ctx, event)
}

// snapStart publishes a version of the model with SnapStart and gives its number; "" when the platform has none.
func (s *session) snapStart(ctx context.Context) string {
	in := map[string]any{"SnapStart": map[string]string{"ApplyOn": "PublishedVersions"}}
	if err := s.aws.call(ctx, "lambda", "PUT", "/2015-03-31/functions/"+modelName+"/configuration", "", in, nil); err != nil {
		return ""
	}
	if err := s.waitActive(ctx, modelName); err != nil {
		return ""
	}
	var v struct{ Version string }
	if err := s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions/"+modelName+"/versions", "", map[string]any{}, &v); err != nil {
		return ""
	}
	if err := s.waitActive(ctx, modelName+":"+v.Version); err != nil {
		return ""
	}
	return v.Version
}

// coldSeries forces cold starts one after another, through the Lambda API. What the platform recorded of each decides
// under which name it is counted: a way that it does not have gives no series.
func (s *session) coldSeries(ctx context.Context, w way) error {
	path := "/2015-03-31/functions/" + w.function + "/invocations"
	if w.qualifier != "" {
		path += "?Qualifier=" + w.qualifier
	}
	took := map[string]time.Duration{}
	for i := -2; i < s.ColdStarts; i++ { // two that are not counted: a template is made by the first that needs it
		s.live("%s: %d of %d cold starts", w.name, max(i+1, 0), s.ColdStarts)
		began := time.Now()
		a, err := s.aws.send(ctx, "lambda", "POST", path, http.Header{"X-Anthill-Force-Cold": {"1"}, "X-Anthill-Start-Method": {w.force}}, []byte(w.payload))
		d := time.Since(began)
		if err != nil {
			return err
		}
		if a.status >= 400 {
			return a.fault("lab.coldSeries", "POST "+path)
		}
		if e := a.header.Get("X-Amz-Function-Error"); e != "" {
			return &fault.Error{Kind: fault.Invalid, Op: "lab.coldSeries", Noun: "function", Name: w.function, Detail: e + ": " + string(a.body)}
		}
		if i >= 0 {
			took[a.header.Get("X-Amzn-Requestid")] = d
		}
	}
	records, ok, err := s.invocations(ctx, w.function)
	if err != nil {
		return err
	}
	sr, counted := seriesOf(w, took, records, ok)
	if sr.Total.N > 0 || w.qualifier == "" {
		s.result.Cold = append(s.result.Cold, sr)
		s.say("%s: median %s, p95 %s (n = %d)", sr.Name, ms(sr.Total.P50), ms(sr.Total.P95), counted)
	}
	return nil
}

// seriesOf takes the way's cold starts with their phases. What the platform recorded says how they were served; a request
// that it served warm is no cold start and is left out.
func seriesOf(w way, took map[string]time.Duration, records []latency.Invocation, known bool) (Series, int) {
	var ds []time.Duration
	if !known {
		for _, d := range took {
			ds = append(ds, d)
		}
		sr := newSeries(w.name, w.how, ds)
		sr.Missing = "the platform keeps no record of how its environments came to be: the starts are forced, and not checked"
		return sr, len(ds)
	}
	parts, served := map[latency.Phase][]time.Duration{}, map[string]int{}
	for _, r := range records {
		d, ours := took[r.RequestID]
		if !ours || !r.Start.IsCold() {
			continue
		}
		ds = append(ds, d)
		served[strings.TrimSpace(string(r.Start)+" "+r.Method)]++
		for _, p := range r.Parts() {
			parts[p.Phase] = append(parts[p.Phase], p.Took)
		}
	}
	sr := newSeries(w.name, w.how, ds)
	for _, how := range sortedKeys(served) {
		sr.Served = append(sr.Served, fmt.Sprintf("%d %s", served[how], how))
	}
	for _, phase := range latency.Phases() {
		if p := parts[phase]; len(p) > 0 {
			sr.Parts = append(sr.Parts, Part{string(phase), latency.Of(p).Summary()})
		}
	}
	if n := len(took) - len(ds); n > 0 {
		sr.Missing = fmt.Sprintf("%d of %d requests were no cold starts by the platform's records and are not counted", n, len(took))
	}
	return sr, len(ds)
}

// warmSeries sends requests one after another to a warm environment, over both ways in, beside a bare HTTP echo.
func (s *session) warmSeries(ctx context.Context, event []byte) error {
	const n = 300
	add := func(name, how string, ds []time.Duration, err error) error {
		if err != nil {
			return err
		}
		sr := newSeries(name, how, ds)
		s.result.Warm = append(s.result.Warm, sr)
		s.say("%s: median %s, p99 %s (n = %d)", name, ms(sr.Total.P50), ms(sr.Total.P99), sr.Total.N)
		return nil
	}
	floor, err := echoFloor(ctx, []byte(sampleValues), n)
	if err := add("floor: a bare net/http echo", "the same request to a server that only sends it back, in the lab's own process", floor, err); err != nil {
		return err
	}
	invoke := func(function string, payload []byte) ([]time.Duration, error) {
		return series(ctx, n, func(int) (time.Duration, error) {
			began := time.Now()
			path := "/2015-03-31/functions/" + function + "/invocations"
			a, err := s.aws.send(ctx, "lambda", "POST", path, nil, payload)
			took := time.Since(began)
			if err == nil && a.status >= 400 {
				err = a.fault("lab.warmSeries", "POST "+path)
			}
			return took, err
		})
	}
	probe, err := invoke(probeName, []byte(`{"step_name": "warm"}`))
	if err := add("Lambda API, the probe function", "Invoke, one after another", probe, err); err != nil {
		return err
	}
	iris, err := invoke(modelName, event)
	if err := add("Lambda API, Iris on scikit-learn", "Invoke, one after another", iris, err); err != nil {
		return err
	}
	rest, err := series(ctx, n, func(int) (time.Duration, error) {
		return s.aws.timedPost(ctx, s.result.Model.URL, []byte(sampleValues), nil)
	})
	return add("REST API, Iris on scikit-learn", "POST /default/predict, one after another", rest, err)
}
