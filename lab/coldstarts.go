package lab

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"anthill/fault"
	"anthill/latency"
)

// ColdConfig says what ColdStarts sweeps. Each factor is varied by itself; the others stay at the base, which is
// the function as it is, started as an ordinary cold start, one request at a time.
type ColdConfig struct {
	Endpoint string // "" means http://localhost:4566
	Function string // whose code and configuration are copied; itself it is not touched
	Payload  []byte // nil means {}

	PackagesMB []int    // package sizes to pad the code to with bytes that cannot be compressed, at most 45
	MemoriesMB []int    // MemorySize
	Runtimes   []string // of the function's language
	Policies   []string // of Policies(), beside the ordinary cold start
	Bursts     []int    // requests at once

	// Repetitions is how often every level is measured. 0 means 30.
	Repetitions int
	Seed        uint64
	// Out gets report.html, experiment.json, experiment.csv and the figures. "" means "experiment".
	Out     string
	Command string
	Version string
	// Progress is told what is being done. nil means nobody is.
	Progress func(text string)
}

// The init policies.
const (
	ordinary    = "ordinary"    // whatever the platform does by itself
	plain       = "plain"       // a new interpreter each time; Anthill can be asked for it
	provisioned = "provisioned" // provisioned concurrency
	snapStart   = "snapstart"
	keepWarm    = "keep-warm" // a ping shortly before each request
)

// Policies are the init policies that an experiment can ask for beside the ordinary cold start.
func Policies() []string { return []string{plain, provisioned, snapStart, keepWarm} }

// Experimented is what an experiment found, as experiment.json has it.
type Experimented struct {
	Function    string            `json:"function"`
	Command     string            `json:"command"`
	Began       time.Time         `json:"began"`
	Took        float64           `json:"took_s"`
	Machine     Machine           `json:"machine"`
	Platform    *latency.Platform `json:"platform,omitempty"`
	Repetitions int               `json:"repetitions"`
	Levels      []Level           `json:"levels"`
	Pairs       []Pair            `json:"comparisons"`
	Skipped     []string          `json:"skipped,omitempty"` // levels that could not be measured, and why
}

// Level is one setting of one factor with what was measured of it.
type Level struct {
	Factor string          `json:"factor"` // "package", "memory", "runtime", "policy", "burst"; "base" for the base
	Level  string          `json:"level"`
	Served []string        `json:"served"` // how the platform says that requests were served: "30 cold spare"
	Failed int             `json:"failed,omitempty"`
	Took   latency.Summary `json:"took"`
	// Low and High are the 95 % bootstrap interval of the median, in milliseconds.
	Low  float64          `json:"p50_low_ms"`
	High float64          `json:"p50_high_ms"`
	Init *latency.Summary `json:"init,omitempty"` // of the requests that waited for one

	took    []time.Duration
	each    []time.Duration // one value a repetition: the median of its burst, for requests of one burst are not independent
	records []latency.Invocation
	// how to send
	function, qualifier, method string
	force, ping                 bool
	burst                       int
	served                      map[string]int
	init                        []time.Duration
	rows                        [][]string
}

// Pair compares two levels of one factor.
type Pair struct {
	Factor string `json:"factor"`
	A      string `json:"a"`
	B      string `json:"b"`
	latency.Comparison
	// Adjusted is P after Holm's correction over all comparisons of the experiment.
	Adjusted float64 `json:"p_adjusted"`
	Real     bool    `json:"real"`
}

// experiment is one on its way.
type experiment struct {
	ColdConfig
	s       *session
	own     functionSettings
	code    []byte
	levels  []*Level
	made    []string // functions to delete
	skipped []string
}

// functionSettings is what GetFunction says of a function, as far as it is copied.
type functionSettings struct {
	Runtime, Handler, Role, PackageType string
	MemorySize, Timeout                 int
	Layers                              []struct{ Arn string }
	Environment                         struct{ Variables map[string]string }
}

