package asl

import (
	"fmt"
	"slices"
	"strings"

	"anthill/asl/failure"
	"anthill/asl/jsonpath"
	"anthill/value"
)

// MaxDefinition is how many bytes a definition may have (CreateStateMachine, definition).
const MaxDefinition = 1 << 20

// maxNesting is how deep flows may be nested in each other.
const maxNesting = 100

// Options say what Parse may accept.
type Options struct {
	Express bool // the machine is of type EXPRESS, which knows no .sync, .waitForTaskToken, activities or distributed Maps
}

// Parse reads a definition. It gives a Machine unless there are problems of severity Error.
func Parse(text string, opt Options) (*Machine, Problems) {
	def, problems := readJSON(text)
	if problems != nil {
		return nil, problems
	}
	def = def.Compact()
	p := &parser{opt: opt, text: text, machine: &Machine{definition: def}, names: map[string]bool{}, labels: map[string]bool{}}
	p.parseMachine(def)
	if len(p.problems.Errors()) > 0 {
		return nil, p.problems
	}
	return p.machine, p.problems
}

// ParseState reads the definition of one state by itself, as TestState takes it. Transitions may name any state. name is
// what the state is called.
func ParseState(text, name string, opt Options) (*Machine, Problems) {
	def, problems := readJSON(text)
	if problems != nil {
		return nil, problems
	}
	def = def.Compact()
	p := &parser{opt: opt, text: text, machine: &Machine{definition: def}, names: map[string]bool{}, labels: map[string]bool{}, alone: true}
	if def.Kind() != value.Object {
		p.fail("", "Expected value of type Object")
		return nil, p.problems
	}
	s := p.newState(name, "")
	p.machine.JSONata = p.language(def, "", false)
	p.parseState(s, def)
	p.machine.Flow = Flow{StartAt: s, States: map[string]*State{name: s}, Order: []*State{s}}
	p.link(&p.machine.Flow)
	if len(p.problems.Errors()) > 0 {
		return nil, p.problems
	}
	return p.machine, p.problems
}

// parser gathers the machine and everything that is wrong with it.
type parser struct {
	opt      Options
	text     string
	machine  *Machine
	problems Problems
	names    map[string]bool // of all states: unique in the whole machine (specification, "States")
	labels   map[string]bool // of distributed Maps
	links    []link          // of the flow being read
	depth    int
	state    *State // whose fields are being read
	sees     string // of $states, besides input and context: "result", "errorOutput" or nothing
	inner    bool   // inside of a distributed Map's processor, whose child executions are of their own type
	alone    bool   // a state by itself: transitions lead anywhere
}

// link is a transition whose target is looked up when its flow is complete.
type link struct {
	to   **State
	name string
	at   string
}

func (p *parser) fail(at, format string, args ...any) {
	p.report(SchemaValidationFailed, at, fmt.Sprintf(format, args...))
}

func (p *parser) report(code, at, message string) {
	p.problems = append(p.problems, Problem{Severity: Error, Code: code, Message: message, Location: location(at)})
}

func (p *parser) warn(code, at, message string) {
	p.problems = append(p.problems, Problem{Severity: Warning, Code: code, Message: message, Location: location(at)})
}

// location is at as AWS writes it: the definition itself is "/".
func location(at string) string {
	if at == "" {
		return "/"
	}
	return at
}

// adopt takes over the problems of a part that was compiled elsewhere; at is where the part stands.
func (p *parser) adopt(at string, problems []failure.Problem) {
	for _, x := range problems {
		code := x.Code
		if code == "" {
			code = SchemaValidationFailed
		}
		p.report(code, at+x.At, x.Message)
	}
}

func (p *parser) parseMachine(def value.Value) {
	if def.Kind() != value.Object {
		p.fail("", "Expected value of type Object")
		return
	}
	m := p.machine
	m.JSONata = p.language(def, "", false)
	m.Comment = p.text1(def, "", "Comment")
	p.oneOf(def, "", "Version", "1.0")
	if n, ok := p.wholeIn(def, "", "TimeoutSeconds", 0, MaxSeconds); ok {
		m.Timeout = n
	}
	p.only(def, "", "Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version")
	p.parseFlow(&m.Flow, def, "", m.JSONata)
}

