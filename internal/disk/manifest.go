package disk

import (
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// manifestFile is Pebble's list of its tables while it is written to, by one goroutine at a time.
type manifestFile struct {
	vfs.File
	name    string
	list    *logList
	written int64
}

func (m *manifestFile) Write(p []byte) (int, error) {
	n, err := m.File.Write(p)
	m.written += int64(n)
	return n, err
}

func (m *manifestFile) Sync() error     { return m.after(m.File.Sync()) }
func (m *manifestFile) SyncData() error { return m.after(m.File.SyncData()) }

func (m *manifestFile) after(err error) error {
	if err == nil {
		m.list.flushed(m.name, m.written)
	}
	return err
}

// manifestState is how far the newest manifest can be read.
type manifestState struct {
	name    string
	entries int
	whole   int64 // bytes of them
	damage  error // nil when nothing follows
}

// readManifest reads the manifest of the database in dir to its end. An error means that there is none to read.
func readManifest(fs FS, dir string) (s manifestState, err error) {
	desc, err := pebble.Peek(dir, fs)
	if err != nil || !desc.Exists {
		return s, err
	}
	f, err := fs.Open(desc.ManifestFilename)
	if err != nil {
		return s, err
	}
	defer f.Close()
	s.name = fs.PathBase(desc.ManifestFilename)
	r := record.NewReader(f, 0)
	for {
		body, err := r.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			s.damage = err
			return s, nil
		}
		s.entries, s.whole = s.entries+1, r.Offset()
	}
}
