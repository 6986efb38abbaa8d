package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"anthill/fault"
)

// keyspace is the first byte of every key of this room; store has another.
const keyspace = 'h'

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// recordKey is keyspace, stream, 0, position (8 bytes, big endian), so that records sort by stream and position.
func recordKey(s Stream, pos uint64) []byte {
	k := make([]byte, 0, len(s)+10)
	k = append(k, keyspace)
	k = append(k, s...)
	k = append(k, 0)
	return binary.BigEndian.AppendUint64(k, pos)
}

// span is the keys of s: lo <= key < hi.
func span(s Stream) (lo, hi []byte) {
	lo = append(append([]byte{keyspace}, s...), 0)
	hi = append(append([]byte{keyspace}, s...), 1)
	return lo, hi
}

func streamOf(key []byte) Stream {
	body := key[1:]
	if i := bytes.IndexByte(body, 0); i >= 0 {
		body = body[:i]
	}
	return Stream(body)
}

func positionOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

func encodeRecord(key []byte, events [][]byte) []byte {
	size := 4 + binary.MaxVarintLen32
	for _, e := range events {
		size += binary.MaxVarintLen32 + len(e)
	}
	r := make([]byte, 4, size)
	r = binary.AppendUvarint(r, uint64(len(events)))
	for _, e := range events {
		r = binary.AppendUvarint(r, uint64(len(e)))
		r = append(r, e...)
	}
	binary.BigEndian.PutUint32(r, checksum(key, r[4:]))
	return r
}

func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

// decodeRecord gives the events of a record. They share r's bytes.
func decodeRecord(key, r []byte) ([][]byte, error) {
	if len(r) < 5 {
		return nil, errors.New("a record is cut short")
	}
	body := r[4:]
	if binary.BigEndian.Uint32(r) != checksum(key, body) {
		return nil, errors.New("a record's checksum is wrong")
	}
	count, n := binary.Uvarint(body)
	if n <= 0 || count == 0 || count > uint64(len(body)) {
		return nil, errors.New("a record's count is wrong")
	}
	body = body[n:]
	events := make([][]byte, 0, count)
	for range count {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return nil, errors.New("an event is longer than its record")
		}
		events = append(events, body[n:n+int(size):n+int(size)])
		body = body[n+int(size):]
	}
	if len(body) != 0 {
		return nil, errors.New("a record has bytes after its last event")
	}
	return events, nil
}

func damaged(s Stream, pos uint64, err error) error {
	return &fault.Error{Kind: fault.Internal, Noun: "stream", Name: string(s), Reason: "damaged",
		Detail: fmt.Sprintf("the record at position %d is damaged", pos), Err: err}
}
