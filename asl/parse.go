package asl

import "strings"

// Severity of a Problem.
type Severity uint8

const (
	Error Severity = iota
	Warning
)

// Problem is one diagnostic of a definition, in the words of ValidateStateMachineDefinition.
type Problem struct {
	Severity Severity
	Code     string // SCHEMA_VALIDATION_FAILED, MISSING_TRANSITION_TARGET, INVALID_JSON_DESCRIPTION, …
	Message  string
	Location string // JSON pointer: "/States/A/Next"; "" when AWS gives none
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

// String is the message of the InvalidDefinition error of CreateStateMachine without its "Invalid State Machine
// Definition: " in front: "'SCHEMA_VALIDATION_FAILED: … at /States/A', '…'".
func (p Problems) String() string {
	var b strings.Builder
	for i, x := range p.Errors() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("'" + x.Code + ": " + x.Message)
		if x.Location != "" {
			b.WriteString(" at " + x.Location)
		}
		b.WriteString("'")
	}
	return b.String()
}

// Options say what Parse may accept.
type Options struct {
	Express bool // the machine is of type EXPRESS, which knows no .sync, .waitForTaskToken, activities or distributed Maps
}

// Parse reads a definition. It gives a Machine unless there are problems of severity Error.
func Parse(text string, opt Options) (*Machine, Problems) { panic("being built") }

// VariableReferences lists, for each state that mentions any, the workflow variables it mentions: DescribeStateMachine's
// variableReferences. Keys are state names, in the order of the definition.
func (m *Machine) VariableReferences() []StateVariables { panic("being built") }

// StateVariables is the variables that one state mentions, without their $.
type StateVariables struct {
	State     string
	Variables []string
}