// ColdStarts measures how long first answers of a function take under different settings, every level as often as the others and in an
// order that chance decides, so that what else happens on the machine falls on all alike. It works on copies of the function, which it deletes.
func ColdStarts(ctx context.Context, c ColdConfig) (r *Experimented, err error) {
	const op = "lab.ColdStarts"
	c.Repetitions = cmp.Or(c.Repetitions, 30)
	c.Out = cmp.Or(c.Out, "experiment")
	if c.Payload == nil {
		c.Payload = []byte("{}")
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	x := &experiment{ColdConfig: c, s: &session{aws: newClient(cmp.Or(c.Endpoint, "http://localhost:4566"))}}
	x.s.platform = x.s.who(ctx)
	r = &Experimented{Function: c.Function, Command: c.Command, Began: time.Now(), Machine: describeMachine(), Platform: x.s.platform, Repetitions: c.Repetitions}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, fault.In(op, err)
	}
	defer func() {
		if clean := x.clean(context.WithoutCancel(ctx)); err == nil {
			err = clean
		}
	}()
	if err := x.prepare(ctx); err != nil {
		return nil, err
	}
	if err := x.measure(ctx); err != nil {
		return nil, err
	}
	r.Took, r.Machine.LoadEnd, r.Skipped = time.Since(r.Began).Seconds(), loadAverage(), x.skipped
	x.evaluate(r)
	return r, fault.In(op, x.write(r))
}

func (c ColdConfig) check() error {
	const op = "lab.ColdStarts"
	for _, mb := range c.PackagesMB {
		if mb < 1 || mb > 45 {
			return fault.Invalidf(op, "package size", "a package of %d MB cannot be sent: sizes are 1 to 45 MB", mb)
		}
	}
	for _, p := range c.Policies {
		if p != ordinary && !slices.Contains(Policies(), p) {
			return fault.Invalidf(op, "init policy", "there is no init policy %q; there are %s", p, strings.Join(Policies(), ", "))
		}
	}
	for _, b := range c.Bursts {
		if b < 1 || b > 200 {
			return fault.Invalidf(op, "burst", "a burst has 1 to 200 requests, not %d", b)
		}
	}
	if c.Repetitions < 2 {
		return fault.Invalidf(op, "repetitions", "one repetition shows nothing: take 8 or more")
	}
	return nil
}

// prepare reads the function and makes a copy of it for each level that needs one.
func (x *experiment) prepare(ctx context.Context) error {
	var got struct {
		Configuration functionSettings
		Code          struct{ Location string }
	}
	if err := x.s.aws.call(ctx, "lambda", "GET", "/2015-03-31/functions/"+url.PathEscape(x.Function), "", nil, &got); err != nil {
		return err
	}
	x.own = got.Configuration
	if x.own.PackageType == "Image" {
		return fault.Invalidf("lab.ColdStarts", "function", "%s is an image: the experiment works on functions of zip archives", x.Function)
	}
	var err error
	if x.code, err = x.s.aws.download(ctx, got.Code.Location); err != nil {
		return err
	}
	base, err := x.copy(ctx, "base", nil, nil)
	if err != nil {
		return err
	}
	add := func(l Level) { x.levels = append(x.levels, &l) }
	add(Level{Factor: "base", Level: fmt.Sprintf("as it is: %s, %d MB, %.1f MB zipped", x.own.Runtime, x.own.MemorySize, float64(len(x.code))/1e6), function: base, force: true, burst: 1})
	variant := func(factor, level string, code []byte, change map[string]any) {
		f, err := x.copy(ctx, factor+" "+level, code, change)
		if err != nil {
			x.skip(factor, level, err)
			return
		}
		add(Level{Factor: factor, Level: level, function: f, force: true, burst: 1})
	}
	for _, mb := range x.PackagesMB {
		code, err := padded(x.code, mb<<20)
		if err != nil {
			x.skip("package", fmt.Sprintf("%d MB", mb), err)
			continue
		}
		variant("package", fmt.Sprintf("%d MB", mb), code, nil)
	}
	for _, mb := range x.MemoriesMB {
		if mb != x.own.MemorySize {
			variant("memory", fmt.Sprintf("%d MB", mb), nil, map[string]any{"MemorySize": mb})
		}
	}
	for _, rt := range x.Runtimes {
		switch {
		case rt == x.own.Runtime:
		case language(rt) != language(x.own.Runtime):
			x.skip("runtime", rt, fault.Invalidf("lab.ColdStarts", "runtime", "the function's code is written for %s", x.own.Runtime))
		default:
			variant("runtime", rt, nil, map[string]any{"Runtime": rt})
		}
	}
	for _, p := range x.Policies {
		if l, err := x.policy(ctx, p, base); err != nil {
			x.skip("policy", p, err)
		} else if l != nil {
			add(*l)
		}
	}
	for _, b := range x.Bursts {
		if b > 1 {
			add(Level{Factor: "burst", Level: fmt.Sprintf("%d at once", b), function: base, force: true, burst: b})
		}
	}
	return ctx.Err()
}