// language reads QueryLanguage of a machine or a state; outer is the machine's. AWS takes everything but JSONPath for
// JSONata, wrong values included.
func (p *parser) language(obj value.Value, at string, outer bool) bool {
	v := obj.Get("QueryLanguage")
	if v.IsAbsent() {
		return outer
	}
	p.oneOf(obj, at, "QueryLanguage", "JSONPath", "JSONata")
	if outer && v.Text() == "JSONPath" {
		p.fail(at, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
	}
	return v.Text() != "JSONPath"
}

// oneOf is a field that must be one of some texts when it is there; else it is "".
func (p *parser) oneOf(obj value.Value, at, field string, texts ...string) string {
	v := obj.Get(field)
	switch {
	case v.IsAbsent():
	case v.Kind() != value.String:
		p.fail(at+"/"+field, "Expected value of type [STRING]")
	case !slices.Contains(texts, v.Text()):
		p.fail(at+"/"+field, "Value should be one of the following: [%s]", strings.Join(texts, ", "))
	default:
		return v.Text()
	}
	return ""
}

// only reports the fields of obj that it must not have.
func (p *parser) only(obj value.Value, at string, fields ...string) {
	for key := range obj.Members() {
		if !slices.Contains(fields, key) {
			p.fail(at, "Field '%s' is not supported", key)
		}
	}
}

// exclusive reports fields of obj of which there must be at most one; needed says that there must be one.
func (p *parser) exclusive(obj value.Value, at string, needed bool, fields ...string) {
	given := 0
	for _, f := range fields {
		if !obj.Get(f).IsAbsent() {
			given++
		}
	}
	switch {
	case given > 1:
		p.fail(at, "There should only be one of the following fields: [%s]", strings.Join(fields, ", "))
	case given == 0 && needed:
		p.fail(at, "This object should have only one of the following fields: [%s]", strings.Join(fields, ", "))
	}
}

// parseFlow reads StartAt and States of obj.
func (p *parser) parseFlow(f *Flow, obj value.Value, at string, jsonata bool) {
	if p.depth++; p.depth > maxNesting {
		p.report("TOO_DEEPLY_NESTED", at, "The states are too deeply nested.")
		return
	}
	defer func() { p.depth-- }()
	outer, before := p.links, len(p.problems)
	p.links = nil
	defer func() { p.links = outer }()

	states, start := obj.Get("States"), obj.Get("StartAt")
	p.required(obj, at, "States", "StartAt")
	f.States = map[string]*State{}
	if !states.IsAbsent() && states.Kind() != value.Object {
		p.fail(at+"/States", "Expected value of type Object")
	}
	if !start.IsAbsent() && start.Kind() != value.String {
		p.fail(at+"/StartAt", "Expected value of type String")
	}
	for name, def := range states.Members() {
		if def.Kind() == value.String {
			continue // AWS takes an entry that is a text for a comment
		}
		where := at + "/States/" + name
		if def.Kind() != value.Object {
			p.fail(where, "Expected value of type Object")
			continue
		}
		p.stateName(name, where)
		s := p.newState(name, where)
		s.JSONata = jsonata
		f.States[name] = s
		f.Order = append(f.Order, s)
		p.parseState(s, def)
	}
	if states.Kind() == value.Object && len(f.Order) == 0 {
		p.fail(at+"/States", "Value cannot be empty")
	}
	if start.Kind() == value.String {
		p.links = append(p.links, link{&f.StartAt, start.Text(), at + "/StartAt"})
	}
	p.link(f)
	if start.Kind() == value.String && len(f.Order) > 0 {
		p.reach(f, p.problems[before:])
	}
}

// stateName checks a name (specification, "States": at most 80 characters, unique in the machine).
func (p *parser) stateName(name, at string) {
	switch {
	case len([]rune(name)) > 80:
		p.report("INVALID_STATE_NAME", at, fmt.Sprintf("Invalid State name: The state name '%s' exceeds the 80-character limit allowed by the service", name))
	case p.names[name]:
		p.report("DUPLICATE_STATE_NAME", at, fmt.Sprintf("Duplicate State name: %s", name))
	}
	p.names[name] = true
}

func (p *parser) newState(name, at string) *State {
	s := &State{Name: name, Path: at}
	p.machine.states = append(p.machine.states, s)
	return s
}

// link finds the targets of the transitions of f.
func (p *parser) link(f *Flow) {
	for _, l := range p.links {
		target, ok := f.States[l.name]
		if !ok && p.alone && p.depth == 0 {
			target, ok = &State{Name: l.name, Type: Succeed}, true
			f.States[l.name] = target
		}
		if !ok {
			p.report("MISSING_TRANSITION_TARGET", l.at, "Missing 'Next' target: "+l.name)
			continue
		}
		*l.to = target
	}
}

// reach reports a flow in which no state is terminal, else the states of f that no transition leads to. What is wrong
// with a state (found) may be why it is not terminal.
func (p *parser) reach(f *Flow, found Problems) {
	schema := func(x Problem) bool { return x.Code == SchemaValidationFailed }
	if !slices.ContainsFunc(f.Order, (*State).ends) && !slices.ContainsFunc(found, schema) {
		p.problems = append(p.problems, Problem{Severity: Error, Code: "MISSING_END_STATE", Message: "Workflow has no terminal state"})
		return
	}
	seen := map[*State]bool{}
	var visit func(s *State)
	visit = func(s *State) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		for _, next := range s.successors() {
			visit(next)
		}
	}
	visit(f.StartAt)
	if f.StartAt == nil {
		for _, s := range f.Order { // what StartAt should have named is not known; only what nothing names is unreachable
			for _, next := range s.successors() {
				visit(next)
			}
		}
	}
	for _, s := range f.Order {
		if !seen[s] {
			p.report("MISSING_TRANSITION_TARGET", s.Path, fmt.Sprintf("State \"%s\" is not reachable.", s.Name))
		}
	}
}

