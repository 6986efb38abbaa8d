package history

import "anthill/fault"

// Trim forgets events of s before position before, in whole records, and flushes that. The last record stays, so that
// positions go on.
func (l *Log) Trim(s Stream, before uint64) error {
	const op = "history.Trim"
	lo, hi := span(s)
	c, err := l.db.Cursor(lo, hi)
	if err != nil {
		return fault.In(op, err)
	}
	defer c.Close()
	if !c.SeekLT(recordKey(s, before+1)) { // the record that holds before, or the last
		return fault.In(op, c.Err())
	}
	keep := append([]byte{}, c.Pair().Key...)
	if !c.Prev() {
		return fault.In(op, c.Err())
	}
	return fault.In(op, l.db.DeleteRange([2][]byte{lo, keep}))
}
