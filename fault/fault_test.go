package fault_test

import (
	"errors"
	"io"
	"testing"

	"anthill/fault"
)

func TestInKeepsWhatTheDoorNeeds(t *testing.T) {
	inner := &fault.Error{Kind: fault.NotFound, Op: "functions.Get", Noun: "function", Name: "hello"}
	err := fault.In("workflows.start", inner)
	f := fault.Of(err)
	if f.Kind != fault.NotFound || f.Noun != "function" || f.Name != "hello" || f.Op != "workflows.start" {
		t.Errorf("In lost a part: %+v", f)
	}
	if !fault.Is(err, fault.NotFound) || fault.Is(err, fault.Exists) {
		t.Error("Is does not see the kind")
	}
}

func TestAForeignErrorIsInternal(t *testing.T) {
	err := fault.In("store.Get", io.ErrUnexpectedEOF)
	if !fault.Is(err, fault.Internal) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if fault.In("x", nil) != nil {
		t.Error("nil must stay nil")
	}
}
