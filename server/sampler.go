package server

import (
	"encoding/binary"
	"log/slog"
	"strconv"
)

// sampler decides which traces are exported, as OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say (OpenTelemetry
// specification, "Environment Variable Specification"). A decision depends on the trace alone, so that everybody who is asked
// about one says the same.
type sampler struct {
	share  float64 // of the traces that begin here, 0 to 1
	parent bool    // of others the caller has decided
}

// newSampler reads the variables. What it does not know it says, and goes on as if nothing had been said.
func newSampler(name, arg string, log *slog.Logger) sampler {
	s := sampler{share: 1, parent: true}
	switch name {
	case "", "parentbased_always_on":
		return s
	case "parentbased_always_off":
		return sampler{0, true}
	case "always_on":
		return sampler{1, false}
	case "always_off":
		return sampler{0, false}
	case "traceidratio":
		s.parent = false
	case "parentbased_traceidratio":
	default:
		log.Warn("an unknown sampler of traces: every trace that begins here is exported", "OTEL_TRACES_SAMPLER", name)
		return s
	}
	if arg == "" {
		return s
	}
	share, err := strconv.ParseFloat(arg, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		log.Warn("the share of the traces that are exported is a number from 0 to 1: it is taken for 1", "OTEL_TRACES_SAMPLER_ARG", arg)
		return s
	}
	s.share = share
	return s
}

// takes decides on a trace, 16 bytes, of which whoever calls has said "1", "0" or nothing ("Sampled" of an X-Amzn-Trace-Id).
func (s sampler) takes(trace []byte, said string) bool {
	if s.parent && (said == "0" || said == "1") {
		return said == "1"
	}
	return s.share == 1 || binary.BigEndian.Uint64(trace[8:])>>1 < uint64(s.share*(1<<63)) // as OpenTelemetry's own libraries do
}
