package protocol

import (
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"reflect"
)

// sendEvents ranges over f, an iter.Seq2[*T, error] of a union, and writes each event as one frame of
// application/vnd.amazon.eventstream, flushed at once. An error ends the stream with an exception frame.
func sendEvents(w http.ResponseWriter, m *Model, s *Shape, f reflect.Value) {
	flush := http.NewResponseController(w).Flush
	for event, failure := range f.Seq2() {
		var frame []byte
		if !failure.IsNil() {
			e := m.envelope(failure.Interface().(error))
			frame = appendFrame(nil, [][2]string{{":message-type", "exception"}, {":exception-type", e.code},
				{":content-type", "application/json"}}, append(append([]byte{'{'}, e.extra...), '}'))
		} else {
			frame = eventFrame(m, s, event.Elem())
		}
		if _, err := w.Write(frame); err != nil {
			return
		}
		if flush() != nil || !failure.IsNil() {
			return
		}
	}
}

// eventFrame writes the one member of the union that is set.
func eventFrame(m *Model, union *Shape, v reflect.Value) []byte {
	for i := range union.Members {
		mem, f := &union.Members[i], v.Field(i)
		if f.IsNil() {
			continue
		}
		es := &m.Shapes[mem.Shape]
		headers := [][2]string{{":message-type", "event"}, {":event-type", mem.Name}}
		for j := range es.Members { // a member that is the frame's whole payload
			ms := &m.Shapes[es.Members[j].Shape]
			if ms.Kind == Blob && len(es.Members) == 1 {
				headers = append(headers, [2]string{":content-type", "application/octet-stream"})
				return appendFrame(nil, headers, f.Elem().Field(j).Bytes())
			}
		}
		headers = append(headers, [2]string{":content-type", "application/json"})
		return appendFrame(nil, headers, appendJSON(nil, m, mem.Shape, f))
	}
	return appendFrame(nil, [][2]string{{":message-type", "event"}}, nil)
}

// appendFrame writes one message: total length, headers' length, CRC of both, headers of type string, payload, CRC of
// all, as the event stream encoding of AWS's Smithy specification has it.
func appendFrame(b []byte, headers [][2]string, payload []byte) []byte {
	start := len(b)
	var hs []byte
	for _, h := range headers {
		hs = append(append(hs, byte(len(h[0]))), h[0]...)
		hs = append(binary.BigEndian.AppendUint16(append(hs, 7), uint16(len(h[1]))), h[1]...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(16+len(hs)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(hs)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
	b = append(append(b, hs...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}
