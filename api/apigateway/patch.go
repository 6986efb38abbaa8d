package apigateway

import (
	"strings"

	"anthill/api/protocol"
)

// patch is one operation of an Update call. AWS: "Patch operations" (API Gateway REST API reference).
type patch struct {
	op, path, from string
	parts          []string // of the path, unescaped: "~1" is a slash
	value          string
	none           bool // there is no value
}

func patchesOf(in []PatchOperation) []patch {
	out := make([]patch, len(in))
	for i, o := range in {
		p := patch{op: protocol.Value(o.Op), path: "null", from: protocol.Value(o.From), value: protocol.Value(o.Value), none: o.Value == nil}
		if o.Path != nil {
			p.path = *o.Path
			for _, part := range strings.Split(strings.TrimPrefix(*o.Path, "/"), "/") {
				p.parts = append(p.parts, strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~"))
			}
		}
		out[i] = p
	}
	return out
}

func bad(message string) error { return &BadRequestException{Message: message} }

func badPath(p patch) error { return bad("Invalid patch path " + p.path) }

// replaceOnly refuses operations other than replace, as most members have it.
func replaceOnly(p patch) error {
	if p.op != "replace" {
		return bad("Invalid patch operation specified. Must be one of: [replace]")
	}
	return nil
}

// only refuses what is not a replace of one of the paths, in the words of models and request validators.
func only(p patch, paths ...string) error {
	where := "Invalid patch path  '" + p.path + "' specified for op '" + p.op + "'. "
	if p.op != "replace" {
		return bad(where + "Please choose supported operations")
	}
	for _, path := range paths {
		if path == p.path {
			return nil
		}
	}
	return bad(where + "Must be one of: [" + strings.Join(paths, ", ") + "]")
}

// text gives the new value of a text that may be away.
func (p patch) text() *string {
	if p.none || p.op == "remove" || p.value == "" {
		return nil
	}
	return &p.value
}

func (p patch) truth() bool { return strings.EqualFold(p.value, "true") }

// patchMap changes one entry of a map. missing is the error for an entry that is not there.
func patchMap[V any](m map[string]V, key string, p patch, v V, missing error) (map[string]V, error) {
	_, there := m[key]
	switch p.op {
	case "remove":
		if !there {
			return m, missing
		}
		delete(m, key)
		if len(m) == 0 {
			return nil, nil
		}
		return m, nil
	case "replace":
		if !there && missing != nil {
			return m, missing
		}
	case "add":
	default:
		return m, bad("Invalid patch operation specified. Must be one of: [add, remove, replace]")
	}
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m, nil
}

// patchList adds to, removes from and replaces in a list of texts.
func patchList(list []string, item string, p patch) []string {
	out := []string{}
	for _, x := range list {
		if x != item {
			out = append(out, x)
		}
	}
	switch p.op {
	case "add":
		out = append(out, item)
	case "replace":
		out = append(out, p.value)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

var (
	noParameter   = &NotFoundException{Message: "Invalid parameter name specified"}
	noContentType = &NotFoundException{Message: "Content-Type specified was not found"}
)
