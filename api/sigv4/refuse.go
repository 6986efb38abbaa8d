package sigv4

import "anthill/api/protocol"

// refusal makes AWS's errors: services of awsQuery have codes of their own, and awsJson services answer 400 throughout.
type refusal struct{ query, rest bool }

func (r refusal) make(query, other, message string, status int) error {
	code := other
	if r.query {
		code = query
	} else if !r.rest {
		status = 400
	}
	return &protocol.Error{Code: code, Message: message, Status: status}
}

func (r refusal) missing() error {
	if r.query {
		return r.make("MissingAuthenticationToken", "", "Request is missing Authentication Token", 403)
	}
	return r.make("", "MissingAuthenticationTokenException", "Missing Authentication Token", 403)
}

func (r refusal) incomplete(message string) error {
	return r.make("IncompleteSignature", "IncompleteSignatureException", message, 400)
}

func (r refusal) unknownKey() error {
	return r.make("InvalidClientTokenId", "UnrecognizedClientException", "The security token included in the request is invalid.", 403)
}

func (r refusal) expiredToken() error {
	return r.make("ExpiredToken", "ExpiredTokenException", "The security token included in the request is expired", 403)
}

func (r refusal) mismatch(message string) error {
	return r.make("SignatureDoesNotMatch", "InvalidSignatureException", message, 403)
}
