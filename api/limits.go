package api

import (
	"fmt"

	"anthill/api/protocol"
)

// limit is the most bytes of a request's body.
type limit struct {
	bytes int64
	code  string // of the error when it is more
}

// limitOf follows AWS's quotas: Lambda's invocation payload and deployment package over the API, the batch of
// PutLogEvents, a REST API definition; elsewhere what comfortably holds the largest request.
func limitOf(service, op string) limit {
	const mb = 1 << 20
	switch service {
	case "lambda":
		switch op {
		case "Invoke", "InvokeWithResponseStream", "InvokeAsync":
			return limit{6 * mb, "RequestTooLargeException"}
		case "CreateFunction", "UpdateFunctionCode", "PublishLayerVersion":
			return limit{70167211, "RequestEntityTooLargeException"}
		}
		return limit{6 * mb, "RequestEntityTooLargeException"}
	case "sfn":
		return limit{8 * mb, "RequestEntityTooLargeException"} // a definition of 1 MB, or 256 KB of input, with escapes
	case "ecr":
		return limit{30 * mb, "RequestEntityTooLargeException"} // a layer part of 20 MB in base64
	default:
		return limit{12 * mb, "RequestEntityTooLargeException"}
	}
}

func (l limit) err(op string) error {
	if op == "Invoke" {
		op = "InvokeFunction"
	}
	return &protocol.Error{Code: l.code, Status: 413, Message: fmt.Sprintf("Request must be smaller than %d bytes for the %s operation", l.bytes, op)}
}
