package server

import "runtime/debug"

// build says what this binary was made of: Go's version and the commit, when the build recorded it.
func build() map[string]string {
	out := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	out["go"] = info.GoVersion
	for _, kv := range info.Settings {
		switch kv.Key {
		case "vcs.revision":
			out["commit"] = kv.Value
		case "vcs.time":
			out["time"] = kv.Value
		case "GOARCH":
			out["arch"] = kv.Value
		}
	}
	return out
}
