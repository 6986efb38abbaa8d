package interp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"anthill/asl"
	"anthill/uuid"
)

// draws is a stream of random bits that belongs to one event of an execution: the same ones in every replay.
type draws struct {
	seed  [16]byte
	seq   uint64
	what  byte // keeps the streams of one event apart
	count uint64
}

// Kinds of draws.
const (
	drawEvaluation = iota // random functions of the language
	drawToken
	drawMapRun
	drawJitter
)

func (x *Execution) draws(seq uint64, what byte) *draws {
	return &draws{seed: x.seed, seq: seq, what: what}
}

func (d *draws) sum() [32]byte {
	var b [33]byte
	copy(b[:], d.seed[:])
	binary.BigEndian.PutUint64(b[16:], d.seq)
	binary.BigEndian.PutUint64(b[24:], d.count)
	b[32] = d.what
	d.count++
	return sha256.Sum256(b[:])
}

// uint64 is the next 64 bits.
func (d *draws) uint64() uint64 {
	s := d.sum()
	return binary.BigEndian.Uint64(s[:])
}

// bits is the next 128 bits.
func (d *draws) bits() [16]byte {
	s := d.sum()
	return [16]byte(s[:16])
}

// fraction is uniform in [0, 1).
func (d *draws) fraction() float64 { return float64(d.uint64()>>11) / (1 << 53) }

// token makes the token of the task whose *Scheduled event will have position seq.
func (x *Execution) token(seq uint64) string {
	bits := x.draws(seq, drawToken).bits()
	if x.id.Token != nil {
		return x.id.Token(seq, bits)
	}
	return hex.EncodeToString(bits[:])
}

// mapRunARN makes the ARN of the map run whose MapRunStarted event will have position seq.
func (x *Execution) mapRunARN(seq uint64, s *asl.State) string {
	d := x.draws(seq, drawMapRun)
	bits := d.bits()
	if x.id.MapRun != nil {
		return x.id.MapRun(s.Map.Label, bits)
	}
	label := s.Map.Label
	if label == "" {
		label = uuid.Of(d.bits())
	}
	machine := strings.Replace(x.id.StateMachineID, ":stateMachine:", ":mapRun:", 1)
	return machine + "/" + label + ":" + uuid.Of(bits)
}
