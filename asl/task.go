package asl

import (
	"fmt"
	"strings"
	"time"

	"anthill/asl/template"
	"anthill/value"
)

// MaxSeconds is the longest timeout, interval and wait of a definition.
const MaxSeconds = 99999999

// task reads a Task state.
func (p *parser) task(s *State, def value.Value) *TaskSpec {
	t := &TaskSpec{
		Timeout:     p.number(def, s.Path, "", "TimeoutSeconds", s.JSONata, 1, MaxSeconds),
		Heartbeat:   p.number(def, s.Path, "", "HeartbeatSeconds", s.JSONata, 1, MaxSeconds),
		Credentials: p.expression(def, s.Path, "", "Credentials", s.JSONata),
	}
	for _, f := range []string{"TimeoutSeconds", "HeartbeatSeconds"} {
		p.exclusive(def, s.Path, false, f, f+"Path")
	}
	if t.Timeout != nil && t.Heartbeat != nil {
		limit, ok1 := t.Timeout.Literal.Int()
		beat, ok2 := t.Heartbeat.Literal.Int()
		if ok1 && ok2 && beat >= limit {
			p.fail(s.Path, "HeartbeatSeconds must be smaller than TimeoutSeconds")
		}
	}
	resource := def.Get("Resource")
	switch {
	case resource.IsAbsent():
		p.required(def, s.Path, "Resource")
		return t
	case resource.Kind() != value.String:
		p.fail(s.Path+"/Resource", "Expected value of type String")
		return t
	}
	t.Resource = p.resource(resource.Text(), s.Path+"/Resource")
	p.demanded(s, t.Resource, def)
	return t
}

// demanded reports what a call of a service lacks.
func (p *parser) demanded(s *State, r Resource, def value.Value) {
	credentials := def.Get("Credentials")
	switch {
	case r.Kind == Activity && !credentials.IsAbsent():
		p.fail(s.Path+"/Credentials", "The field 'Credentials' is not supported for activities")
	case credentials.Kind() == value.Object && !has(credentials, "RoleArn", s.JSONata):
		p.fail(s.Path+"/Credentials", "The field 'RoleArn' is required but was missing")
	}
	if r.Kind != Service && r.Kind != SDK || !r.known() {
		return
	}
	field := "Parameters"
	if s.JSONata {
		field = "Arguments"
	}
	args := def.Get(field)
	if args.IsAbsent() {
		p.fail(s.Path, "%s field is required for resource ARN: %s", field, r.ARN)
		return
	}
	for _, name := range needed[r.Service+":"+r.Action] {
		if r.Kind == Service && args.Kind() == value.Object && !has(args, name, s.JSONata) {
			p.fail(s.Path+"/"+field, "The field '%s' is required but was missing", name)
		}
	}
}

// has reports whether obj has a field, fixed or computed.
func has(obj value.Value, field string, inJSONata bool) bool {
	return !obj.Get(field).IsAbsent() || !inJSONata && !obj.Get(field+".$").IsAbsent()
}

// resource reads and checks a Task state's Resource.
func (p *parser) resource(text, at string) Resource {
	r, ok := ParseResource(text)
	if !strings.HasPrefix(text, "arn:") {
		p.fail(at, "Value is not a valid resource ARN")
		return r
	}
	if !ok || !r.known() {
		p.fail(at, "The resource provided %s is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.", text)
		return r
	}
	if p.opt.Express && !p.inner {
		switch {
		case r.Kind == Activity:
			p.fail(at, "Express state machine does not support Activity ARN")
		case r.Pattern == WaitForTaskToken:
			p.fail(at, "Express state machine does not support '.waitForTaskToken' service integration ")
		case r.Pattern == Sync && r.Sync2:
			p.fail(at, "Express state machine does not support '.sync:2' service integration ")
		case r.Pattern == Sync:
			p.fail(at, "Express state machine does not support '.sync' service integration ")
		}
	}
	return r
}

// retry reads Retry (specification, "Retrying after error").
func (p *parser) retry(s *State, def value.Value) []*Retrier {
	var out []*Retrier
	for i, item := range p.list(def, s.Path, "Retry") {
		if item.Kind() != value.Object {
			continue
		}
		at := fmt.Sprintf("%s/Retry[%d]", s.Path, i)
		r := &Retrier{Interval: 1, MaxAttempts: 3, BackoffRate: 2}
		out = append(out, r)
		r.Errors = p.errorEquals(item, at, i == def.Get("Retry").Len()-1)
		if n, ok := p.wholeIn(item, at, "IntervalSeconds", 0, MaxSeconds); ok {
			r.Interval = n
		}
		if n, ok := p.wholeIn(item, at, "MaxAttempts", 0, MaxSeconds); ok {
			r.MaxAttempts = n
		}
		if n, ok := p.wholeIn(item, at, "MaxDelaySeconds", 1, 31622400); ok {
			r.MaxDelay = n
			if n <= r.Interval {
				p.fail(at, "MaxDelaySeconds must be greater than IntervalSeconds")
			}
		}
		switch v := item.Get("BackoffRate"); {
		case v.IsAbsent():
		case v.Kind() != value.Number:
			p.fail(at+"/BackoffRate", "Expected value of type Number")
		case v.Float() < 1:
			p.fail(at+"/BackoffRate", "Minimum value is 1.0")
		default:
			r.BackoffRate = v.Float()
		}
		r.FullJitter = p.oneOf(item, at, "JitterStrategy", "NONE", "FULL") == "FULL"
		p.only(item, at, "Comment", "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy")
	}
	return out
}