// language is a runtime's identifier without its version: "python" of "python3.12".
func language(runtime string) string { return strings.TrimRight(runtime, ".0123456789x") }

func (x *experiment) skip(factor, level string, err error) {
	why := err.Error()
	if f := fault.Of(err); f.Detail != "" {
		why = f.Detail
	}
	x.skipped = append(x.skipped, fmt.Sprintf("%s %s: %s", factor, level, why))
}

// copy makes a function like the one under test but for code and change.
func (x *experiment) copy(ctx context.Context, what string, code []byte, change map[string]any) (name string, err error) {
	x.Progress("preparing: " + what)
	if code == nil {
		code = x.code
	}
	name = fmt.Sprintf("anthill-experiment-%x-%d", time.Now().UnixNano()&0xffffff, len(x.made))
	in := map[string]any{"FunctionName": name, "Runtime": x.own.Runtime, "Role": x.own.Role, "Handler": x.own.Handler, "MemorySize": x.own.MemorySize, "Timeout": x.own.Timeout,
		"Environment": map[string]any{"Variables": x.own.Environment.Variables}, "Code": map[string]any{"ZipFile": base64.StdEncoding.EncodeToString(code)}}
	if x.own.Environment.Variables == nil {
		delete(in, "Environment")
	}
	var layers []string
	for _, l := range x.own.Layers {
		layers = append(layers, l.Arn)
	}
	if layers != nil {
		in["Layers"] = layers
	}
	for k, v := range change {
		in[k] = v
	}
	if err := x.s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions", "", in, nil); err != nil {
		return "", err
	}
	x.made = append(x.made, name)
	return name, x.s.waitActive(ctx, name)
}

// policy makes the level of an init policy. nil means that the base is it.
func (x *experiment) policy(ctx context.Context, policy, base string) (*Level, error) {
	l := &Level{Factor: "policy", Level: policy, function: base, burst: 1}
	switch policy {
	case plain:
		if x.s.platform == nil {
			return nil, fault.Invalidf("lab.ColdStarts", "init policy", "only Anthill can be asked for it")
		}
		l.force, l.method = true, plain
	case keepWarm:
		l.ping = true
	case provisioned:
		name, err := x.copy(ctx, policy, nil, nil)
		if err != nil {
			return nil, err
		}
		l.function = name
		if l.qualifier, err = x.publish(ctx, name); err != nil {
			return nil, err
		}
		return l, x.s.provision(ctx, name, l.qualifier, 1)
	case snapStart:
		name, err := x.copy(ctx, policy, nil, map[string]any{"SnapStart": map[string]string{"ApplyOn": "PublishedVersions"}})
		if err != nil {
			return nil, err
		}
		l.function, l.force = name, true
		l.qualifier, err = x.publish(ctx, name)
		return l, err
	default:
		return nil, nil
	}
	return l, nil
}

