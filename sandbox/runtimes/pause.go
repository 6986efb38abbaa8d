package runtimes

import (
	"bytes"
	"encoding/binary"
	"runtime"
)

// pauses are programs that wait for good, for the architectures that we know: the loop of one system call.
var pauses = map[string]struct {
	machine uint16 // as in <elf.h>
	code    []byte
}{
	"amd64": {62, []byte{
		0xb8, 34, 0, 0, 0, // mov $34, %eax (pause)
		0x0f, 0x05, //        syscall
		0xeb, 0xf7, //        jmp to the first
	}},
	"arm64": {183, binary.LittleEndian.AppendUint32(bytes.Join([][]byte{
		{0x00, 0x00, 0x80, 0xd2}, // mov x0, #0
		{0x01, 0x00, 0x80, 0xd2}, // mov x1, #0
		{0x02, 0x00, 0x80, 0xd2}, // mov x2, #0
		{0x03, 0x00, 0x80, 0xd2}, // mov x3, #0
		{0x28, 0x09, 0x80, 0xd2}, // mov x8, #73 (ppoll)
		{0x01, 0x00, 0x00, 0xd4}, // svc #0
	}, nil), 0x17fffffa)}, // b to the first
}

// pause is an ELF program without libraries that does nothing until it is killed: the first process of an environment. One
// that started as what it waits for would be a megabyte. nil for an architecture that we do not know.
func pause() []byte {
	p, ok := pauses[runtime.GOARCH]
	if !ok {
		return nil
	}
	const base, header, segment = 0x400000, 64, 56
	start := uint64(header + 2*segment)
	size := start + uint64(len(p.code))
	var b bytes.Buffer
	for _, part := range []any{
		[16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, uint16(2), p.machine, uint32(1), // a program of 64 bits, little endian
		base + start, uint64(header), uint64(0), uint32(0), uint16(header), uint16(segment), uint16(2), [3]uint16{},
		uint32(1), uint32(5), uint64(0), uint64(base), uint64(base), size, size, uint64(0x10000), // PT_LOAD, to read and run
		uint32(0x6474e551), uint32(6), [5]uint64{}, uint64(16), // PT_GNU_STACK, not to run
		p.code,
	} {
		_ = binary.Write(&b, binary.LittleEndian, part) // a buffer takes everything, and all sizes are fixed
	}
	return b.Bytes()
}
