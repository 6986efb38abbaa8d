package interp

import (
	"encoding/binary"
	"fmt"
	"time"

	"anthill/value"
)

// Layout of an encoded event, version 1. All numbers are varints, texts have their length in front.
//
//	version  byte    1
//	type     byte    Type
//	fields   uvarint a bit for each optional field that follows, from has… below
//	seq      uvarint
//	time     varint  nanoseconds since 1970
//	frame    uvarint
//	…        the fields, in the order of their bits; a payload is a byte (1: compact) and its text as it was written
//
// These constants are part of the format and must not change.
const encodingVersion = 1

const (
	hasID = 1 << iota
	hasPrev
	hasName
	hasPayload
	hasError
	hasCause
	hasResource
	hasIndex
	hasAssigned
	hasLocation
	hasTimeout
	hasHeartbeat
	hasCredentials
	hasNext
	hasUntil
	hasToken
	hasCount
)

// Append adds e to b in the form that Decode reads.
func (e *Event) Append(b []byte) []byte {
	var fields uint64
	set := func(bit uint64, present bool) {
		if present {
			fields |= bit
		}
	}
	set(hasID, e.ID != 0)
	set(hasPrev, e.Prev != 0)
	set(hasName, e.Name != "")
	set(hasPayload, !e.Payload.IsAbsent())
	set(hasError, e.Error != "")
	set(hasCause, e.Cause != "")
	set(hasResource, e.Resource != "")
	set(hasIndex, e.Index != 0)
	set(hasAssigned, len(e.Assigned) > 0)
	set(hasLocation, e.Location != "")
	set(hasTimeout, e.Timeout != 0)
	set(hasHeartbeat, e.Heartbeat != 0)
	set(hasCredentials, !e.Credentials.IsAbsent())
	set(hasNext, e.Next != "")
	set(hasUntil, !e.Until.IsZero())
	set(hasToken, e.Token != "")
	set(hasCount, e.Count != 0)

	b = append(b, encodingVersion, byte(e.Type))
	b = binary.AppendUvarint(b, fields)
	b = binary.AppendUvarint(b, e.Seq)
	b = binary.AppendVarint(b, e.Time.UnixNano())
	b = binary.AppendUvarint(b, uint64(e.Frame))
	number := func(bit uint64, n int64) {
		if fields&bit != 0 {
			b = binary.AppendVarint(b, n)
		}
	}
	text := func(bit uint64, s string) {
		if fields&bit != 0 {
			b = appendText(b, s)
		}
	}
	number(hasID, e.ID)
	number(hasPrev, e.Prev)
	text(hasName, e.Name)
	if fields&hasPayload != 0 {
		b = appendValue(b, e.Payload)
	}
	text(hasError, e.Error)
	text(hasCause, e.Cause)
	text(hasResource, e.Resource)
	number(hasIndex, int64(e.Index))
	if fields&hasAssigned != 0 {
		b = binary.AppendUvarint(b, uint64(len(e.Assigned)))
		for _, v := range e.Assigned {
			b = appendValue(appendText(b, v.Name), v.Value)
		}
	}
	text(hasLocation, e.Location)
	number(hasTimeout, e.Timeout)
	number(hasHeartbeat, e.Heartbeat)
	if fields&hasCredentials != 0 {
		b = appendValue(b, e.Credentials)
	}
	text(hasNext, e.Next)
	if fields&hasUntil != 0 {
		b = appendInstant(b, e.Until)
	}
	text(hasToken, e.Token)
	number(hasCount, int64(e.Count))
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendInstant writes seconds and nanoseconds: a Wait may last longer than nanoseconds can count.
func appendInstant(b []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
}

func appendValue(b []byte, v value.Value) []byte {
	compact := byte(0)
	if v.IsCompact() {
		compact = 1
	}
	return appendText(append(b, compact), v.Raw())
}

// Decode reads one event, the whole of b. Payloads are not parsed.
func Decode(b []byte) (Event, error) {
	d := decoder{s: string(b)}
	var e Event
	if version := d.byte(); version != encodingVersion {
		return e, fmt.Errorf("event encoding of version %d", version)
	}
	e.Type = Type(d.byte())
	fields := d.uvarint()
	e.Seq = d.uvarint()
	e.Time = time.Unix(0, d.varint()).UTC()
	e.Frame = uint32(d.uvarint())
	number := func(bit uint64) (n int64) {
		if fields&bit != 0 {
			n = d.varint()
		}
		return n
	}
	text := func(bit uint64) (s string) {
		if fields&bit != 0 {
			s = d.text()
		}
		return s
	}
	e.ID = number(hasID)
	e.Prev = number(hasPrev)
	e.Name = text(hasName)
	if fields&hasPayload != 0 {
		e.Payload = d.value()
	}
	e.Error = text(hasError)
	e.Cause = text(hasCause)
	e.Resource = text(hasResource)
	e.Index = int(number(hasIndex))
	if fields&hasAssigned != 0 {
		n := d.uvarint()
		if n > uint64(len(d.s)) {
			d.bad = true
			n = 0
		}
		e.Assigned = make([]Variable, n)
		for i := range e.Assigned {
			e.Assigned[i] = Variable{d.text(), d.value()}
		}
	}
	e.Location = text(hasLocation)
	e.Timeout = number(hasTimeout)
	e.Heartbeat = number(hasHeartbeat)
	if fields&hasCredentials != 0 {
		e.Credentials = d.value()
	}
	e.Next = text(hasNext)
	if fields&hasUntil != 0 {
		e.Until = time.Unix(d.varint(), int64(d.uvarint())).UTC()
	}
	e.Token = text(hasToken)
	e.Count = int(number(hasCount))
	if d.bad || d.i != len(d.s) || e.Type == 0 || e.Type >= types {
		return e, fmt.Errorf("an event of %d bytes that is none", len(b))
	}
	return e, nil
}

// decoder reads from s; bad is set at the first thing that is not there.
type decoder struct {
	s   string
	i   int
	bad bool
}

func (d *decoder) byte() byte {
	if d.i >= len(d.s) {
		d.bad = true
		return 0
	}
	d.i++
	return d.s[d.i-1]
}

func (d *decoder) uvarint() uint64 {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		c := d.byte()
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	d.bad = true
	return 0
}

func (d *decoder) varint() int64 {
	n := d.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (d *decoder) text() string {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.s)-d.i) {
		d.bad = true
		return ""
	}
	d.i += int(n)
	return d.s[d.i-int(n) : d.i]
}

func (d *decoder) value() value.Value {
	compact := d.byte() == 1
	raw := d.text()
	if d.bad || raw == "" {
		d.bad = true
		return value.Value{}
	}
	return value.Stored(raw, compact)
}
