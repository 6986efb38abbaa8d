package server

import (
	"errors"
	"io/fs"
	"os"

	"anthill/fault"
	"anthill/workflows"
)

// mocksOf gives how the mock configuration at path is read; nil for no path. A file that is there must be good from the
// start; one that is not may come later.
func mocksOf(path string) (func() ([]byte, error), error) {
	if path == "" {
		return nil, nil
	}
	read := func() ([]byte, error) { return os.ReadFile(path) }
	data, err := read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return read, nil
	case err == nil:
		err = workflows.CheckMocks(data)
	}
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Noun: "mock configuration", Name: path, Detail: path + ": " + fault.Of(err).Detail, Err: err}
	}
	return read, nil
}
