package process

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"anthill/sandbox"
)

// pair is a data socket and its far end.
func pair(t *testing.T) (*conn, net.Conn) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "end")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	c := newConn(ends[0].(*net.UnixConn), 0, newPrompts())
	t.Cleanup(func() {
		c.Close()
		ends[1].Close()
	})
	return c, ends[1]
}

func response(number uint64, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(9+24+len(payload)))
	b = binary.BigEndian.AppendUint64(append(b, frameResponse), number)
	return append(append(b, make([]byte, 24)...), payload...)
}

// call sends an invocation, has the far end answer it, and gives the answer and whether it was waited for promptly.
func call(t *testing.T, c *conn, far net.Conn, number uint64, event, answer []byte, took time.Duration) (frame, bool) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		head := make([]byte, 4)
		_, err := io.ReadFull(far, head)
		if err == nil {
			_, err = io.CopyN(io.Discard, far, int64(binary.BigEndian.Uint32(head)))
		}
		if err == nil {
			_, err = far.Write(response(number, answer))
		}
		done <- err
	}()
	if err := c.invoke(number, &sandbox.Invocation{Payload: event}, time.Now().Add(time.Minute), frameInvoke); err != nil {
		t.Fatal(err)
	}
	f, err, came := c.soon()
	if !came {
		if err = c.within(time.Now().Add(time.Minute)); err == nil {
			f, err = c.read()
		}
	}
	if err != nil || f.number != number || !bytes.Equal(f.payload[24:], answer) {
		t.Fatalf("answer %d: %d, %d bytes, %v", number, f.number, len(f.payload), err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	c.pace(took, c.sent)
	return f, came
}

func TestPromptReader(t *testing.T) {
	c, far := pair(t)
	n := uint64(0)
	quickly := func() {
		n++
		call(t, c, far, n, nil, nil, 0)
	}
	prompt := func() bool { return c.mu.patient == nil }
	hurry := func() { // a far end that is kept waiting for a processor ends it again
		for range 1000 {
			if prompt() {
				return
			}
			c.prompts.stalled.Store(0)
			quickly()
		}
		t.Fatal("patient for good")
	}
	for range soonRow {
		if prompt() {
			t.Fatalf("prompt after %d answers", n)
		}
		n++
		call(t, c, far, n, []byte("{}"), []byte("1"), soon)
	}
	if !prompt() {
		t.Fatal("patient after handlers that did not take long")
	}
	big := bytes.Repeat([]byte("x"), 3<<20)
	for _, size := range []int{2, small - 200, small + 1, len(big)} { // the larger ones need more than the socket holds
		hurry()
		n++
		call(t, c, far, n, big[:size], big[:size], 0)
	}
	hurry()
	n++
	if call(t, c, far, n, nil, nil, soon+1); prompt() {
		t.Fatal("still prompt after a handler that took its time")
	}
	hurry()
	if c.pace(0, c.sent.Add(late+1)); prompt() {
		t.Fatal("still prompt after an answer that took its time")
	}
	for range lateRow + soonRow - 1 {
		if quickly(); prompt() {
			t.Fatal("prompt soon after an answer that took its time")
		}
	}
	hurry()
}

// A prompt reader that waits in vain becomes patient, and no other is prompt for a while.
func TestPromptReaderWaitsInVain(t *testing.T) {
	c, far := pair(t)
	for n := range uint64(soonRow) { // patient until the last
		call(t, c, far, n, nil, nil, 0)
	}
	if err := c.invoke(7, &sandbox.Invocation{}, time.Now().Add(time.Minute), frameInvoke); err != nil {
		t.Fatal(err)
	}
	if _, _, came := c.soon(); came {
		t.Fatal("a frame from nowhere")
	}
	if c.prompts.stalled.Load() < time.Now().UnixNano() {
		t.Error("others may be prompt at once")
	}
	if err := c.within(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a patient reader: %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	if _, err := far.Write(response(7, []byte("late"))); err != nil {
		t.Fatal(err)
	}
	if f, err := c.read(); err != nil || string(f.payload[24:]) != "late" {
		t.Errorf("what came late: %q, %v", f.payload, err)
	}
}

// What ends the other end is told to a prompt reader as it is to a patient one.
func TestPromptReaderAtTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(c *conn, far net.Conn)
		want error
	}{
		"closed":       {func(_ *conn, far net.Conn) { far.Close() }, io.ErrUnexpectedEOF},
		"closed by us": {func(c *conn, _ net.Conn) { c.Close() }, net.ErrClosed},
		"nonsense":     {func(_ *conn, far net.Conn) { _, _ = far.Write(bytes.Repeat([]byte{0xff}, 64)) }, errFrame},
		"unread": {func(c *conn, far net.Conn) {
			_ = c.invoke(9, &sandbox.Invocation{}, time.Now(), frameInvoke)
			far.Close()
		}, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			conn, far := pair(t)
			for n := range uint64(soonRow) {
				call(t, conn, far, n, nil, nil, 0)
			}
			c.end(conn, far)
			_, err, came := conn.soon()
			if !came {
				if err = conn.within(time.Now().Add(time.Minute)); err == nil {
					_, err = conn.read()
				}
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			_ = conn.Close()
			if err := conn.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("closed twice: %v", err)
			}
		})
	}
}
