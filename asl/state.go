package asl

import (
	"strconv"
	"strings"
	"unicode"

	"anthill/asl/choice"
	"anthill/asl/jsonpath"
	"anthill/value"
)

func itoa(n int) string { return strconv.Itoa(n) }

// identifier reports whether r may stand in a variable's name (Unicode ID_Start, ID_Continue).
func identifier(r rune, first bool) bool {
	if unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || r == '_' {
		return true
	}
	return !first && (unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r) || unicode.Is(unicode.Pc, r))
}

// fields says where a field is allowed: the types of state that may have it (a letter each, as in letters) and whether
// only in one query language. AWS refuses every other field.
//
// Specification, "State types" (the tables of fields) and "Fields for each query language".
var fields = map[string]struct{ types, language string }{
	"InputPath": {"PTCWSLM", "JSONPath"}, "OutputPath": {"PTCWSLM", "JSONPath"},
	"Parameters": {"PTLM", "JSONPath"}, "ResultPath": {"PTLM", "JSONPath"}, "ResultSelector": {"TLM", "JSONPath"},
	"Result": {"P", "JSONPath"}, "Arguments": {"TL", "JSONata"}, "Output": {"PTCWSLM", "JSONata"}, "Assign": {"PTCWLM", ""},
	"Retry": {"TLM", ""}, "Catch": {"TLM", ""}, "Resource": {"T", ""}, "Credentials": {"T", ""},
	"TimeoutSeconds": {"T", ""}, "TimeoutSecondsPath": {"T", "JSONPath"},
	"HeartbeatSeconds": {"T", ""}, "HeartbeatSecondsPath": {"T", "JSONPath"},
	"Choices": {"C", ""}, "Default": {"C", ""},
	"Seconds": {"W", ""}, "SecondsPath": {"W", "JSONPath"}, "Timestamp": {"W", ""}, "TimestampPath": {"W", "JSONPath"},
	"Error": {"F", ""}, "ErrorPath": {"F", "JSONPath"}, "Cause": {"F", ""}, "CausePath": {"F", "JSONPath"},
	"Branches": {"L", ""}, "Iterator": {"M", ""}, "ItemProcessor": {"M", ""}, "ItemSelector": {"M", ""},
	"ItemsPath": {"M", "JSONPath"}, "Items": {"M", "JSONata"},
	"MaxConcurrency": {"M", ""}, "MaxConcurrencyPath": {"M", "JSONPath"}, "Label": {"M", ""},
	"ToleratedFailureCount": {"M", ""}, "ToleratedFailureCountPath": {"M", "JSONPath"},
	"ToleratedFailurePercentage": {"M", ""}, "ToleratedFailurePercentagePath": {"M", "JSONPath"},
	"ItemBatcher": {"M", ""}, "ItemReader": {"M", ""}, "ResultWriter": {"M", ""},
	"Next": {"PTWLM", ""}, "End": {"PTWLM", ""},
	"Type": {"PTCWSFLM", ""}, "Comment": {"PTCWSFLM", ""}, "QueryLanguage": {"PTCWSFLM", ""},
}

// letters stand for the types in the table of fields.
const letters = " PTCWSFLM"

// types gives the types by name.
var types = func() map[string]Type {
	m := map[string]Type{}
	for t := Pass; t <= Map; t++ {
		m[t.String()] = t
	}
	return m
}()

// parseState reads the definition of s.
func (p *parser) parseState(s *State, def value.Value) {
	at := s.Path
	s.JSONata = p.language(def, at, s.JSONata)
	if !p.required(def, at, "Type") {
		return
	}
	t, ok := types[p.oneOf(def, at, "Type", "Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")]
	if !ok {
		return
	}
	s.Type = t
	around := p.state
	p.state = s
	defer func() { p.state = around }()
	p.text1(def, at, "Comment")
	p.allowed(s, def)
	p.transition(s, def)
	p.inputOutput(s, def)
	s.Retry = p.retry(s, def)
	s.Catch = p.catch(s, def)
	switch t {
	case Pass:
		s.Result = def.Get("Result")
		p.staticResult(s)
	case Task:
		s.Task = p.task(s, def)
	case Choice:
		p.choices(s, def)
	case Wait:
		s.Wait = p.wait(s, def)
	case Fail:
		s.Fail = p.failing(s, def)
	case Parallel:
		p.branches(s, def)
	case Map:
		s.Map = p.mapping(s, def)
	}
}

// allowed reports fields that states of this type, or of this query language, do not have. Of a state that may not have
// the language it says it has, AWS does not look at the second.
func (p *parser) allowed(s *State, def value.Value) {
	downgraded := p.machine.JSONata && !s.JSONata
	for key := range def.Members() {
		f := fields[key]
		switch {
		case strings.IndexByte(f.types, letters[s.Type]) < 0:
			p.fail(s.Path, "Field '%s' is not supported", key)
		case !downgraded:
			p.spoken(s.Path, key, f.language, s.JSONata)
		}
	}
}

