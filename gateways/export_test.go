package gateways

import (
	"context"

	"anthill/value"
)

// Route and AnswerOf open the proxy's two parsers to tests.
var (
	Route      = route
	FunctionOf = functionOf
)

// AnswerOf reads a function's return value as the proxy does.
func AnswerOf(payload []byte) (status int, headers map[string][]string, body string, ok bool) {
	a, ok := answerOf(payload)
	if !ok {
		return 0, nil, "", false
	}
	return a.status, a.headers, string(a.body), true
}

// Call calls a stage as a task with parameters does.
func (k *StageCalls) Call(ctx context.Context, parameters value.Value) (output value.Value, body string, err error) {
	return k.call(ctx, parameters)
}
