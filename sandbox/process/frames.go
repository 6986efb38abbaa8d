package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"anthill/sandbox"
)

// Frames between the platform and a runtime, big endian: u32 length of what follows, u8 type, u64 invocation number,
// payload. Times are nanoseconds since 1970, memory is KiB.
//
//	hello      from the runtime, first on a socket of a later platform: the request id of the outcome it keeps, or nothing
//	initDone   u64 begin, u64 end, u64 memory
//	initError  the same and the error object
//	invoke     u16 length, head (request id, deadline in ms, ARN, trace id, client context, identity; NUL between), event
//	response   u64 entered, u64 returned, u64 memory, result
//	failure    the same three, error type, NUL, error object
//	learned    names of modules that the first invocation imported, a line each; before its outcome
//	piece      u16 length, content type, bytes: a part of an answer that is streamed; the response that ends it is empty
//	untaken    nothing: the runtime ended before it asked for the invocation
//	ack        the kept outcome is not needed any more
const (
	frameHello     = 1
	frameInitDone  = 2
	frameInitError = 3
	frameInvoke    = 4
	frameResponse  = 5
	frameFailure   = 6
	frameAck       = 7
	frameLearned   = 8
	framePiece     = 9
	frameStreamed  = 10 // invoke, whose answer may come in pieces
	frameUntaken   = 11
)

const headSize = 13

// maxFrame bounds what a runtime may send: the largest response and some room for error objects.
const maxFrame = 16 << 20

type frame struct {
	kind    byte
	number  uint64
	payload []byte // valid until the next read, unless it was large
}

var errFrame = errors.New("the runtime sent what is no frame")

// take cuts a whole frame from the buffer. Its payload is the caller's.
func (c *conn) take() (frame, bool, error) {
	if len(c.in) < 4 {
		return frame{}, false, nil
	}
	length := int(binary.BigEndian.Uint32(c.in))
	if length < headSize-4 || length > maxFrame {
		return frame{}, false, errFrame
	}
	end := 4 + length
	if len(c.in) < end {
		if cap(c.in) < end {
			c.grow()
		}
		return frame{}, false, nil
	}
	f := frame{kind: c.in[4], number: binary.BigEndian.Uint64(c.in[5:])}
	if cap(c.in) > 64<<10 && len(c.in) == end { // a large one: give the buffer away instead of copying it
		f.payload = c.in[headSize:end:end]
		c.in = make([]byte, 0, 4096)
		return f, true, nil
	}
	f.payload = append([]byte(nil), c.in[headSize:end]...)
	c.in = append(c.in[:0], c.in[end:]...)
	return f, true, nil
}

// appendInvoke appends the frame of an invocation.
func appendInvoke(b []byte, kind byte, number uint64, inv *sandbox.Invocation, deadline time.Time) ([]byte, error) {
	b = append(b, 0, 0, 0, 0, kind)
	b = binary.BigEndian.AppendUint64(b, number)
	b = append(b, 0, 0)
	b = append(append(b, inv.RequestID...), 0)
	b = append(strconv.AppendInt(b, deadline.UnixMilli(), 10), 0)
	b = append(append(b, inv.InvokedARN...), 0)
	b = append(append(b, inv.TraceID...), 0)
	b = append(append(b, inv.ClientContext...), 0)
	b = append(b, inv.Identity...)
	head := len(b) - headSize - 2
	if head > 0xffff {
		return nil, fmt.Errorf("the head of an invocation holds %d bytes", head)
	}
	binary.BigEndian.PutUint16(b[headSize:], uint16(head))
	if len(inv.Payload) == 0 {
		b = append(b, "{}"...)
	} else {
		b = append(b, inv.Payload...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b, nil
}

// times reads the three numbers at the head of a payload.
func times(payload []byte) (first, second int64, memoryMB int, rest []byte, err error) {
	if len(payload) < 24 {
		return 0, 0, 0, nil, errFrame
	}
	kib := binary.BigEndian.Uint64(payload[16:])
	return int64(binary.BigEndian.Uint64(payload)), int64(binary.BigEndian.Uint64(payload[8:])), int((kib + 1023) / 1024), payload[24:], nil
}
