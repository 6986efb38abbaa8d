package jsonata

import (
	"time"

	"anthill/value"
)

// Expr is a compiled expression. It is immutable and safe for use by many goroutines.
type Expr struct {
	source    string
	body      code
	root      *scope
	functions map[string]val
	refs      []Reference
	reads     []string
	states    bool // the dialect is that of Step Functions
}

// Env is what an evaluation may see.
type Env struct {
	Input    value.Value                           // the document: $ and $$ at the top. Absent: undefined
	Bindings map[string]value.Value                // variables, without their $
	Lookup   func(name string) (value.Value, bool) // asked for variables that Bindings does not have; may be nil
	Now      time.Time                             // $now and $millis; the same instant for the whole evaluation
	Random   func() uint64                         // uniform bits for $random, $shuffle and $uuid; nil: a fixed sequence
	Data     bool                                  // a result that is a function is an *Error without a code, not ""
	Limits   Limits
}

// Limits bound one evaluation. A zero field means its default.
type Limits struct {
	Steps int // calls and iterations; default 2,000,000
	Depth int // values in values, and calls by built-in functions; default 1,000
	// Levels is how deep expressions nest, calls included; tail calls do not. Default 1,000, of Step Functions' dialect 100.
	Levels int
	Bytes  int // memory built, whether or not it is still in use; default 256 MiB
}

// Reference is one mention of a free variable: $states.input.x is {Name: "states", Path: ["input", "x"]}.
type Reference struct {
	Name     string   // without the $
	Path     []string // the field names that follow it directly
	Position int      // of the variable's end in the source, in UTF-16 units, as JSONata counts
}

// Compile compiles an expression of JSONata 2.0.6. The error is an *Error.
func Compile(expr string) (*Expr, error) { return compile(expr, standardFunctions, false) }

// CompileStates compiles an expression in the dialect of Step Functions. The error is an *Error.
//
// See AWS, Step Functions Developer Guide, "Transforming data with JSONata".
func CompileStates(expr string) (*Expr, error) { return compile(expr, statesFunctions, true) }

// Source is the text that e was compiled from.
func (e *Expr) Source() string { return e.source }

// References lists every mention of a variable that the expression does not bind itself and that is no built-in
// function, in source order.
func (e *Expr) References() []Reference { return e.refs }

// Variables lists the names of the free variables, each once, in order of first mention, without the $.
func (e *Expr) Variables() []string {
	var names []string
	seen := map[string]bool{}
	for _, r := range e.refs {
		if !seen[r.Name] {
			seen[r.Name] = true
			names = append(names, r.Name)
		}
	}
	return names
}

// TopLevel lists what the expression reads from the document itself, each once: "$$", and at the top "$", "*", "**" and
// bare field names. Step Functions gives them no meaning and refuses them.
func (e *Expr) TopLevel() []string { return e.reads }
