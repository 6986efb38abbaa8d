package workflows

import (
	"fmt"
	"time"
)

// redriveWindow is how long after its start an execution may be redriven (developer guide, "Redriving executions").
const redriveWindow = 14 * 24 * time.Hour

// Redrivable is redriveStatus with its reason.
func Redrivable(e *Execution) (status, reason string) {
	switch {
	case e.Status == Running, e.Status == Succeeded:
		return "NOT_REDRIVABLE", fmt.Sprintf("Execution is %s and cannot be redriven", e.Status)
	case time.Since(e.Started) > redriveWindow:
		return "NOT_REDRIVABLE", "Execution is older than 14 days and cannot be redriven"
	case e.MapRunARN != "":
		return "REDRIVABLE_BY_MAP_RUN", ""
	}
	return "REDRIVABLE", ""
}
