package history

import (
	"context"
	"iter"

	"anthill/internal/disk"
)

// Stream names one sequence of events: "execution/<account>/<region>/<machine>:<name>", "function/…".
type Stream string

// Durability says when Append returns.
type Durability uint8

const (
	Flushed Durability = iota // once the events would survive a power cut
	Behind                    // at once; they are written soon
)

// Event is one entry of a stream. What the bytes mean is its writer's affair.
type Event struct {
	Pos  uint64 // from 1
	Data []byte
}

// Log is every stream.
type Log struct{}

// Append adds events to the end of s and commits also in the same batch. It returns the position of the last.
func (l *Log) Append(ctx context.Context, s Stream, d Durability, events [][]byte, also ...disk.Write) (last uint64, err error) {
	panic("being built")
}

// Read ranges over the events of s from position from (1 is the first).
func (l *Log) Read(s Stream, from uint64) iter.Seq2[Event, error] { panic("being built") }

// ReadBack ranges over the events of s from the last to the first.
func (l *Log) ReadBack(s Stream) iter.Seq2[Event, error] { panic("being built") }

// Last is the position of the last event of s; 0 when it has none.
func (l *Log) Last(s Stream) uint64 { panic("being built") }

// Streams ranges over the names of the streams that begin with prefix, in order.
func (l *Log) Streams(prefix string) iter.Seq[Stream] { panic("being built") }

// Delete forgets streams.
func (l *Log) Delete(s ...Stream) error { panic("being built") }
