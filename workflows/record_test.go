package workflows

import (
	"testing"

	"anthill/asl/interp"
	"anthill/sandbox"
)

func TestTracesAreReadAsTheyWereWritten(t *testing.T) {
	task := &Task{RunTask: &interp.RunTask{Task: 300, State: "Größe"}, RequestID: "6a8d8828-e5e6-4b5f-bac1-0e458245a9f7"}
	want := TaskTrace{Task: 300, State: "Größe", RequestID: task.RequestID, Start: "warm", Queued: 1795401598246951512, Sent: 1795401598246956952,
		Entered: 1795401598247081384, Received: 1795401598247178555}
	new := encodeTrace(task, sandbox.Warm, &sandbox.Phases{Queued: want.Queued, Sent: want.Sent, Entered: want.Entered, Received: want.Received})
	old := []byte(`T{"t":300,"s":"Größe","r":"6a8d8828-e5e6-4b5f-bac1-0e458245a9f7","k":"warm","p":{"Arrived":0,"Queued":1795401598246951512,"Sent":1795401598246956952,"Entered":1795401598247081384,"Returned":0,"Received":1795401598247178555,"Deadline":0}}`)
	for _, record := range [][]byte{new, old} {
		if got, ok := traceOf(record); !ok || got != want {
			t.Errorf("%q: %+v, %v", record, got, ok)
		}
	}
	for n := 1; n < len(new); n++ {
		if got, ok := traceOf(new[:n]); ok {
			t.Errorf("cut after %d bytes it is read as %+v", n, got)
		}
	}
}
