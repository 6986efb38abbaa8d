package sandbox

// Enough is how many requests to a tiny handler run at once.
func Enough() int { return enough() }
