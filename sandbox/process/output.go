package process

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"anthill/sandbox"
)

// maxUnread is how much new output is looked at in one go; of more only the end is kept.
const maxUnread = 4 << 20

// maxRecord bounds one log event, as CloudWatch does (256 KiB).
const maxRecord = 256 << 10

// recordHead is the framing of AWS's log descriptor, big endian: u32 0xA55A0000 and the kind, u32 length, u64 microseconds
// since 1970. What is not framed is split at newlines.
const recordHead = 16

var recordMagic = []byte{0xA5, 0x5A, 0x00}

// output reads what an environment wrote since the last time.
type output struct {
	path   string
	file   *os.File
	fd     int      // its descriptor, which to ask it for is a system call
	mark   *os.File // holds how far it was read
	offset int64    // read so far
	part   []byte
	freed  int64 // of which given back to the disk
}

// read gives the new entries. all says that an unfinished line is to be given too, since its writer has stopped.
func (o *output) read(all bool) []sandbox.Entry {
	if o.file == nil {
		f, err := os.OpenFile(o.path, os.O_RDWR, 0)
		if err != nil {
			return nil // nothing was written yet
		}
		o.file, o.fd = f, int(f.Fd())
	}
	var st unix.Stat_t
	if err := unix.Fstat(o.fd, &st); err != nil {
		return nil
	}
	if st.Size < o.offset { // it was emptied by the supervisor
		o.offset, o.freed, o.part = 0, 0, nil
	}
	if st.Size == o.offset && (!all || len(o.part) == 0) {
		return nil
	}
	now := time.Now()
	var entries []sandbox.Entry
	if skipped := st.Size - o.offset - maxUnread; skipped > 0 {
		o.offset += skipped
		o.part = nil
		entries = append(entries, sandbox.Entry{Time: now, Text: fmt.Sprintf("[%d bytes of output were dropped]\n", skipped)})
	}
	b := o.part
	if n := int(st.Size - o.offset); n > 0 {
		b = append(b, make([]byte, n)...)
		n, _ = o.file.ReadAt(b[len(o.part):], o.offset) // what could not be read comes next time
		b = b[:len(o.part)+n]
		o.offset += int64(n)
	}
	var more []sandbox.Entry
	more, b = split(b, now, all)
	o.part = append([]byte(nil), b...)
	o.keep()
	return append(entries, more...)
}

// keep notes how far the output was read, and gives what was read back to the disk.
func (o *output) keep() {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(o.offset-int64(len(o.part))))
	if o.mark == nil {
		o.mark, _ = os.OpenFile(o.path+".read", os.O_CREATE|os.O_WRONLY, 0o600)
	}
	if o.mark != nil {
		_, _ = o.mark.WriteAt(b[:], 0) // if this fails some lines come twice after a crash
	}
	if o.offset-o.freed > 1<<20 {
		_ = unix.Fallocate(o.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, o.freed, o.offset-o.freed)
		o.freed = o.offset
	}
}

// resume takes up where an earlier platform stopped reading.
func (o *output) resume() {
	if b, err := os.ReadFile(o.path + ".read"); err == nil && len(b) == 8 {
		o.offset = int64(binary.LittleEndian.Uint64(b))
		o.freed = o.offset
	}
}

func (o *output) close() {
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
	if o.mark != nil {
		o.mark.Close()
		o.mark = nil
	}
}

// split cuts output into entries and gives what is unfinished.
func split(b []byte, now time.Time, all bool) ([]sandbox.Entry, []byte) {
	var entries []sandbox.Entry
	raw := func(line []byte) {
		if len(line) > 0 {
			entries = append(entries, sandbox.Entry{Time: now, Text: text(line)})
		}
	}
	for len(b) > 0 {
		if bytes.HasPrefix(b, recordMagic) {
			if len(b) < recordHead {
				break
			}
			length := int(binary.BigEndian.Uint32(b[4:]))
			if length <= maxFrame {
				if len(b) < recordHead+length {
					break
				}
				t := time.UnixMicro(int64(binary.BigEndian.Uint64(b[8:])))
				if length > 0 {
					entries = append(entries, sandbox.Entry{Time: t, Text: text(b[recordHead : recordHead+length])})
				}
				b = b[recordHead+length:]
				continue
			}
		}
		end := bytes.IndexByte(b, '\n') + 1
		line := b[1:]
		if end > 0 {
			line = b[1:end]
		}
		if at := bytes.Index(line, recordMagic) + 1; at > 0 {
			end = at
		}
		if end == 0 {
			if len(b) < maxRecord {
				break
			}
			end = maxRecord
		}
		raw(b[:end])
		b = b[end:]
	}
	if all && len(b) > 0 {
		raw(b)
		b = nil
	}
	return entries, b
}

func text(b []byte) string {
	if len(b) > maxRecord {
		b = b[:maxRecord]
	}
	return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
}
