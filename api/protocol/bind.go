package protocol

import "context"

// Service is a model with the functions that serve it.
type Service struct {
	Model *Model
	Serve []Handler // by index in Model.Operations

	patterns patterns
}

// Handler serves one operation. The zero Handler is an operation that is not built.
type Handler struct {
	newInput func() any
	call     func(ctx context.Context, in any) (any, error)
}

// Built reports whether there is anything behind the operation.
func (h Handler) Built() bool { return h.call != nil }

// Bind makes a Handler of a door's function. A nil function gives the zero Handler.
func Bind[I, O any](f func(context.Context, *I) (*O, error)) Handler {
	if f == nil {
		return Handler{}
	}
	return Handler{
		newInput: func() any { return new(I) },
		call: func(ctx context.Context, in any) (any, error) {
			out, err := f(ctx, in.(*I))
			if err != nil {
				return nil, err
			}
			if out == nil {
				return nil, nil
			}
			return out, nil
		},
	}
}
