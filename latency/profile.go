package latency

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"anthill/fault"
)

// Profile is a set of delays that a platform adds on purpose, so that a class without a cloud account sees a cloud's
// shape. A delay that is nil is not added.
type Profile struct {
	Name    string `json:"name"`
	Source  string `json:"source"`            // where the delays were measured, in half a sentence
	Command string `json:"command,omitempty"` // that made the profile
	// Assumed is what the profile adds beyond what was measured, in half a sentence; every report made with it says so.
	Assumed string `json:"assumed,omitempty"`

	// Hop is added to every request to a stage of an API, a function URL or Lambda's Invoke: the way to the cloud and
	// back, and what stands in front of the function there.
	Hop *Delay `json:"hop,omitempty"`
	// ColdStart is added to every init.
	ColdStart *Delay `json:"cold_start,omitempty"`
	// Transition is added between the end of a Task, Parallel or Map state and the entry of the next state.
	Transition *Delay `json:"transition,omitempty"`
	// FanOut is when the last of several tasks that are scheduled at once is started, counted from their schedule; the
	// others are spread evenly before it.
	FanOut *Delay `json:"fan_out,omitempty"`
}

// Delay is a distribution of delays: what was measured, in ascending order, in milliseconds. Values between are drawn by
// linear interpolation.
type Delay struct {
	N      int       `json:"n"` // measurements behind it
	How    string    `json:"how"`
	Values []float64 `json:"values_ms"`
}

//go:embed profiles
var profiles embed.FS

// ReadProfile reads the profile of that name that comes with Anthill ("aws-course"), or the file of that path.
func ReadProfile(name string) (*Profile, error) {
	const op = "latency.ReadProfile"
	b, err := profiles.ReadFile("profiles/" + name + ".json")
	if err != nil {
		if b, err = os.ReadFile(name); err != nil {
			return nil, fault.Invalidf(op, "latency profile", "there is no latency profile %q: give the path of one, or a name that comes with Anthill (%s)", name, strings.Join(profileNames(), ", "))
		}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var p Profile
	if err := d.Decode(&p); err != nil {
		return nil, fault.Invalidf(op, "latency profile", "%s is no latency profile: %v", name, err)
	}
	return &p, p.check(name)
}

func profileNames() []string {
	entries, _ := profiles.ReadDir("profiles") // it is part of the program
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

func (p *Profile) check(name string) error {
	wrong := func(format string, args ...any) error {
		return fault.Invalidf("latency.ReadProfile", "latency profile", "%s: %s", name, fmt.Sprintf(format, args...))
	}
	if p.Name == "" || p.Source == "" {
		return wrong("a profile needs a name and a source, for every report made with it names them")
	}
	some := false
	for _, d := range []struct {
		name string
		*Delay
	}{{"hop", p.Hop}, {"cold_start", p.ColdStart}, {"transition", p.Transition}, {"fan_out", p.FanOut}} {
		if d.Delay == nil {
			continue
		}
		some = true
		if len(d.Values) == 0 || !slices.IsSorted(d.Values) || d.Values[0] < 0 || d.Values[len(d.Values)-1] > 60_000 || math.IsNaN(d.Values[0]) {
			return wrong("the values of %s must be milliseconds between 0 and 60000, in ascending order", d.name)
		}
	}
	if !some {
		return wrong("it holds no delay")
	}
	return nil
}

// At is the delay that a share u of all delays, 0 to 1, does not exceed. A nil Delay is none.
func (d *Delay) At(u float64) time.Duration {
	if d == nil || len(d.Values) == 0 {
		return 0
	}
	at := min(max(u, 0), 1) * float64(len(d.Values)-1)
	i := int(at)
	v := d.Values[i]
	if i+1 < len(d.Values) {
		v += (at - float64(i)) * (d.Values[i+1] - v)
	}
	return FromMillis(v)
}

// Draw draws a delay. It may be called from any goroutine.
func (d *Delay) Draw() time.Duration { return d.At(rand.Float64()) }

// DelayOf makes a Delay of measurements: all of them up to 101, else their percentiles.
func DelayOf(values []time.Duration, how string) *Delay {
	all := Of(values)
	if all.N() == 0 {
		return nil
	}
	d := &Delay{N: all.N(), How: how}
	round := func(v time.Duration) float64 { return math.Round(Millis(max(v, 0))*1000) / 1000 }
	if all.N() <= 101 {
		for _, v := range all.Values() {
			d.Values = append(d.Values, round(v))
		}
		return d
	}
	for p := range 101 {
		d.Values = append(d.Values, round(all.Percentile(float64(p))))
	}
	return d
}
