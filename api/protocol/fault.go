package protocol

// Modeled is an error that a service's model knows. The generated error types implement it.
type Modeled interface {
	error
	Model() (*Model, ShapeID)
	ErrorMessage() string
}

// Error is an error of a service that its model does not list: AWS answers many, ValidationException before all.
type Error struct {
	Code    string // "ValidationException"
	Message string
	Status  int               // HTTP; 0 means 400
	Extra   map[string]string // further members of the envelope
}

// Error joins code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Fail makes an Error with HTTP status 400.
func Fail(code, message string) *Error { return &Error{Code: code, Message: message, Status: 400} }

// Optional is nil for the zero value: a member that AWS leaves out of answers.
func Optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Value is *p, or T's zero value when p is nil.
func Value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
