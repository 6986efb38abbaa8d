package supervisor

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// A clone shares its template's memory until it writes there, and has no page of a library's file until it reads it: its
// first invocation meets hundreds of faults. Which pages those are the first clone that has served shows; from then on spares
// make them their own before they are needed.

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

// lookAfter is when an environment is looked at that may have served its first invocation.
var lookAfter = [...]time.Duration{300 * time.Millisecond, 2 * time.Second, 10 * time.Second, time.Minute}

// observe waits for c to serve, if its template does not know yet what invocations touch. state is its state page. One clone is
// observed at a time.
func (c *clone) observe(state string) {
	t := c.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.hot || t.mu.observed || t.mu.err != nil {
		return
	}
	t.mu.observed = true
	t.k.wg.Go(func() {
		for _, d := range lookAfter {
			wait := time.NewTimer(d)
			select {
			case <-wait.C:
				c.heed(state)
			case <-c.ended:
			case <-t.k.quit:
			}
			wait.Stop()
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.mu.observed = false
	})
}

// heed tells c's template which pages invocations touch, once, when c has served one. Spares that were made without that
// knowledge give way to others.
func (c *clone) heed(state string) {
	t := c.t
	if t.knows() || c.pid <= 0 || t.k.ending() {
		return
	}
	if p, err := ReadPage(state); err != nil || p.Number == 0 || p.State == Running {
		return
	}
	pages, err := touched(c.pid)
	if err != nil || len(pages) == 0 {
		return // it has ended; another will show them
	}
	b, err := json.Marshal(templateMessage{Op: "hot", Pages: spansOf(pages)})
	if err != nil || len(b) > maxMessage {
		return
	}
	t.mu.Lock()
	if t.mu.hot || t.mu.err != nil {
		t.mu.Unlock()
		return
	}
	t.mu.hot = true
	cold := t.mu.spares
	t.mu.spares = nil
	t.mu.Unlock()
	_, _, _ = t.conn.WriteMsgUnix(b, nil, nil) // a template that is gone needs it no more
	for _, s := range cold {
		s.kill()
	}
	t.refill()
}

// knows reports whether t was told which pages invocations touch, or needs it no more.
func (t *template) knows() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.hot || t.mu.err != nil
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

// spansOf puts pages together. Gaps between pages that are read are closed.
func spansOf(pages []uint64) []span {
	const gap = 16
	var spans []span
	var written, read uint64
	for _, p := range pages {
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
