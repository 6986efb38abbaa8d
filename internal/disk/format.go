package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"anthill/fault"
)

// FormatVersion is the newest layout of a data directory that this program reads and the one it writes. It stands in
// the file FORMAT as the line "anthill N". 1 has no list of logs, 2 one that says nothing of manifests.
const FormatVersion = 3

// FormatFile is its name.
const FormatFile = "FORMAT"

// checkFormat refuses directories of a newer format and those that hold something else.
func checkFormat(fs FS, dir string) error {
	f, err := fs.Open(path.Join(dir, FormatFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(text), "anthill ")))
	bad := &fault.Error{Kind: fault.Conflict, Noun: "data directory", Name: dir}
	switch {
	case err != nil || n < 1:
		bad.Detail = fmt.Sprintf("its %s file says %q, which is no format of Anthill; choose another directory", FormatFile, text)
		return bad
	case n > FormatVersion:
		bad.Detail = fmt.Sprintf("it has format %d, written by a newer Anthill; this one reads up to %d: start the newer program or choose another directory", n, FormatVersion)
		return bad
	}
	return nil
}

// writeFormat leaves the file FORMAT with our version, whole or not at all. What was there was not newer.
func writeFormat(fs FS, dir string) error {
	name := path.Join(dir, FormatFile)
	f, err := fs.Create(name+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "anthill %d\n", FormatVersion)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(name+".new", name); err != nil {
		return err
	}
	return SyncDir(fs, dir)
}

// writeFailure says that a directory cannot be opened since it cannot be written to.
func writeFailure(dir string, err error) error {
	f := &fault.Error{Kind: kindOf(err), Noun: "data directory", Name: dir, Err: err}
	if f.Detail = fmt.Sprintf("its disk takes no writes (%v): nothing that was acknowledged is lost, start again when it does", err); f.Kind == fault.Full {
		f.Detail = "its disk is full: nothing that was acknowledged is lost, free some space and start again"
	}
	return f
}

// openFailure names what kept Pebble from opening.
func openFailure(dir string, err error) error {
	f := &fault.Error{Kind: kindOf(err), Noun: "data directory", Name: dir, Err: err}
	if known := fault.Of(err); known.Detail != "" {
		return known
	}
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES), strings.Contains(err.Error(), "lock held"):
		f.Kind, f.Detail = fault.Conflict, "it is open in another process: stop that one or choose another directory"
	case f.Kind == fault.Internal:
		f.Kind, f.Reason = fault.Conflict, "damaged"
		f.Detail = fmt.Sprintf("it cannot be opened (%v); `anthill doctor` says what is damaged; restore a backup or choose another directory", err)
	}
	return f
}

// kindOf tells a full disk from other trouble.
func kindOf(err error) fault.Kind {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Full
	}
	return fault.Internal
}
