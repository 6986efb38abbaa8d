package workflows

import (
	"anthill/asl/failure"
	"anthill/asl/interp"
)

// mapRun is one run of a distributed Map.
type mapRun struct{}

// runMap does a distributed Map.
func (r *run) runMap(m *interp.RunMap, recovered bool) work {
	return r.deliver(message{in: interp.MapRunFailure{MapRun: m.MapRun, Error: failure.Runtime, Cause: "distributed Map states are not built yet"}})
}

// ended is told of every execution that has ended.
func (s *Service) ended(e *Execution) {}

// logGroup is the log group that a destination's ARN names.
func (s *Service) logGroup(destination string) string { return destination }
