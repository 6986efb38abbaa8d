package bench

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// record is what the flush floors write: as much as one hop's events.
const record = 600

// flushFile is a file that was written once, so that flushing an overwrite of it changes no metadata: the least that a
// durable write costs on this disk.
type flushFile struct {
	f  *os.File
	at int64
}

const flushFileSize = 32 << 20

func openFlushFile(dir string) (*flushFile, error) {
	f, err := os.OpenFile(filepath.Join(dir, "floor"), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(make([]byte, flushFileSize)); err != nil {
		f.Close()
		return nil, err
	}
	return &flushFile{f: f}, f.Sync()
}

// flush writes n records and flushes them.
func (f *flushFile) flush(n int) error {
	size := n * record
	if f.at+int64(size) > flushFileSize {
		f.at = 0
	}
	if _, err := f.f.WriteAt(make([]byte, size), f.at); err != nil {
		return err
	}
	f.at += int64(size)
	return syscall.Fdatasync(int(f.f.Fd()))
}

func (f *flushFile) close() {
	name := f.f.Name()
	f.f.Close()
	os.Remove(name)
}

// groupCommit is the least group commit there is: writers hand over a record and wait, one goroutine takes all that
// wait, writes them in one go, flushes once and lets them go.
type groupCommit struct {
	file  *flushFile
	queue chan chan struct{}
	err   error
}

func (g *groupCommit) run() {
	var waiting []chan struct{}
	for first := range g.queue {
		waiting = append(waiting[:0], first)
	more:
		for len(waiting) < 1024 {
			select {
			case w, ok := <-g.queue:
				if !ok {
					break more
				}
				waiting = append(waiting, w)
			default:
				break more
			}
		}
		if err := g.file.flush(len(waiting)); err != nil {
			g.err = err
		}
		for _, w := range waiting {
			w <- struct{}{}
		}
	}
}

// groupCommits gives the commits per second of n writers during d.
func groupCommits(file *flushFile, n int, d time.Duration) (float64, error) {
	g := &groupCommit{file: file, queue: make(chan chan struct{}, n)}
	done := make(chan struct{})
	go func() { g.run(); close(done) }()
	total, took := together(n, d, func(int) func() error {
		mine := make(chan struct{}, 1)
		return func() error {
			g.queue <- mine
			<-mine
			return nil
		}
	})
	close(g.queue)
	<-done
	return float64(total) / took.Seconds(), g.err
}

// together runs n workers for d and counts what they did. A worker that fails stops; the first error is lost to the count
// only, for its caller sees it by its own.
func together(n int, d time.Duration, worker func(i int) func() error) (total int, took time.Duration) {
	var wg sync.WaitGroup
	counts := make([]int, n)
	begin := time.Now()
	end := begin.Add(d)
	for i := range n {
		wg.Go(func() {
			do := worker(i)
			for time.Now().Before(end) {
				if do() != nil {
					return
				}
				counts[i]++
			}
		})
	}
	wg.Wait()
	for _, c := range counts {
		total += c
	}
	return total, time.Since(begin)
}

// echoProcess is a resident process that echoes over a Unix socket.
type echoProcess struct {
	cmd  *exec.Cmd
	conn net.Conn
	buf  []byte
}

// event is what goes to and fro: as large as the request of the course's API.
const event = `{"resource":"/predict","path":"/predict","httpMethod":"POST","body":"{\"sepal_length\":5.1,\"sepal_width\":3.5,\"petal_length\":1.4,\"petal_width\":0.2}","isBase64Encoded":false}`

func startEcho(program string) (*echoProcess, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	inner, outer := os.NewFile(uintptr(fds[0]), "inner"), os.NewFile(uintptr(fds[1]), "outer")
	defer inner.Close()
	defer outer.Close()
	cmd := exec.Command(program, childSocket)
	cmd.ExtraFiles = []*os.File{inner}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	conn, err := net.FileConn(outer)
	if err != nil {
		return nil, err
	}
	return &echoProcess{cmd, conn, make([]byte, 64<<10)}, nil
}

func (e *echoProcess) roundTrip() error {
	if _, err := e.conn.Write([]byte(event)); err != nil {
		return err
	}
	_, err := e.conn.Read(e.buf)
	return err
}

func (e *echoProcess) close() {
	e.conn.Close()
	_ = e.cmd.Wait()
}

// times runs f n times, each after a pause, and gives how long each took.
func times(n int, pause time.Duration, f func() error) ([]time.Duration, error) {
	ds := make([]time.Duration, 0, n)
	for range n {
		if pause > 0 {
			time.Sleep(pause)
		}
		begin := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		ds = append(ds, time.Since(begin))
	}
	return ds, nil
}
