package server

import (
	"net/http"
	"strings"
	"time"

	"anthill/latency"
	"anthill/workflows"
)

// hop adds the profile's way to the cloud and back to requests for stages of APIs, function URLs and Lambda's Invoke.
func (h *house) hop(r *http.Request) {
	invoke := r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/2015-03-31/functions/") && strings.HasSuffix(r.URL.Path, "/invocations")
	if !invoke && !h.proxy.Serves(r) && !h.urls.Serves(r) {
		return
	}
	t := time.NewTimer(h.profile.Hop.Draw())
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

// initDelay is what the profile adds to every init; nil for nothing.
func (h *house) initDelay() func() time.Duration {
	if h.profile == nil || h.profile.ColdStart == nil {
		return nil
	}
	return h.profile.ColdStart.Draw
}

// transitions are what the profile adds inside executions; nil for nothing.
func (h *house) transitions() workflows.Delays {
	if h.profile == nil || h.profile.Transition == nil && h.profile.FanOut == nil {
		return nil
	}
	return delays{h.profile}
}

type delays struct{ p *latency.Profile }

// Transition draws one.
func (d delays) Transition() time.Duration { return d.p.Transition.Draw() }

// FanOut spreads the tasks evenly up to the time at which the last one is started.
func (d delays) FanOut(i, of int) time.Duration {
	if of < 2 {
		return 0
	}
	return time.Duration(float64(d.p.FanOut.Draw()) * float64(i+1) / float64(of))
}
