package report

import (
	"image/color"

	"anthill/latency"
)

// PhaseLooks are the fills of the phases, and EnvironmentLooks those of an environment's life.
func PhaseLooks() map[latency.Phase]color.Color { return phaseLooks() }
func EnvironmentLooks() []color.Color {
	return []color.Color{brick(), deepBlue(), paleGrey(), color.White}
}
