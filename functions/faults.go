package functions

import (
	"fmt"

	"anthill/fault"
)

// Reasons of this room's faults, for the door to choose AWS's code by.
const (
	ReasonValidation  = "validation"   // the request breaks the model: ValidationException
	ReasonRevision    = "revision"     // a revision id that is not the latest: PreconditionFailedException
	ReasonContent     = "content"      // a payload that is not JSON: InvalidRequestContentException
	ReasonUntyped     = "untyped"      // AWS sends no Type member with it
	ReasonNotReady    = "not-ready"    // the function cannot be invoked in its state
	ReasonSnapshot    = "snapshot"     // its version failed when its snapshot was taken
	ReasonUnrestored  = "unrestored"   // a hook after a restore from its snapshot failed
	ReasonSlowRestore = "slow-restore" // the hooks took too long: SnapStartTimeoutException
	ReasonSigning     = "code-signing" // CodeSigningConfigNotFoundException
	ReasonProvisioned = "provisioned"  // ProvisionedConcurrencyConfigNotFoundException

	ReasonRecursion = "recursion" // RecursiveInvocationException
	ReasonPolicy    = "policy"    // PolicyLengthExceededException
	ReasonUnsigned  = "unsigned"  // CodeVerificationFailedException

	// The reasons of TooManyRequestsException, in AWS's words.
	ReasonReserved = "ReservedFunctionConcurrentInvocationLimitExceeded"
	ReasonAccount  = "ConcurrentInvocationLimitExceeded"
)

const noun = "function"

func notFound(op, name, format string, args ...any) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: noun, Name: name, Detail: fmt.Sprintf(format, args...)}
}

// missing is AWS's refusal of a name that no function has.
func missing(op string, r Ref) error {
	return notFound(op, r.Name, "Function not found: %s", r.ARN())
}

// missingAlias is AWS's refusal of an alias that a function does not have.
func missingAlias(op string, r Ref) error {
	return notFound(op, r.Name, "Cannot find alias arn: %s", r.ARN())
}

// missingResource is what AWS says when a part of a function (a policy, a URL, a layer) is not there.
func missingResource(op, name string) error {
	return notFound(op, name, "The resource you requested does not exist.")
}

func invalid(op, format string, args ...any) error {
	return fault.Invalidf(op, noun, format, args...)
}

// broken is a request that breaks the rules of AWS's model in one place.
func broken(op, value, member, constraint string) error {
	return &fault.Error{Kind: fault.Invalid, Op: op, Noun: noun, Reason: ReasonValidation,
		Detail: fmt.Sprintf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint)}
}

func conflict(op, name, format string, args ...any) error {
	return &fault.Error{Kind: fault.Conflict, Op: op, Noun: noun, Name: name, Detail: fmt.Sprintf(format, args...)}
}

// unsupported refuses what Anthill knows and does not do, when it is asked for and not when it would matter.
func unsupported(op, what string) error {
	return &fault.Error{Kind: fault.Unsupported, Op: op, Noun: noun,
		Detail: what + " is not supported by Anthill; remove it from the request."}
}

func staleRevision(op, name, call string) error {
	return &fault.Error{Kind: fault.Conflict, Op: op, Noun: noun, Name: name, Reason: ReasonRevision,
		Detail: "The Revision Id provided does not match the latest Revision Id. Call the " + call + " API to retrieve the latest Revision Id"}
}
