package functions

import (
	"testing"
	"time"

	"anthill/sandbox"
)

func TestServedComesBack(t *testing.T) {
	v := Served{RequestID: "r", TraceID: "Root=1", Version: "$LATEST", Qualifier: "prod", Mode: Queued, Start: sandbox.Cold, Method: "plain", Environment: "e",
		LogStream: "s", FunctionError: "Unhandled", ErrorType: "ValueError", MemoryMB: 128, MaxMemoryMB: 40,
		Duration: 3 * time.Millisecond, Billed: 4 * time.Millisecond, InitDuration: time.Second,
		Phases: sandbox.Phases{Arrived: 10, Spawned: 11, Queued: 1, SpawnBegin: 2, InitBegin: 3, InitEnd: 4, Sent: 5, Entered: 6, Returned: 7, Received: 8, Deadline: 9}}
	got, err := decodeServed(v.encode())
	if err != nil || got != v {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Records of before Arrived and Spawned are read still.
func TestServedOfTheFormatBefore(t *testing.T) {
	v := Served{RequestID: "r", Start: sandbox.Warm, Phases: sandbox.Phases{Queued: 1, Received: 8}}
	b := v.encode()
	b = b[:len(b)-16]
	b[0] = served2
	got, err := decodeServed(b)
	if err != nil || got != v {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A damaged record is an error and never a panic.
func FuzzDecodeServed(f *testing.F) {
	v := Served{RequestID: "r", Start: sandbox.Warm}
	f.Add(v.encode())
	f.Add([]byte{servedFormat})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decodeServed(b)
		if err != nil {
			return
		}
		if again, err := decodeServed(v.encode()); err != nil || again != v {
			t.Errorf("%+v comes back as %+v, %v", v, again, err)
		}
	})
}
