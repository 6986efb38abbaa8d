package supervisor

import (
	"encoding/binary"
	"os"
	"time"
)

// State is what an environment's state page says: its runtime writes it, so that everybody knows what it is doing while a
// single-threaded handler has no time to say it.
type State uint32

// The states of a runtime.
const (
	Starting State = iota
	Idle
	Running // the page names the invocation
	Kept    // its outcome is kept
)

// Page is the content of a state page. Little endian: u32 state, u32 padding, u64 number, u64 received (ns since 1970),
// u64 deadline (ms since 1970), u16 length, request id.
type Page struct {
	State     State
	Number    uint64
	Received  int64
	Deadline  time.Time
	RequestID string
}

// PageSize is the length of a state page's file.
const PageSize = 4096

// ReadPage reads a state page. A page that was never written is Starting. The runtime belongs to its user: what the page
// says is believed only about itself.
func ReadPage(path string) (Page, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Page{}, err
	}
	return parsePage(b), nil
}

func parsePage(b []byte) Page {
	if len(b) < 34 {
		return Page{}
	}
	p := Page{State: State(binary.LittleEndian.Uint32(b)), Number: binary.LittleEndian.Uint64(b[8:]),
		Received: int64(binary.LittleEndian.Uint64(b[16:]))}
	if ms := int64(binary.LittleEndian.Uint64(b[24:])); ms > 0 {
		p.Deadline = time.UnixMilli(ms)
	}
	if n := int(binary.LittleEndian.Uint16(b[32:])); n <= 128 && 34+n <= len(b) {
		p.RequestID = string(b[34 : 34+n])
	}
	return p
}
