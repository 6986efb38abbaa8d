package lab

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"anthill/fault"
)

// setting is one combination of the factors' levels.
type setting struct {
	packageMB int    // 0: the function's own
	memoryMB  int    // 0: its own
	runtime   string // "": its own
	policy    string
	burst     int
}

func (x *experiment) baseSetting() setting { return setting{policy: ordinary, burst: 1} }

// factors are what an experiment varies.
func factors() []string { return []string{"package", "memory", "runtime", "policy", "burst"} }

// level is a factor's level in words.
func (s setting) level(factor string) string {
	own := func(is bool, other string) string {
		if is {
			return "its own"
		}
		return other
	}
	switch factor {
	case "package":
		return own(s.packageMB == 0, fmt.Sprintf("%d MB", s.packageMB))
	case "memory":
		return own(s.memoryMB == 0, fmt.Sprintf("%d MB", s.memoryMB))
	case "runtime":
		return own(s.runtime == "", s.runtime)
	case "policy":
		return s.policy
	}
	if s.burst == 1 {
		return "one at a time"
	}
	return fmt.Sprintf("%d at once", s.burst)
}

// mostCells bounds a design.
const mostCells = 200

// design gives the settings to measure: the base and each level by itself, or every combination.
func (x *experiment) design() ([]setting, error) {
	base := x.baseSetting()
	levels := map[string][]setting{} // of the base with one factor changed, the base first
	add := func(factor string, change func(*setting)) {
		s := base
		if change(&s); !slices.Contains(levels[factor], s) {
			levels[factor] = append(levels[factor], s)
		}
	}
	for _, f := range factors() {
		add(f, func(*setting) {})
	}
	for _, mb := range x.PackagesMB {
		add("package", func(s *setting) { s.packageMB = mb })
	}
	for _, mb := range x.MemoriesMB {
		if mb != x.own.MemorySize {
			add("memory", func(s *setting) { s.memoryMB = mb })
		}
	}
	for _, rt := range x.Runtimes {
		switch {
		case rt == x.own.Runtime:
		case language(rt) != language(x.own.Runtime):
			x.skip("runtime", rt, fault.Invalidf("lab.ColdStarts", "runtime", "the function's code is written for %s", x.own.Runtime))
		default:
			add("runtime", func(s *setting) { s.runtime = rt })
		}
	}
	for _, p := range x.Policies {
		add("policy", func(s *setting) { s.policy = p })
	}
	for _, b := range x.Bursts {
		add("burst", func(s *setting) { s.burst = b })
	}
	cells := []setting{base}
	if x.Design != Full {
		for _, f := range factors() {
			cells = append(cells, levels[f][1:]...)
		}
		return cells, nil
	}
	for _, f := range factors() {
		var more []setting
		for _, cell := range cells {
			for _, l := range levels[f] {
				more = append(more, cell.with(f, l))
			}
		}
		if cells = more; len(cells) > mostCells {
			return nil, fault.Invalidf("lab.ColdStarts", "design", "every combination of these levels makes more than %d cells: leave some out, or take --design %s", mostCells, OneAtATime)
		}
	}
	return cells, nil
}

// with is s with the factor as in l.
func (s setting) with(factor string, l setting) setting {
	switch factor {
	case "package":
		s.packageMB = l.packageMB
	case "memory":
		s.memoryMB = l.memoryMB
	case "runtime":
		s.runtime = l.runtime
	case "policy":
		s.policy = l.policy
	default:
		s.burst = l.burst
	}
	return s
}

// prepare reads the function and makes a copy of it for each cell that needs one of its own.
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
	cells, err := x.design()
	if err != nil {
		return err
	}
	for i, cell := range cells {
		l, err := x.cell(ctx, cell, fmt.Sprintf("%d of %d", i+1, len(cells)))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && i == 0:
			return err
		case err != nil:
			factor, level := cell.name()
			x.skip(factor, level, err)
		default:
			x.levels = append(x.levels, l)
		}
	}
	return nil
}

// name says in what a cell differs from the base: by one factor and its level, or by several.
func (s setting) name() (factor, level string) {
	base := setting{policy: ordinary, burst: 1}
	var fs, ls []string
	for _, f := range factors() {
		if s.level(f) != base.level(f) {
			fs, ls = append(fs, f), append(ls, s.level(f))
		}
	}
	if fs == nil {
		return "base", ""
	}
	return strings.Join(fs, " × "), strings.Join(ls, ", ")
}

// cell makes what a setting is measured with.
func (x *experiment) cell(ctx context.Context, s setting, which string) (*Level, error) {
	factor, level := s.name()
	if factor == "base" {
		level = fmt.Sprintf("as it is: %s, %d MB, %.1f MB zipped", x.own.Runtime, x.own.MemorySize, float64(len(x.code))/1e6)
	}
	x.Progress(fmt.Sprintf("preparing %s: %s %s", which, factor, level))
	l := &Level{Factor: factor, Level: level, Settings: map[string]string{}, setting: s, force: true, burst: s.burst}
	for _, f := range factors() {
		l.Settings[f] = s.level(f)
	}
	switch s.policy {
	case plain:
		if x.s.platform == nil {
			return nil, fault.Invalidf("lab.ColdStarts", "init policy", "only Anthill can be asked for it")
		}
		l.method = plain
	case keepWarm:
		l.force, l.ping = false, true
	case provisioned:
		l.force = false
	}
	code, err := x.padding(s.packageMB)
	if err != nil {
		return nil, err
	}
	shared := s // what needs a function of its own
	if shared.policy != provisioned {
		shared.burst = 1
	}
	if shared.policy == plain || shared.policy == keepWarm {
		shared.policy = ordinary
	}
	made, ok := x.copies[shared]
	if !ok {
		if made, err = x.make(ctx, shared, code); err != nil {
			return nil, err
		}
		x.copies[shared] = made
	}
	l.function, l.qualifier = made.function, made.qualifier
	return l, nil
}

// copied is a function that was made for the experiment.
type copied struct{ function, qualifier string }

// make makes the function of a setting and waits until it is ready.
func (x *experiment) make(ctx context.Context, s setting, code []byte) (c copied, err error) {
	change := map[string]any{}
	if s.memoryMB > 0 {
		change["MemorySize"] = s.memoryMB
	}
	if s.runtime != "" {
		change["Runtime"] = s.runtime
	}
	if s.policy == snapStart {
		change["SnapStart"] = map[string]string{"ApplyOn": "PublishedVersions"}
	}
	if c.function, err = x.copy(ctx, code, change); err != nil {
		return c, err
	}
	if s.policy == snapStart || s.policy == provisioned {
		if c.qualifier, err = x.publish(ctx, c.function); err != nil {
			return c, err
		}
	}
	if s.policy == provisioned {
		err = x.s.provision(ctx, c.function, c.qualifier, s.burst)
	}
	return c, err
}

// padding is the function's package, brought to a size; each size is made once.
func (x *experiment) padding(mb int) ([]byte, error) {
	if mb == 0 {
		return x.code, nil
	}
	if x.padded[mb] == nil {
		code, err := padded(x.code, mb<<20)
		if err != nil {
			return nil, err
		}
		x.padded[mb] = code
	}
	return x.padded[mb], nil
}

// language is a runtime's identifier without its version: "python" of "python3.12".
func language(runtime string) string { return strings.TrimRight(runtime, ".0123456789x") }