// spoken reports a field of another query language than its state's.
func (p *parser) spoken(at, field, language string, inJSONata bool) {
	has := "JSONPath"
	if inJSONata {
		has = "JSONata"
	}
	if language != "" && language != has {
		p.fail(at, "The QueryLanguage is set to '%s', but field '%s' is only supported for the '%s' QueryLanguage", has, field, language)
	}
}

// transition reads Next and End. States that have them need exactly one (specification, "Transitions").
func (p *parser) transition(s *State, def value.Value) {
	s.End = p.flag(def, s.Path, "End")
	next := def.Get("Next")
	switch s.Type {
	case Choice, Succeed, Fail:
		s.End = s.Type != Choice
		return
	}
	switch {
	case next.IsAbsent() && !s.End:
		if !p.alone || p.depth > 0 {
			p.fail(s.Path, "This object should have only one of the following fields: [Next, End]")
		}
	case next.IsAbsent():
	case s.End:
		p.fail(s.Path, "There should only be one of the following fields: [Next, End]")
	case next.Kind() != value.String:
		p.fail(s.Path+"/Next", "Expected value of type String")
	default:
		p.links = append(p.links, link{&s.Next, next.Text(), s.Path + "/Next"})
	}
}

// inputOutput reads the fields of input and output processing.
func (p *parser) inputOutput(s *State, def value.Value) {
	s.Assign = p.assign(def, s.Path, "", s.JSONata)
	if s.JSONata {
		s.Arguments = p.expression(def, s.Path, "", "Arguments", true)
		s.Output = p.expression(def, s.Path, "", "Output", true)
		return
	}
	s.InputPath, s.DiscardInput = p.path(def, s.Path, "InputPath")
	s.OutputPath, s.DiscardOutput = p.path(def, s.Path, "OutputPath")
	s.ResultPath, s.DiscardResult = p.ref(def, s.Path, "ResultPath")
	if s.Type != Map {
		s.Parameters = p.expression(def, s.Path, "", "Parameters", false)
	}
	s.ResultSelector = p.expression(def, s.Path, "", "ResultSelector", false)
	for _, field := range []string{"Parameters", "ResultSelector", "ItemSelector"} {
		p.undollared(def.Get(field), s.Path+"/"+field)
	}
	if v := def.Get("ResultSelector"); !v.IsAbsent() && v.Kind() != value.Object {
		p.fail(s.Path+"/ResultSelector", "Expected value of type Object")
	}
}

// choices reads a Choice state.
func (p *parser) choices(s *State, def value.Value) {
	if d := def.Get("Default"); d.Kind() == value.String {
		p.links = append(p.links, link{&s.Default, d.Text(), s.Path + "/Default"})
	} else if !d.IsAbsent() {
		p.fail(s.Path+"/Default", "Expected value of type String")
	}
	list := def.Get("Choices")
	switch {
	case list.IsAbsent():
		p.required(def, s.Path, "Choices")
		return
	case list.Kind() != value.Array:
		p.fail(s.Path+"/Choices", "Expected value of type Array")
		return
	case list.Len() == 0:
		p.fail(s.Path+"/Choices", "Value cannot be empty")
	}
	for i, item := range list.Items() {
		at := s.Path + "/Choices[" + itoa(i) + "]"
		prefix := "Choices[" + itoa(i) + "]/"
		if item.Kind() != value.Object {
			p.fail(at, "Expected value of type Object")
			continue
		}
		c := &ChoiceRule{}
		s.Choices = append(s.Choices, c)
		p.required(item, at, map[bool][]string{true: {"Condition", "Next"}, false: {"Next"}}[s.JSONata]...)
		for key := range item.Members() {
			switch {
			case choice.Knows(key):
				p.spoken(at, key, "JSONPath", s.JSONata)
			case key == "Condition" || key == "Output":
				p.spoken(at, key, "JSONata", s.JSONata)
			case key != "Comment" && key != "Next" && key != "Assign":
				p.fail(at, "Field '%s' is not supported", key)
			}
		}
		if next := item.Get("Next"); next.Kind() == value.String {
			p.links = append(p.links, link{&c.Next, next.Text(), at + "/Next"})
		} else if !next.IsAbsent() {
			p.fail(at+"/Next", "Expected value of type String")
		}
		c.Assign = p.assign(item, at, prefix, s.JSONata)
		if s.JSONata {
			c.Condition = p.expression(item, at, prefix, "Condition", true)
			c.Output = p.expression(item, at, prefix, "Output", true)
			if v := item.Get("Condition"); !v.IsAbsent() && v.Kind() != value.Bool {
				if _, ok := isJSONata(v); !ok {
					p.fail(at+"/Condition", "Expected value of type Boolean")
				}
			}
			continue
		}
		if !item.Get("Condition").IsAbsent() {
			continue
		}
		rule, problems := choice.Compile(item)
		p.adopt(at, problems)
		if problems == nil {
			c.Rule = rule
		}
	}
}

