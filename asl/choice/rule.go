package choice

import (
	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Rule is a compiled choice rule.
type Rule struct {
}

// Compile reads a choice rule, an item of Choices. It reports all problems at once; a rule with problems must not be
// evaluated. Next, Comment, Assign and Output are the caller's and are passed over at the top.
func Compile(rule value.Value) (*Rule, []failure.Problem) { panic("being built") }

// Variables is the names, without "$", of the workflow variables that the rule mentions, each once.
func (r *Rule) Variables() []string { panic("being built") }

// Eval reports whether the rule holds. The error is a *failure.Failure, States.Runtime, when a path names nothing.
func (r *Rule) Eval(env *jsonpath.Env) (bool, error) { panic("being built") }
