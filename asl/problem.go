package asl

import "strings"

// Severity of a Problem.
type Severity uint8

const (
	Error Severity = iota
	Warning
)

// String is the severity as ValidateStateMachineDefinition has it.
func (s Severity) String() string {
	if s == Warning {
		return "WARNING"
	}
	return "ERROR"
}

// SchemaValidationFailed is the code of most problems.
const SchemaValidationFailed = "SCHEMA_VALIDATION_FAILED"

// Problem is one diagnostic of a definition, in the words of ValidateStateMachineDefinition.
type Problem struct {
	Severity Severity
	Code     string // SCHEMA_VALIDATION_FAILED, MISSING_TRANSITION_TARGET, INVALID_JSON_DESCRIPTION, …
	Message  string
	Location string // JSON pointer: "/States/A/Next"; "/" is the definition itself; "" when AWS gives none

	verbatim string // the whole of what CreateStateMachine says of it, when that has a form of its own
}

// Problems is every diagnostic of a definition, in its order.
type Problems []Problem

// Errors is the problems that keep a machine from being created.
func (p Problems) Errors() Problems {
	var out Problems
	for _, x := range p {
		if x.Severity == Error {
			out = append(out, x)
		}
	}
	return out
}

// String is the message of the InvalidDefinition error of CreateStateMachine: "Invalid State Machine Definition:
// 'SCHEMA_VALIDATION_FAILED: … at /States/A, MISSING_TRANSITION_TARGET: …'".
func (p Problems) String() string {
	var b strings.Builder
	b.WriteString("Invalid State Machine Definition: '")
	for i, x := range p.Errors() {
		if x.verbatim != "" {
			return x.verbatim
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(x.Code + ": " + x.Message + " at ")
		if x.Location == "" {
			b.WriteString("null") // as AWS has it
		}
		b.WriteString(x.Location)
	}
	b.WriteString("'")
	return b.String()
}