func (x *experiment) publish(ctx context.Context, name string) (string, error) {
	x.Progress("preparing: a version of " + name)
	var v struct{ Version string }
	if err := x.s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions/"+name+"/versions", "", map[string]any{}, &v); err != nil {
		return "", err
	}
	return v.Version, x.s.waitActive(ctx, name+":"+v.Version)
}

// provision asks for provisioned concurrency and waits until it is there.
func (s *session) provision(ctx context.Context, function, qualifier string, n int) error {
	path := "/2019-09-30/functions/" + function + "/provisioned-concurrency?Qualifier=" + qualifier
	var c struct{ Status, StatusReason string }
	if err := s.aws.call(ctx, "lambda", "PUT", path, "", map[string]int{"ProvisionedConcurrentExecutions": n}, &c); err != nil {
		return err
	}
	for deadline := time.Now().Add(3 * time.Minute); c.Status != "READY"; {
		if c.Status == "FAILED" || time.Now().After(deadline) {
			return fault.Invalidf("lab.ColdStarts", "provisioned concurrency", "it did not become ready: %s %s", c.Status, c.StatusReason)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		if err := s.aws.call(ctx, "lambda", "GET", path, "", nil, &c); err != nil {
			return err
		}
	}
	return nil
}

// measure takes every level in every block once, in an order that chance decides. The first block is not counted: templates and
// spares are made by the first that need them.
func (x *experiment) measure(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(x.Seed, 5))
	began := time.Now()
	for block := range x.Repetitions + 1 {
		for i, n := range rng.Perm(len(x.levels)) {
			l := x.levels[n]
			left := ""
			if block > 1 {
				per := time.Since(began) / time.Duration(block*len(x.levels)+i+1)
				left = fmt.Sprintf(", %s to go", (per * time.Duration((x.Repetitions+1-block)*len(x.levels)-i)).Round(time.Second))
			}
			x.Progress(fmt.Sprintf("repetition %d of %d: %s %s%s", block, x.Repetitions, l.Factor, l.Level, left))
			if err := x.once(ctx, l, block); err != nil {
				return err
			}
		}
	}
	return x.join(ctx)
}

// once sends one burst to a level.
func (x *experiment) once(ctx context.Context, l *Level, block int) error {
	header := http.Header{}
	switch {
	case l.force && x.s.platform != nil:
		header.Set("X-Anthill-Force-Cold", "1")
		header.Set("X-Anthill-Start-Method", l.method)
	case l.force && l.qualifier == "": // elsewhere a change of configuration makes every environment new
		if err := x.s.reconfigure(ctx, l.function, fmt.Sprintf("%d-%d", block, time.Now().UnixNano())); err != nil {
			return err
		}
	}
	path := "/2015-03-31/functions/" + l.function + "/invocations"
	if l.qualifier != "" {
		path += "?Qualifier=" + l.qualifier
	}
	if l.ping {
		if _, err := x.s.aws.send(ctx, "lambda", "POST", path, nil, x.Payload); err != nil {
			return err
		}
	}
	type shot struct {
		took time.Duration
		a    *answer
		err  error
	}
	shots := make([]shot, l.burst)
	var wg sync.WaitGroup
	for i := range shots {
		wg.Go(func() {
			began := time.Now()
			a, err := x.s.aws.send(ctx, "lambda", "POST", path, header, x.Payload)
			shots[i] = shot{time.Since(began), a, err}
		})
	}
	wg.Wait()
	var good []time.Duration
	for _, s := range shots {
		switch {
		case s.err != nil:
			return s.err
		case block == 0 && s.a.status >= 400:
			return s.a.fault("lab.ColdStarts", l.Factor+" "+l.Level+": POST "+path)
		case block == 0:
			continue
		case s.a.status >= 400 || s.a.header.Get("X-Amz-Function-Error") != "":
			l.Failed++
			continue
		}
		l.took, good = append(l.took, s.took), append(good, s.took)
		l.rows = append(l.rows, []string{l.Factor, l.Level, fmt.Sprint(block), exactMs(s.took), s.a.header.Get("X-Amzn-Requestid")})
	}
	if len(good) > 0 {
		l.each = append(l.each, latency.Of(good).Median())
	}
	return nil
}