// catch reads Catch (specification, "Fallback states").
func (p *parser) catch(s *State, def value.Value) []*Catcher {
	var out []*Catcher
	for i, item := range p.list(def, s.Path, "Catch") {
		if item.Kind() != value.Object {
			continue
		}
		at := fmt.Sprintf("%s/Catch[%d]", s.Path, i)
		prefix := fmt.Sprintf("Catch[%d]/", i)
		c := &Catcher{}
		out = append(out, c)
		c.Errors = p.errorEquals(item, at, i == def.Get("Catch").Len()-1)
		if next := item.Get("Next"); next.Kind() == value.String {
			p.links = append(p.links, link{&c.Next, next.Text(), at + "/Next"})
		} else if p.required(item, at, "Next") {
			p.fail(at+"/Next", "Expected value of type String")
		}
		for key := range item.Members() {
			switch key {
			case "ResultPath":
				p.spoken(at, key, "JSONPath", s.JSONata)
			case "Output":
				p.spoken(at, key, "JSONata", s.JSONata)
			case "Assign", "Comment", "ErrorEquals", "Next":
			default:
				p.fail(at, "Field '%s' is not supported", key)
			}
		}
		c.Assign = p.assign(item, at, prefix, s.JSONata)
		if s.JSONata {
			c.Output = p.expression(item, at, prefix, "Output", true)
			continue
		}
		c.ResultPath, c.DiscardResult = p.ref(item, at, "ResultPath")
	}
	return out
}

// list is the objects of an array field; what is none is reported.
func (p *parser) list(def value.Value, at, field string) []value.Value {
	v := def.Get(field)
	if !v.IsAbsent() && v.Kind() != value.Array {
		p.fail(at+"/"+field, "Expected value of type Array")
		return nil
	}
	for i, item := range v.Slice() {
		if item.Kind() != value.Object {
			p.fail(fmt.Sprintf("%s/%s[%d]", at, field, i), "Expected value of type Object")
		}
	}
	return v.Slice()
}

// errorEquals reads ErrorEquals of a retrier or catcher. States.ALL must stand alone, and in the last one; so must
// States.DataLimitExceeded stand in the last but for States.ALL (specification, "Errors").
func (p *parser) errorEquals(item value.Value, at string, last bool) []string {
	if !p.required(item, at, "ErrorEquals") {
		return nil
	}
	list := item.Get("ErrorEquals")
	at += "/ErrorEquals"
	if list.Kind() != value.Array {
		p.fail(at, "Expected value of type Array")
		return nil
	}
	if list.Len() == 0 {
		p.fail(at, "Value cannot be empty")
	}
	var names []string
	for i, v := range list.Slice() {
		if v.Kind() != value.String {
			p.fail(fmt.Sprintf("%s[%d]", at, i), "Expected value of type String")
			continue
		}
		name := v.Text()
		names = append(names, name)
		switch {
		case name == "States.ALL" && (list.Len() > 1 || !last):
			p.fail(at, "States.ALL must appear alone and at end of list")
		case strings.HasPrefix(name, "States.") && !reserved[name]:
			p.warn("INVALID_ERROR_NAME", fmt.Sprintf("%s[%d]", at, i), "No error is called "+name+": names that begin with States. are reserved")
		}
	}
	return names
}

// reserved is the error names that begin with "States." (specification, appendix A, and AWS's page on error handling).
var reserved = map[string]bool{
	"States.ALL": true, "States.BranchFailed": true, "States.DataLimitExceeded": true,
	"States.ExceedToleratedFailureThreshold": true, "States.HeartbeatTimeout": true, "States.Http.Socket": true,
	"States.IntrinsicFailure": true, "States.ItemReaderFailed": true, "States.NoChoiceMatched": true,
	"States.ParameterPathFailure": true, "States.Permissions": true, "States.QueryEvaluationError": true, "States.ReferencePathConflict": true,
	"States.ResultPathMatchFailure": true, "States.ResultWriterFailed": true, "States.Runtime": true,
	"States.TaskFailed": true, "States.Timeout": true,
}

// call compiles an intrinsic function call that stands where a path might.
func (p *parser) call(text, at, field string) *Expression {
	t, problems := template.Compile(value.OfObject(value.Member{Key: field + ".$", Value: value.OfString(text)}))
	p.adopt(at, problems)
	if problems != nil {
		return nil
	}
	return &Expression{Field: field, Template: t, vars: t.Variables()}
}

// ParseTimestamp reads an instant of a Wait state or a Choice rule: RFC 3339 with a capital T and Z (specification,
// "Timestamps").
func ParseTimestamp(text string) (time.Time, bool) {
	if strings.ContainsAny(text, "tz ,") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}