// wait reads a Wait state: exactly one of its four fields (specification, "Wait State").
func (p *parser) wait(s *State, def value.Value) *WaitSpec {
	w := &WaitSpec{Seconds: p.number(def, s.Path, "", "Seconds", s.JSONata, 0, 99999999), Timestamp: p.words(s, def, "Timestamp")}
	if s.JSONata {
		p.exclusive(def, s.Path, true, "Seconds", "Timestamp")
	} else {
		p.exclusive(def, s.Path, true, "SecondsPath", "Seconds", "TimestampPath", "Timestamp")
	}
	if t := w.Timestamp; t != nil && t.Path == nil && t.Expr == nil {
		if _, ok := ParseTimestamp(t.Literal); !ok {
			p.fail(s.Path+"/Timestamp", "String does not match RFC3339 timestamp")
		}
	}
	return w
}

// failing reads a Fail state.
func (p *parser) failing(s *State, def value.Value) *FailSpec {
	for _, f := range []string{"Error", "Cause"} {
		p.exclusive(def, s.Path, false, f, f+"Path")
	}
	return &FailSpec{Error: p.words(s, def, "Error"), Cause: p.words(s, def, "Cause")}
}

// branches reads a Parallel state.
func (p *parser) branches(s *State, def value.Value) {
	list := def.Get("Branches")
	switch {
	case list.IsAbsent():
		p.required(def, s.Path, "Branches")
	case list.Kind() != value.Array:
		p.fail(s.Path+"/Branches", "Expected value of type Array")
	case list.Len() == 0:
		p.fail(s.Path+"/Branches", "Value cannot be empty")
	}
	for i, b := range list.Slice() {
		at := s.Path + "/Branches[" + itoa(i) + "]"
		if b.Kind() != value.Object {
			p.fail(at, "Expected value of type Object")
			continue
		}
		f := &Flow{}
		p.only(b, at, "Comment", "StartAt", "States")
		p.parseFlow(f, b, at, p.machine.JSONata)
		s.Branches = append(s.Branches, f)
	}
}

// words reads a text that may be a literal, have a Path twin in JSONPath, or be a JSONata expression; nil when it is not
// there.
func (p *parser) words(s *State, def value.Value, field string) *Text {
	if v := def.Get(field); !v.IsAbsent() {
		if v.Kind() != value.String {
			p.fail(s.Path+"/"+field, "Expected value of type String")
			return nil
		}
		t := &Text{Field: field, Literal: v.Text()}
		if !s.JSONata && s.Type == Fail {
			p.pathless(v.Text(), s.Path+"/"+field)
		}
		if _, ok := isJSONata(v); ok && s.JSONata {
			t.Expr = p.expression(def, s.Path, "", field, true)
		}
		return t
	}
	v := def.Get(field + "Path")
	if v.IsAbsent() || s.JSONata {
		return nil
	}
	at := s.Path + "/" + field + "Path"
	if v.Kind() != value.String {
		p.fail(at, "Expected value of type String")
		return nil
	}
	t := &Text{Field: field + "Path", Literal: v.Text()}
	if strings.HasPrefix(v.Text(), "States.") && s.Type == Fail {
		t.Expr = p.call(v.Text(), at, field+"Path")
		return t
	}
	path, err := jsonpath.Compile(v.Text())
	if err != nil {
		p.fail(at, "Value must be a valid JSONPath.")
		return nil
	}
	t.Path = path
	return t
}

// number reads a number that may be a literal, have a Path twin in JSONPath, or be a JSONata expression; nil when it is
// not there. prefix is where obj stands in its state.
func (p *parser) number(obj value.Value, at, prefix, field string, inJSONata bool, least, most int64) *Number {
	if v := obj.Get(field); !v.IsAbsent() {
		n := &Number{Field: prefix + field, Literal: v}
		if _, ok := isJSONata(v); ok && inJSONata {
			n.Expr = p.expression(obj, at, prefix, field, true)
			return n
		}
		p.wholeIn(obj, at, field, least, most)
		return n
	}
	if inJSONata {
		return nil
	}
	path, null := p.path(obj, at, field+"Path")
	if null {
		p.fail(at+"/"+field+"Path", "Expected value of type String")
	}
	if path == nil {
		return nil
	}
	return &Number{Field: prefix + field + "Path", Path: path}
}
