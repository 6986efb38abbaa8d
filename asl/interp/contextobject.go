package interp

import (
	"time"

	"anthill/asl"
	"anthill/value"
)

// context is the context object of f's state, without what only some fields see (Developer Guide, "Accessing execution
// data from the Context object").
func (f *frame) context(x *Execution) value.Value {
	if !x.given.IsAbsent() {
		return x.given
	}
	if f.around.IsAbsent() {
		members := []value.Member{
			{Key: "Execution", Value: x.execution()},
			{Key: "StateMachine", Value: value.OfObject(
				value.Member{Key: "Id", Value: value.OfString(x.id.StateMachineID)},
				value.Member{Key: "Name", Value: value.OfString(x.id.StateMachineName)})},
			{Key: "State", Value: f.stateContext()},
		}
		if !f.item.IsAbsent() {
			members = append(members, value.Member{Key: "Map", Value: value.OfObject(value.Member{Key: "Item", Value: iterationItem(f.itemIndex, f.item)})})
		}
		for k, v := range x.id.Extra.Members() {
			members = append(members, value.Member{Key: k, Value: v})
		}
		f.around = value.OfObject(members...)
	}
	return f.around
}

// stateContext is "State" of the context object. States that can be retried have a RetryCount.
func (f *frame) stateContext() value.Value {
	s := value.OfObject(
		value.Member{Key: "Name", Value: value.OfString(f.state.Name)},
		value.Member{Key: "EnteredTime", Value: value.OfString(Timestamp(f.enteredAt))})
	switch f.state.Type {
	case asl.Task, asl.Parallel, asl.Map:
		s = s.With("RetryCount", value.OfInt(int64(f.attempt)))
	}
	return s
}

// execution is "Execution" of the context object.
func (x *Execution) execution() value.Value {
	if x.self.IsAbsent() {
		x.self = value.OfObject(
			value.Member{Key: "Id", Value: value.OfString(x.id.ID)},
			value.Member{Key: "Input", Value: x.input},
			value.Member{Key: "StartTime", Value: value.OfString(Timestamp(x.started))},
			value.Member{Key: "Name", Value: value.OfString(x.id.Name)},
			value.Member{Key: "RoleArn", Value: value.OfString(x.id.RoleARN)})
		if x.trace == nil {
			x.self = x.self.With("RedriveCount", value.OfInt(int64(x.redrives)))
		}
	}
	return x.self
}

// Timestamp is t as the context object has it: UTC with milliseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
