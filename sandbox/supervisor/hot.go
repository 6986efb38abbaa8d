package supervisor

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// A clone shares its template's memory until it writes there, and has no page of a library's file until it reads it: its
// first invocation meets hundreds of faults. Which pages those are the first clone that has served shows; from then on every
// clone has the template make them its own at once, spares long before they are needed.

// span is some pages: the first, how many, and 1 when they are written to.
type span [3]uint64

// Bits of an entry of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst).
const (
	pagePresent = 1 << 63
	pageOfFile  = 1 << 61
	pageAlone   = 1 << 56 // mapped by nobody else: it was written to, where all memory was shared once
)

const (
	maxWritten = 2048 // pages, 8 MB: what uses more has no use for it
	maxRead    = 8192
	maxSpans   = 4000 // that fit into a packet
)

// heed tells c's template which pages invocations touch, once, when c has served one. state is its state page. A spare
// tells them from those that every clone touches before it waits.
func (c *clone) heed(state string) {
	if p, err := ReadPage(state); err != nil || p.Number == 0 || p.State == Running {
		return
	}
	c.t.mu.Lock()
	var waiting int
	if n := len(c.t.mu.spares); n > 0 {
		waiting = c.t.mu.spares[n-1].pid
	}
	known := c.t.mu.hot || c.t.mu.err != nil || waiting <= 0 || c.pid <= 0
	c.t.mu.hot = c.t.mu.hot || !known
	c.t.mu.Unlock()
	if known {
		return
	}
	before, err := touched(waiting)
	if err != nil {
		return // clones do without
	}
	after, err := touched(c.pid)
	if err != nil {
		return
	}
	b, err := json.Marshal(templateMessage{Op: "hot", Pages: spansOf(after, before)})
	if err == nil && len(b) < maxMessage {
		_, _, _ = c.t.conn.WriteMsgUnix(b, nil, nil) // a template that is gone needs it no more
	}
}

// touched are the pages that the process pid has written to since it was forked, in ascending order, with 1 in their last
// bit, and those of files that it has read.
func touched(pid int) ([]uint64, error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	defer maps.Close()
	pages, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return nil, err
	}
	defer pages.Close()
	var all []uint64
	size := uint64(os.Getpagesize())
	buf := make([]byte, 64<<10)
	for s := bufio.NewScanner(maps); s.Scan(); {
		var begin, end uint64
		var mode string
		if _, err := fmt.Sscanf(s.Text(), "%x-%x %s", &begin, &end, &mode); err != nil || mode[0] != 'r' || mode[3] != 'p' {
			continue
		}
		for at := begin / size; at < end/size; {
			n, err := pages.ReadAt(buf[:min(uint64(len(buf)), (end/size-at)*8)], int64(at*8))
			if n < 8 {
				return nil, err
			}
			for i := 0; i+8 <= n; i, at = i+8, at+1 {
				entry := binary.LittleEndian.Uint64(buf[i:])
				switch {
				case entry&pagePresent == 0:
				case mode[1] == 'w' && entry&pageAlone != 0 && entry&pageOfFile == 0:
					all = append(all, at<<1|1)
				case mode[1] != 'w' && entry&pageOfFile != 0:
					all = append(all, at<<1)
				}
			}
		}
	}
	return all, nil
}

// spansOf are the pages of after that are not in before. Gaps between pages that are read are closed.
func spansOf(after, before []uint64) []span {
	const gap = 16
	var spans []span
	var written, read uint64
	for _, p := range after {
		if _, had := slices.BinarySearch(before, p); had {
			continue
		}
		page, kind, near := p>>1, p&1, uint64(1)
		count := &written
		if kind == 0 {
			count, near = &read, gap
		}
		if *count++; written > maxWritten || read > maxRead || len(spans) == maxSpans {
			break
		}
		if n := len(spans); n > 0 && spans[n-1][2] == kind && page < spans[n-1][0]+spans[n-1][1]+near {
			spans[n-1][1] = page + 1 - spans[n-1][0]
			continue
		}
		spans = append(spans, span{page, 1, kind})
	}
	return spans
}
