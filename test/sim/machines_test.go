package sim_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// object is a piece of a definition.
type object = map[string]any

// author writes random state machines. Their data is {"n": number, "list": [1,2], "i": which iteration}, and no state
// changes it but through n.
type author struct {
	*rand.Rand
	activity string
	callee   string // a machine that others start, "" for none
	count    int
}

func (a *author) definition() string {
	m := a.flow(2, 1+a.IntN(4))
	if a.IntN(6) == 0 {
		m["TimeoutSeconds"] = 20 + a.IntN(60)
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// flow writes n states in a row, with others beside them, depth deep.
func (a *author) flow(depth, n int) object {
	names := make([]string, n)
	for i := range names {
		a.count++
		names[i] = fmt.Sprint("S", a.count)
	}
	states := object{}
	for i, name := range names {
		next := ""
		if i+1 < n {
			next = names[i+1]
		}
		a.state(states, name, next, depth)
	}
	return object{"StartAt": names[0], "States": states}
}

func (a *author) state(states object, name, next string, depth int) {
	s := object{}
	states[name] = s
	if next == "" {
		s["End"] = true
	} else {
		s["Next"] = next
	}
	k := a.IntN(20)
	if depth == 0 && k >= 15 {
		k = a.IntN(13)
	}
	switch {
	case k < 6:
		a.task(s)
		a.guard(states, s, next)
	case k < 8:
		a.tokenTask(s)
		a.guard(states, s, next)
	case k < 9:
		s["Type"], s["Resource"], s["ResultPath"] = "Task", a.activity, nil
		s["TimeoutSeconds"] = 20 + a.IntN(20)
		if a.IntN(2) == 0 {
			s["HeartbeatSeconds"] = 5
		}
		a.guard(states, s, next)
	case k < 11:
		s["Type"], s["Seconds"] = "Wait", a.IntN(8)
	case k < 13:
		s["Type"] = "Pass"
		if a.IntN(2) == 0 {
			s["Result"], s["ResultPath"] = a.IntN(100), "$.n"
		}
	case k < 15:
		a.choice(states, s, name, next, depth)
	case k < 17:
		s["Type"], s["ResultPath"] = "Parallel", nil
		branches := []any{a.flow(depth-1, 1+a.IntN(2)), a.flow(depth-1, 1+a.IntN(2))}
		if a.IntN(3) == 0 {
			branches = append(branches, a.flow(depth-1, 1))
		}
		s["Branches"] = branches
		a.guard(states, s, next)
	case k < 19 || a.callee == "":
		s["Type"], s["ResultPath"], s["ItemsPath"] = "Map", nil, "$.list"
		s["ItemSelector"] = object{"n.$": "$$.Map.Item.Value", "list": []int{1, 2}, "i.$": "States.Format('{}.{}', $.i, $$.Map.Item.Index)"}
		p := a.flow(depth-1, 1+a.IntN(2))
		if a.IntN(4) == 0 {
			p["ProcessorConfig"] = object{"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
		} else {
			s["MaxConcurrency"] = a.IntN(3)
		}
		s["ItemProcessor"] = p
		a.guard(states, s, next)
	default:
		s["Type"], s["ResultPath"] = "Task", nil
		s["Resource"] = "arn:aws:states:::states:startExecution" + []string{"", ".sync", ".sync:2"}[a.IntN(3)]
		s["Parameters"] = object{"StateMachineArn": a.callee, "Input": object{"n.$": "$.n", "list": []int{3}, "i": ""}}
		a.guard(states, s, next)
	}
}

// key is what a handler writes into its ledger: it names one attempt.
var key = object{"execution.$": "$$.Execution.Id", "redrive.$": "$$.Execution.RedriveCount", "state.$": "$$.State.Name",
	"entered.$": "$$.State.EnteredTime", "retry.$": "$$.State.RetryCount", "i.$": "$.i", "n.$": "$.n"}

func (a *author) task(s object) {
	s["Type"] = "Task"
	if a.IntN(2) == 0 {
		s["Resource"], s["Parameters"] = "arn:aws:lambda:us-east-1:000000000000:function:work", key
	} else {
		s["Resource"] = "arn:aws:states:::lambda:invoke"
		s["Parameters"] = object{"FunctionName": "work", "Payload": key}
	}
	s["ResultPath"] = nil
	if a.IntN(3) == 0 {
		s["TimeoutSeconds"] = 1 + a.IntN(6)
	}
}

func (a *author) tokenTask(s object) {
	payload := object{"token.$": "$$.Task.Token"}
	for k, v := range key {
		payload[k] = v
	}
	s["Type"], s["Resource"], s["ResultPath"] = "Task", "arn:aws:states:::lambda:invoke.waitForTaskToken", nil
	s["Parameters"] = object{"FunctionName": "token", "Payload": payload}
	s["TimeoutSeconds"] = 15 + a.IntN(30)
	if a.IntN(2) == 0 {
		s["HeartbeatSeconds"] = 2 + a.IntN(6)
	}
}

// guard adds Retry and Catch.
func (a *author) guard(states, s object, next string) {
	if a.IntN(2) == 0 {
		r := object{"ErrorEquals": []string{[]string{"States.ALL", "Boom", "States.Timeout", "States.TaskFailed"}[a.IntN(4)]},
			"IntervalSeconds": 1 + a.IntN(3), "MaxAttempts": 1 + a.IntN(3), "BackoffRate": 1 + a.Float64()}
		if a.IntN(3) == 0 {
			r["JitterStrategy"] = "FULL"
		}
		s["Retry"] = []any{r}
	}
	if a.IntN(3) == 0 {
		a.count++
		name := fmt.Sprint("C", a.count)
		to := object{"Type": "Pass"}
		if next == "" || a.IntN(2) == 0 {
			to["End"] = true
		} else {
			to["Next"] = next
		}
		if a.IntN(4) == 0 {
			to = object{"Type": "Fail", "Error": "Given.Up"}
		}
		states[name] = to
		s["Catch"] = []any{object{"ErrorEquals": []string{"States.ALL"}, "ResultPath": nil, "Next": name}}
	}
}

// choice leads to the next state directly or by a way of its own.
func (a *author) choice(states, s object, name, next string, depth int) {
	delete(s, "Next")
	delete(s, "End")
	s["Type"] = "Choice"
	a.count++
	other := fmt.Sprint("O", a.count)
	if next == "" {
		a.count++
		next = fmt.Sprint("E", a.count)
		states[next] = object{"Type": "Succeed"}
	}
	a.state(states, other, next, max(depth-1, 0))
	s["Choices"] = []any{object{"Variable": "$.n", "NumericGreaterThan": a.IntN(6), "Next": other}}
	s["Default"] = next
}
