package interp

// redrive starts an execution again that did not succeed (RedriveExecution): what succeeded stays, each flow that
// failed or was cut off enters its last state anew.
func (x *Execution) redrive() {
	if x.status < Failed {
		return
	}
	x.emit(Event{Type: ExecutionRedriven, Index: x.redrives + 1})
}

func (x *Execution) applyRedriven(e *Event) {
}
