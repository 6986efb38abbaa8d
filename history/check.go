package history

import (
	"fmt"

	"anthill/internal/disk"
)

// Census is what an examination found of a database's streams.
type Census struct {
	Streams, Events int // that can be read
	Findings        []disk.Finding
}

// Check reads every record that can be read: its checksum, and whether positions have holes. A stream may begin after
// position 1, when its beginning was forgotten on purpose.
func Check(x *disk.Examination) (c Census) {
	var stream Stream
	var next uint64
	lost := func(s Stream, format string, args ...any) {
		c.Findings = append(c.Findings, disk.Finding{Part: "stream " + string(s), Lost: true, Text: fmt.Sprintf(format, args...)})
	}
	for p, err := range x.Readable([]byte{keyspace}, []byte{keyspace + 1}) {
		if err != nil {
			c.Findings = append(c.Findings, disk.Finding{Part: "history", Lost: true, Text: fmt.Sprintf("reading ends after stream %s: %v", stream, err)})
			break
		}
		if len(p.Key) < 11 {
			lost(Stream(p.Key), "a key that is no record's")
			continue
		}
		s, first := streamOf(p.Key), positionOf(p.Key)
		if s != stream {
			stream, next = s, first
			c.Streams++
		}
		if first != next {
			lost(s, "events %d to %d are missing", next, first-1)
		}
		events, err := decodeRecord(p.Key, p.Value)
		if err != nil {
			lost(s, "the record at position %d is damaged: %v", first, err)
			next = first + 1
			continue
		}
		c.Events += len(events)
		next = first + uint64(len(events))
	}
	return c
}
