package disk

import (
	"github.com/cockroachdb/pebble/v2"

	"anthill/fault"
)

// Pair is a key with its value. Its slices belong to the database and are valid until the cursor moves.
type Pair struct{ Key, Value []byte }

// Cursor walks a span of keys. One goroutine uses it; Close it when done.
type Cursor struct {
	it *pebble.Iterator
	d  *DB
}

// Cursor opens one over lo <= key < hi; a nil hi means no bound. It sees the database as it is now.
func (d *DB) Cursor(lo, hi []byte) (*Cursor, error) {
	if err := d.enter(); err != nil {
		return nil, fault.In("disk.Cursor", err)
	}
	it, err := d.pebble.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		d.users.leave()
		return nil, fault.In("disk.Cursor", err)
	}
	return &Cursor{it, d}, nil
}

// First, Last, Next, Prev, SeekGE (the first key >= key) and SeekLT (the last key < key) move, and report whether there
// is a pair.
func (c *Cursor) First() bool            { return c.it.First() }
func (c *Cursor) Last() bool             { return c.it.Last() }
func (c *Cursor) Next() bool             { return c.it.Next() }
func (c *Cursor) Prev() bool             { return c.it.Prev() }
func (c *Cursor) SeekGE(key []byte) bool { return c.it.SeekGE(key) }
func (c *Cursor) SeekLT(key []byte) bool { return c.it.SeekLT(key) }

// Pair is where the cursor stands.
func (c *Cursor) Pair() Pair { return Pair{c.it.Key(), c.it.Value()} }

// Err is why the last move failed, or nil.
func (c *Cursor) Err() error { return fault.In("disk.Cursor", c.it.Error()) }

// Close ends the walk.
func (c *Cursor) Close() error {
	defer c.d.users.leave()
	return fault.In("disk.Cursor", c.it.Close())
}

// After is the first key that does not begin with prefix: the upper bound of its span. nil when there is none.
func After(prefix []byte) []byte {
	end := append([]byte{}, prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] != 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
