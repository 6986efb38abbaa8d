package asl

import (
	"strings"

	"anthill/value"
)

// looksComputed reports whether a text is probably meant to be a path or an intrinsic function.
func looksComputed(text string) bool {
	return text == "$" || text == "$$" || strings.HasPrefix(text, "$.") || strings.HasPrefix(text, "$$.") || strings.HasPrefix(text, "$[") ||
		strings.HasPrefix(text, "States.") && strings.HasSuffix(text, ")")
}

// undollared warns of fields of a payload template that look computed and whose names do not end in ".$"
// (ValidateStateMachineDefinition, NO_DOLLAR).
func (p *parser) undollared(v value.Value, at string) {
	for i := range v.Len() {
		m := v.At(i)
		if looksComputed(m.Value.Text()) && m.Key != "" && !strings.HasSuffix(m.Key, ".$") {
			p.warn("NO_DOLLAR", at, "No .$ on a field that appears to be a JSONPath or Intrinsic Function: "+m.Key)
		}
		p.undollared(m.Value, at)
	}
}

// staticResult warns of a Pass state's Result that looks computed, which it never is (PASS_RESULT_IS_STATIC).
func (p *parser) staticResult(s *State) {
	var look func(v value.Value) bool
	look = func(v value.Value) bool {
		if looksComputed(v.Text()) {
			return true
		}
		for _, item := range v.Items() {
			if look(item) {
				return true
			}
		}
		return false
	}
	if look(s.Result) {
		p.warn("PASS_RESULT_IS_STATIC", s.Path+"/Result", "Attempt to use a path in the result of a pass state.")
	}
}

// pathless warns of a field that looks like a path and whose name does not end in "Path" (NO_PATH).
func (p *parser) pathless(text, at string) {
	if looksComputed(text) {
		p.warn("NO_PATH", at, "Field value looks like a path, but field name does not end with 'Path'.")
	}
}
