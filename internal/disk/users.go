package disk

import (
	"sync"

	"anthill/fault"
)

// users counts who reads the database, so that it is not closed beneath them.
type users struct {
	mu struct {
		sync.Mutex
		n      int
		closed chan struct{} // nil until close; closed when nobody is left
	}
}

// enter begins to use the database; users.leave ends it.
func (d *DB) enter() error {
	d.users.mu.Lock()
	defer d.users.mu.Unlock()
	if d.users.mu.closed != nil {
		if err := d.Err(); err != nil {
			return err
		}
		return &fault.Error{Kind: fault.Canceled, Noun: "database", Detail: "the database is closed"}
	}
	d.users.mu.n++
	return nil
}

func (u *users) leave() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.mu.n--; u.mu.n == 0 && u.mu.closed != nil {
		close(u.mu.closed)
	}
}

// close refuses whoever comes now and gives what is closed when nobody is left. It is called once.
func (u *users) close() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.mu.closed = make(chan struct{})
	if u.mu.n == 0 {
		close(u.mu.closed)
	}
	return u.mu.closed
}
