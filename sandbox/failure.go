package sandbox

import (
	"encoding/json"
	"fmt"
	"time"
)

// fill writes the function's answer, or AWS's error object, into r.
func fill(r *Result, m *member, inv *Invocation, out *Outcome) {
	switch out.Kind {
	case Answered:
		r.Payload = out.Payload
		if len(out.Payload) <= maxResponse {
			return
		}
		r.fail("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse))
	case Failed:
		r.Payload, r.ErrorType, r.FunctionError = out.Payload, out.ErrorType, "Unhandled"
		if text, ok := launchFailure(m, out); ok {
			r.fail(out.ErrorType, "RequestId: "+inv.RequestID+" Error: "+text)
		}
	case Exited:
		r.fail("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: %s", inv.RequestID, exitText(out)))
	case TimedOut:
		r.fail("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds",
			inv.RequestID, m.spec.Timeout.Seconds()))
	}
}

// fail writes an error object with AWS's two keys in AWS's order.
func (r *Result) fail(errorType, message string) {
	r.FunctionError, r.ErrorType = "Unhandled", errorType
	r.Payload, _ = json.Marshal(struct { // two strings always marshal
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{errorType, message})
}

func exitText(out *Outcome) string {
	if out.Exit == "" {
		return "Runtime exited without providing a reason"
	}
	return "Runtime exited with error: " + out.Exit
}

// failureLine is what AWS logs for an invocation that the runtime itself could not report.
func failureLine(m *member, r *Result, out *Outcome) string {
	if text, ok := launchFailure(m, out); ok {
		return fmt.Sprintf("RequestId: %s Error: %s\n%s\n", r.RequestID, text, out.ErrorType)
	}
	switch out.Kind {
	case Exited:
		return fmt.Sprintf("RequestId: %s Error: %s\nRuntime.ExitError\n", r.RequestID, exitText(out))
	case TimedOut:
		if m.json() {
			return ""
		}
		return fmt.Sprintf("%s %s Task timed out after %.2f seconds\n\n",
			time.Unix(0, out.Received).UTC().Format("2006-01-02T15:04:05.000Z"), r.RequestID, m.spec.Timeout.Seconds())
	}
	return ""
}

// launchFailure is why the program of a container image could not be started, which the launcher and not the runtime says.
func launchFailure(m *member, out *Outcome) (text string, ok bool) {
	if m.spec.Image == nil || out.Kind != Failed || out.ErrorType != "Runtime.InvalidEntrypoint" && out.ErrorType != "Runtime.InvalidWorkingDir" {
		return "", false
	}
	var object struct{ ErrorMessage string }
	if err := json.Unmarshal(out.Payload, &object); err != nil {
		return "", false
	}
	return object.ErrorMessage, true
}
