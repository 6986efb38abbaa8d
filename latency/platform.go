package latency

// Platform is what a platform says of itself: the answer of GET /_anthill/platform.
type Platform struct {
	Name    string `json:"platform"` // "Anthill"
	Version string `json:"version"`
	CPUs    int    `json:"cpus"`
	// Profile is the latency profile that the platform adds to what it does, on purpose; nil when it adds none.
	Profile *Profile `json:"latencyProfile,omitempty"`
}
