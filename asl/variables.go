package asl

import (
	"slices"

	"anthill/asl/jsonpath"
)

// StateVariables is the variables that one state mentions, without their $, in alphabetical order.
type StateVariables struct {
	State     string
	Variables []string
}

// VariableReferences lists, for each state that mentions any, the workflow variables it mentions, in the order of the
// definition: DescribeStateMachine's variableReferences.
func (m *Machine) VariableReferences() []StateVariables {
	var out []StateVariables
	for _, s := range m.states {
		names := s.variables()
		slices.Sort(names)
		if names = slices.Compact(names); len(names) > 0 {
			out = append(out, StateVariables{s.Name, names})
		}
	}
	return out
}

// variables is every mention of a workflow variable in s itself, not in its branches.
func (s *State) variables() []string {
	var names []string
	path := func(paths ...*jsonpath.Path) {
		for _, p := range paths {
			if p != nil && p.Variable() != "" {
				names = append(names, p.Variable())
			}
		}
	}
	expr := func(list ...*Expression) {
		for _, e := range list {
			if e != nil {
				names = append(names, e.vars...)
			}
		}
	}
	number := func(list ...*Number) {
		for _, n := range list {
			if n != nil {
				path(n.Path)
				expr(n.Expr)
			}
		}
	}
	text := func(list ...*Text) {
		for _, t := range list {
			if t != nil {
				path(t.Path)
				expr(t.Expr)
			}
		}
	}
	path(s.InputPath, s.OutputPath)
	expr(s.Parameters, s.ResultSelector, s.Assign, s.Arguments, s.Output)
	for _, c := range s.Catch {
		expr(c.Assign, c.Output)
	}
	for _, c := range s.Choices {
		if c.Rule != nil {
			names = append(names, c.Rule.Variables()...)
		}
		expr(c.Condition, c.Assign, c.Output)
	}
	if t := s.Task; t != nil {
		number(t.Timeout, t.Heartbeat)
		expr(t.Credentials)
	}
	if w := s.Wait; w != nil {
		number(w.Seconds)
		text(w.Timestamp)
	}
	if f := s.Fail; f != nil {
		text(f.Error, f.Cause)
	}
	if m := s.Map; m != nil {
		path(m.Items)
		expr(m.ItemsExpr, m.Selector)
		number(m.MaxConcurrency, m.ToleratedCount, m.ToleratedShare)
		if m.Batch != nil {
			number(m.Batch.MaxItems, m.Batch.MaxBytes)
			expr(m.Batch.Input)
		}
		if m.Reader != nil {
			number(m.Reader.MaxItems)
			expr(m.Reader.Arguments)
		}
		if m.Writer != nil {
			expr(m.Writer.Arguments)
		}
	}
	return names
}
