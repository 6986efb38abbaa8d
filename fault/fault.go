package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is a class of trouble. It decides what a caller may do next.
type Kind uint8

const (
	Internal    Kind = iota // our own trouble; details belong in the log, not in an answer
	NotFound                // the named thing does not exist
	Exists                  // the named thing exists already
	Invalid                 // the request can never succeed as it is
	Conflict                // not now: the thing is in a state that forbids it
	TooLarge                // over a size limit
	Throttled               // over a rate or concurrency limit
	Unsupported             // known, and not built
	Full                    // the disk, or a quota of things that are kept, is full
	Denied                  // the caller may not
	Canceled                // the caller gave up, or the platform is stopping
	Timeout                 // it took too long
)

var kindNames = [...]string{"internal", "not found", "exists", "invalid", "conflict", "too large", "throttled",
	"unsupported", "full", "denied", "canceled", "timeout"}

// String names the kind in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// Error is trouble of ours, or a request that cannot be served.
type Error struct {
	Kind   Kind
	Op     string // "functions.Get": where it was noticed, outermost first when wrapped
	Noun   string // "function", "state machine": what it is about
	Name   string // which one
	Reason string // a short machine-readable word where one noun has several refusals ("reserved-concurrency"); often empty
	Detail string // a sentence for people; may be AWS's own message
	Err    error  // the cause, may be nil
}

// Error joins the parts that are set.
func (e *Error) Error() string {
	var parts []string
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	what := e.Kind.String()
	if e.Noun != "" {
		what = e.Noun + " " + e.Name + ": " + what
	}
	parts = append(parts, what)
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// In adds an operation to err as it leaves a room. A nil err stays nil; an err that is no fault becomes Internal.
func In(op string, err error) error {
	if err == nil {
		return nil
	}
	f := Of(err)
	return &Error{Kind: f.Kind, Op: op, Noun: f.Noun, Name: f.Name, Reason: f.Reason, Detail: f.Detail, Err: causeOf(f, err)}
}

func causeOf(f *Error, err error) error {
	if errors.Is(err, f) {
		return f.Err
	}
	return err
}

// Of finds the outermost fault in err's chain. It returns an Internal one around err when there is none.
func Of(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Kind: Internal, Err: err}
}

// Is reports whether err holds a fault of kind k.
func Is(err error, k Kind) bool {
	var f *Error
	return errors.As(err, &f) && f.Kind == k
}

// Invalidf makes a fault of kind Invalid about noun, with a formatted detail.
func Invalidf(op, noun, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Op: op, Noun: noun, Detail: fmt.Sprintf(format, args...)}
}
