package logs

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/logs"
)

// door holds what the operations need.
type door struct{ s *logs.Service }

// New gives the operations of CloudWatch Logs over s.
func New(s *logs.Service) Operations {
	d := &door{s}
	var o Operations
	d.groups(&o)
	d.tags(&o)
	d.streams(&o)
	d.events(&o)
	d.filters(&o)
	d.queries(&o)
	d.elsewhere(&o)
	return o
}

// place is the caller's account and region.
func place(ctx context.Context) logs.Place {
	c := protocol.CallOf(ctx)
	return logs.Place{Account: c.Account, Region: c.Region}
}

func answer[O any](out *O, err error) (*O, error) {
	if err != nil {
		return nil, translate(err)
	}
	return out, nil
}

func none[O any](err error) (*O, error) { return answer(new(O), err) }

// translate chooses CloudWatch Logs' error code for a fault.
func translate(err error) error {
	f := fault.Of(err)
	switch {
	case f.Kind == fault.NotFound:
		return &ResourceNotFoundException{Message: f.Detail}
	case f.Kind == fault.Exists:
		return &ResourceAlreadyExistsException{Message: f.Detail}
	case f.Kind == fault.Denied:
		return &AccessDeniedException{Message: f.Detail}
	case f.Kind == fault.Full && f.Noun == "subscription":
		return &LimitExceededException{Message: f.Detail}
	case f.Kind == fault.Invalid && f.Reason == "query":
		return &MalformedQueryException{Message: f.Detail}
	case f.Kind == fault.Invalid:
		return &InvalidParameterException{Message: f.Detail}
	}
	return err
}

func bad(message string) error { return &InvalidParameterException{Message: message} }

// refuse says that an option is known and not built.
func refuse(what string) error {
	return &fault.Error{Kind: fault.Unsupported, Op: "logs", Noun: "option", Name: what, Detail: "Anthill does not implement " + what + " of CloudWatch Logs"}
}

// page cuts a list at the token and after limit items.
func page[T any](all []T, token *string, limit *int32, size int) ([]T, *string, error) {
	from := 0
	if token != nil {
		text, err := base64.RawURLEncoding.DecodeString(*token)
		n, aerr := strconv.Atoi(string(text))
		if err != nil || aerr != nil || n < 0 {
			return nil, nil, bad("The specified nextToken is invalid.")
		}
		from = min(n, len(all))
	}
	if limit != nil {
		size = int(*limit)
	}
	to := min(from+size, len(all))
	var next *string
	if to < len(all) {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to))))
	}
	return append([]T{}, all[from:to]...), next, nil
}

func collect[S, T any](in []S, f func(*S) T) []T {
	out := make([]T, len(in))
	for i := range in {
		out[i] = f(&in[i])
	}
	return out
}

func value(p *string) string { return protocol.Value(p) }

// groupName is the group that an operation names in one of two ways.
func groupName(name, identifier *string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", bad("LogGroupName and LogGroupIdentifier are mutually exclusive parameters")
	case name != nil:
		return *name, nil
	case identifier != nil:
		return *identifier, nil
	default:
		return "", bad("Either logGroupName or logGroupIdentifier is required.")
	}
}

func hasPrefix(prefix *string) func(string) bool {
	return func(s string) bool { return prefix == nil || strings.HasPrefix(s, *prefix) }
}
