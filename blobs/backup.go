package blobs

import (
	"errors"
	"io"

	"anthill/fault"
	"anthill/internal/disk"
)

// Backup copies into dir, which is made, every blob that references may point to at the moment when snapshot, which must
// copy the references, is called. No blob goes meanwhile; new ones are taken.
func (b *Store) Backup(dir string, snapshot func() error) error {
	const op = "blobs.Backup"
	b.staying.RLock()
	defer b.staying.RUnlock()
	if err := snapshot(); err != nil {
		return fault.In(op, err)
	}
	if err := disk.MakeDir(b.fs, dir); err != nil {
		return faultOf(op, err)
	}
	names, err := b.fs.List(b.dir)
	if err != nil {
		return faultOf(op, err)
	}
	for _, name := range names {
		if !Digest(name).Valid() {
			continue
		}
		if err := copyFile(b.fs, b.fs.PathJoin(b.dir, name), b.fs.PathJoin(dir, name)); err != nil {
			return faultOf(op, err)
		}
	}
	return faultOf(op, disk.SyncDir(b.fs, dir))
}

// copyFile makes to a second name of from's file, which is never changed, or a copy where that cannot be.
func copyFile(fs disk.FS, from, to string) error {
	if fs.Link(from, to) == nil {
		return nil
	}
	in, err := fs.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := fs.Create(to, "blobs")
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
