package latency

// Profile is a set of delays that a platform adds on purpose, so that a class without a cloud account sees a cloud's
// shape.
type Profile struct {
	Name   string `json:"name"`
	Source string `json:"source"` // where the delays were measured, in a sentence
}
