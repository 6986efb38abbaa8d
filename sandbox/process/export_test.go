package process

import "math"

// Hurry lets the driver wait promptly for answers that come soon, or never.
func Hurry(d *Driver, on bool) {
	if on {
		d.stalled.Store(0)
	} else {
		d.stalled.Store(math.MaxInt64)
	}
}