// ends reports whether a flow can end with s.
func (s *State) ends() bool {
	switch s.Type {
	case Succeed, Fail, 0:
		return true
	case Choice:
		return false
	}
	return s.End
}

// successors is every state that s may lead to.
func (s *State) successors() []*State {
	out := []*State{s.Next, s.Default}
	for _, c := range s.Catch {
		out = append(out, c.Next)
	}
	for _, c := range s.Choices {
		out = append(out, c.Next)
	}
	return out
}

// required reports the fields that obj should have and has not, in one problem as AWS does.
func (p *parser) required(obj value.Value, at string, fields ...string) bool {
	var missing []string
	for _, f := range fields {
		if obj.Get(f).IsAbsent() {
			missing = append(missing, f)
		}
	}
	if missing != nil {
		p.fail(at, "These fields are required: [%s]", strings.Join(missing, ", "))
	}
	return missing == nil
}

// text1 is a field that must be a string when it is there.
func (p *parser) text1(obj value.Value, at, field string) string {
	v := obj.Get(field)
	if !v.IsAbsent() && v.Kind() != value.String {
		p.fail(at+"/"+field, "Expected value of type String")
	}
	return v.Text()
}

// wholeIn is a field that must be a whole number within bounds when it is there.
func (p *parser) wholeIn(obj value.Value, at, field string, least, most int64) (int64, bool) {
	v := obj.Get(field)
	if v.IsAbsent() {
		return 0, false
	}
	n, ok := v.Int()
	switch {
	case !ok:
		p.fail(at+"/"+field, "Expected value of type Integer")
	case n < least:
		p.fail(at+"/"+field, "Minimum value is %d", least)
	case n > most:
		p.fail(at+"/"+field, "Maximum value is %d", most)
	default:
		return n, true
	}
	return 0, false
}

// flag is a field that must be a boolean when it is there.
func (p *parser) flag(obj value.Value, at, field string) bool {
	v := obj.Get(field)
	if !v.IsAbsent() && v.Kind() != value.Bool {
		p.fail(at+"/"+field, "Expected value of type Boolean")
	}
	return v.Bool()
}

// path is a field that must be a path when it is there; null is said by the second result.
func (p *parser) path(obj value.Value, at, field string) (path *jsonpath.Path, null bool) {
	v := obj.Get(field)
	switch v.Kind() {
	case value.Absent:
		return nil, false
	case value.Null:
		return nil, true
	case value.String:
		path, err := jsonpath.Compile(v.Text())
		if err != nil {
			p.fail(at+"/"+field, "Value must be a valid JSONPath.")
			return nil, false
		}
		return path, false
	}
	p.fail(at+"/"+field, "Expected value of type String")
	return nil, false
}

// ref is a field that must be a reference path when it is there.
func (p *parser) ref(obj value.Value, at, field string) (ref *jsonpath.Ref, null bool) {
	v := obj.Get(field)
	switch v.Kind() {
	case value.Absent:
		return nil, false
	case value.Null:
		return nil, true
	case value.String:
		if !strings.HasPrefix(v.Text(), "$") {
			p.fail(at+"/"+field, "Value must be a valid JSONPath.")
			return nil, false
		}
		ref, err := jsonpath.CompileRef(v.Text())
		if err != nil || ref.Root() != jsonpath.Input { // a result goes into the input
			p.fail(at+"/"+field, "Value is not a Reference Path")
			return nil, false
		}
		return ref, false
	}
	p.fail(at+"/"+field, "Expected value of type String")
	return nil, false
}
