package asl

import (
	"anthill/asl/choice"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// Type is one of the eight types of state.
type Type uint8

const (
	Pass Type = iota + 1
	Task
	Choice
	Wait
	Succeed
	Fail
	Parallel
	Map
)

var typeNames = [...]string{"", "Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}

// String is the type as a definition has it.
func (t Type) String() string { return typeNames[t] }

// Machine is a compiled state machine.
type Machine struct {
	Flow
	Comment    string
	Timeout    int64 // seconds; 0 for none
	JSONata    bool  // QueryLanguage of the machine is JSONata
	states     []*State
	definition value.Value
}

// Definition is the text that the machine was parsed from, as JSON.
func (m *Machine) Definition() value.Value { return m.definition }

// All is every state of the machine, those of branches and item processors included, in the order of the definition.
// The caller must not change it.
func (m *Machine) All() []*State { return m.states }

// Flow is a set of states with a first one: the machine's own, a branch of a Parallel state, the processor of a Map.
type Flow struct {
	StartAt *State
	States  map[string]*State
	Order   []*State // in the order of the definition
}

// State is one compiled state. Which fields are set depends on Type; a nil pointer means that the definition does not
// have the field.
type State struct {
	Name    string
	Type    Type
	JSONata bool
	Next    *State // nil when the state ends its flow
	End     bool
	Path    string // JSON pointer to the state in the definition: "/States/A"

	// JSONPath: "Input and Output Processing". A nil path is "$"; the Discard flags stand for null.
	InputPath      *jsonpath.Path
	OutputPath     *jsonpath.Path
	DiscardInput   bool
	DiscardOutput  bool
	Parameters     *Expression // not of a Map: see MapSpec.Selector
	ResultSelector *Expression
	ResultPath     *jsonpath.Ref
	DiscardResult  bool

	// Both languages. In JSONPath an Expression holds a payload template, in JSONata a tree with {% %} strings.
	Assign    *Expression
	Arguments *Expression // JSONata
	Output    *Expression // JSONata

	Retry []*Retrier
	Catch []*Catcher

	Result   value.Value   // Pass in JSONPath; Absent when there is none
	Task     *TaskSpec     // Task
	Choices  []*ChoiceRule // Choice
	Default  *State        // Choice; nil for none
	Wait     *WaitSpec     // Wait
	Fail     *FailSpec     // Fail
	Branches []*Flow       // Parallel
	Map      *MapSpec      // Map
}

// Retrier is one item of Retry (specification, "Retrying after error").
type Retrier struct {
	Errors      []string
	Interval    int64   // seconds; 1 when absent
	MaxAttempts int64   // 3 when absent; 0: never retried
	BackoffRate float64 // 2 when absent
	MaxDelay    int64   // seconds; 0 for no limit
	FullJitter  bool
}

// Catcher is one item of Catch (specification, "Fallback states").
type Catcher struct {
	Errors        []string
	Next          *State
	ResultPath    *jsonpath.Ref // nil is "$"
	DiscardResult bool
	Assign        *Expression
	Output        *Expression // JSONata
}

// ChoiceRule is one item of Choices.
type ChoiceRule struct {
	Rule      *choice.Rule // JSONPath
	Condition *Expression  // JSONata
	Next      *State
	Assign    *Expression
	Output    *Expression // JSONata
}

// TaskSpec is what only Task states have.
type TaskSpec struct {
	Resource    Resource
	Timeout     *Number
	Heartbeat   *Number
	Credentials *Expression // Credentials; an object with RoleArn
}

// WaitSpec says how long a Wait state waits: exactly one field is set.
type WaitSpec struct {
	Seconds   *Number
	Timestamp *Text
}

// FailSpec is the error and cause of a Fail state; nil when the definition has neither the field nor its Path.
type FailSpec struct {
	Error *Text
	Cause *Text
}

// MapSpec is what only Map states have.
type MapSpec struct {
	Items          *jsonpath.Path // ItemsPath of JSONPath; nil is "$"
	ItemsExpr      *Expression    // Items of JSONata
	Selector       *Expression    // ItemSelector, or Parameters of old
	Processor      *Flow
	Distributed    bool
	Express        bool    // ExecutionType of a distributed Map's child executions
	MaxConcurrency *Number // 0 and nil: no limit
	Label          string
	ToleratedCount *Number
	ToleratedShare *Number // percentage
	Batch          *BatchSpec
	Reader         *ReaderSpec
	Writer         *WriterSpec
	child          *Machine
}

// Child is the processor of a distributed Map as a machine of its own, which its child executions run.
func (s *MapSpec) Child() *Machine { return s.child }

// BatchSpec is ItemBatcher.
type BatchSpec struct {
	MaxItems *Number
	MaxBytes *Number
	Input    *Expression // BatchInput
}

// ReaderSpec is ItemReader.
type ReaderSpec struct {
	Resource  Resource
	Arguments *Expression // Parameters or Arguments
	Config    value.Value // ReaderConfig without MaxItems
	MaxItems  *Number
}

// WriterSpec is ResultWriter.
type WriterSpec struct {
	Resource  Resource
	Arguments *Expression
	Config    value.Value
}

// Number is a number of the definition: a literal, a reference path, or a JSONata expression.
type Number struct {
	Field   string // "TimeoutSeconds"; "TimeoutSecondsPath" when it is a path
	Literal value.Value
	Path    *jsonpath.Path
	Expr    *Expression
}

// Text is a string of the definition: a literal, a path or an intrinsic function, or a JSONata expression.
type Text struct {
	Field   string // "Error"; "ErrorPath" when it is a path
	Literal string
	Path    *jsonpath.Path
	Expr    *Expression
}