// join finds what the platform recorded of every request.
func (x *experiment) join(ctx context.Context) error {
	byID := map[string]latency.Invocation{}
	for _, name := range x.made {
		records, ok, err := x.s.invocations(ctx, name)
		if err != nil || !ok {
			return err
		}
		for _, r := range records {
			byID[r.RequestID] = r
		}
	}
	for _, l := range x.levels {
		l.served = map[string]int{}
		for i, row := range l.rows {
			r, ok := byID[row[4]]
			if !ok {
				l.rows[i] = append(row, "", "", "")
				continue
			}
			l.served[strings.TrimSpace(string(r.Start)+" "+r.Method)]++
			l.records = append(l.records, r)
			init := ""
			if r.Start.IsCold() && r.Init() > 0 {
				l.init = append(l.init, r.Init())
				init = exactMs(r.Init())
			}
			l.rows[i] = append(row, string(r.Start), r.Method, init)
		}
	}
	return nil
}

// clean deletes the copies.
func (x *experiment) clean(ctx context.Context) error {
	var first error
	for _, name := range x.made {
		if err := x.s.aws.call(ctx, "lambda", "DELETE", "/2015-03-31/functions/"+name, "", nil, nil); first == nil {
			first = err
		}
	}
	return first
}

// evaluate computes every level's figures and compares the levels of each factor.
func (x *experiment) evaluate(r *Experimented) {
	for _, l := range x.levels {
		d := latency.Of(l.took)
		l.Took = d.Summary()
		low, high := latency.MedianInterval(latency.Of(l.each))
		l.Low, l.High = latency.Millis(low), latency.Millis(high)
		for _, how := range sortedKeys(l.served) {
			l.Served = append(l.Served, fmt.Sprintf("%d %s", l.served[how], how))
		}
		if len(l.init) > 0 {
			s := latency.Of(l.init).Summary()
			l.Init = &s
		}
		r.Levels = append(r.Levels, *l)
	}
	for _, factor := range factors() {
		of := x.of(factor)
		for i := range of {
			for j := i + 1; j < len(of); j++ {
				r.Pairs = append(r.Pairs, Pair{Factor: factor, A: of[i].short(), B: of[j].short(), Comparison: latency.Compare(latency.Of(of[i].each), latency.Of(of[j].each))})
			}
		}
	}
	ps := make([]float64, len(r.Pairs))
	for i, p := range r.Pairs {
		ps[i] = p.P
	}
	for i, p := range latency.Holm(ps) {
		pair := &r.Pairs[i]
		pair.Adjusted = p
		pair.Real = p < 0.05 && (pair.Low > 0 || pair.High < 0)
	}
}

func factors() []string { return []string{"package", "memory", "runtime", "policy", "burst"} }

// of are the levels of a factor, the base first; none when there is only the base.
func (x *experiment) of(factor string) []*Level {
	var out []*Level
	for _, l := range x.levels {
		if l.Factor == factor || l.Factor == "base" {
			out = append(out, l)
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

func (l *Level) short() string {
	if l.Factor == "base" {
		return "base"
	}
	return l.Level
}

// write writes the data and the report.
func (x *experiment) write(r *Experimented) error {
	if err := writeJSON(filepath.Join(x.Out, "experiment.json"), r); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("factor,level,repetition,response_time_ms,request_id,start,method,init_ms\n")
	for _, l := range x.levels {
		for _, row := range l.rows {
			cells := slices.Clone(row)
			cells[1] = `"` + cells[1] + `"`
			b.WriteString(strings.Join(cells, ",") + "\n")
		}
	}
	if err := os.WriteFile(filepath.Join(x.Out, "experiment.csv"), []byte(b.String()), 0o644); err != nil {
		return err
	}
	p, err := x.page(r)
	if err != nil {
		return err
	}
	return p.Write(x.Out)
}
