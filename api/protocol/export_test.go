package protocol

// Compile translates one of AWS's patterns.
func Compile(source string) error {
	_, err := compile(source)
	return err
}

// Match reports whether all of text matches AWS's pattern.
func Match(source, text string) bool { return new(patterns).match(source, text) }
