package disk

import (
	"errors"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a filesystem: the machine's, one in memory, or one that fails on purpose.
type FS = vfs.FS

// Machine is the machine's filesystem.
func Machine() FS { return vfs.Default }

// MakeDir makes dir and the directories above it, durably: a new directory is lost in a power cut unless the one that
// holds it is flushed.
func MakeDir(fs FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	parent := fs.PathDir(dir)
	if parent != dir && parent != "." {
		if err := MakeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return SyncDir(fs, parent)
}

// SyncDir makes the names in dir durable.
func SyncDir(fs FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Memory is a filesystem in memory, for ephemeral platforms and tests.
type Memory struct {
	*vfs.MemFS
	crashable bool
}

// NewMemory makes an empty one that forgets everything when the process ends.
func NewMemory() *Memory { return &Memory{MemFS: vfs.NewMem()} }

// NewCrashable makes an empty one that remembers what was flushed, so that Crash can be called. It is slower.
func NewCrashable() *Memory { return &Memory{vfs.NewCrashableMem(), true} }

// Crash gives the filesystem as a power cut at this moment would leave it: all that was flushed, and of the rest each
// block with a chance of unflushed percent, drawn from seed. m itself goes on, so a test must stop using it.
func (m *Memory) Crash(unflushed int, seed uint64) *Memory {
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: unflushed}
	if unflushed > 0 {
		cfg.RNG = rand.New(rand.NewPCG(seed, 0))
	}
	return &Memory{m.CrashClone(cfg), true}
}
