package jsonata

import (
	"anthill/value"
)

// Error is a failure to compile or to evaluate an expression.
type Error struct {
	Code     string      // JSONata's code: S… syntax, T… type, D… evaluation, U… limit
	Message  string      // JSONata's text for the code
	Position int         // in the source, in UTF-16 units
	Token    string      // the operator, function or text it is about; may be empty
	Value    value.Value // the offending value; may be Absent
	Value2   value.Value // the other one, where a message names two
	Index    int         // argument number, from 1; 0: not about an argument
}

// Error is the code and the message.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return e.Code + ": " + e.Message
}
