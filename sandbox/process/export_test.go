package process

import (
	"math"
	"time"
)

// Hurry lets the driver wait promptly for answers that come soon, or never.
func Hurry(d *Driver, on bool) {
	if on {
		d.prompts.stalled.Store(0)
	} else {
		d.prompts.stalled.Store(math.MaxInt64)
	}
}

// LimitRestores lets the hooks after a restore take limit and no longer.
func LimitRestores(d *Driver, limit time.Duration) { d.limit = limit }
