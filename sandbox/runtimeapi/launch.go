package runtimeapi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Launch is the command line of a container image.
type Launch struct{ EntryPoint, Command []string }

// errNoProgram is a command that is not in the image; errNoDir a working directory that is not.
type errNoProgram struct{ name string }

func (e errNoProgram) Error() string {
	return fmt.Sprintf("Couldn't find valid bootstrap(s): [%s]", e.name)
}

type errNoDir struct{ err error }

func (e errNoDir) Error() string { return e.err.Error() }

// failure is the error that Lambda shows when an image's program cannot be started.
func (l *Launch) failure(err error) (kind, message string) {
	var dir errNoDir
	if errors.As(err, &dir) {
		return "Runtime.InvalidWorkingDir", dir.Error()
	}
	return "Runtime.InvalidEntrypoint", err.Error()
}

// line is what Lambda logs then.
func (l *Launch) line(message, dir string) string {
	return fmt.Sprintf("IMAGE\tLaunch error: %s\tEntrypoint: [%s]\tCmd: [%s]\tWorkingDir: [%s]\n", message, strings.Join(l.EntryPoint, ","), strings.Join(l.Command, ","), dir)
}

// find finds what is to be executed, and completes argv.
func (p *program) find() (string, error) {
	if p.image == nil {
		path, err := firstOf(p.argv[0])
		p.argv = append([]string{path}, p.argv[1:]...)
		return path, err
	}
	p.argv = append(append([]string{}, p.image.EntryPoint...), p.image.Command...)
	if len(p.argv) == 0 {
		return "", errNoProgram{}
	}
	if !filepath.IsAbs(p.dir) {
		return "", errNoDir{fmt.Errorf("the working directory '%s' is invalid, it needs to be an absolute path", p.dir)}
	}
	if info, err := os.Stat(p.dir); err != nil || !info.IsDir() {
		if err == nil {
			err = &os.PathError{Op: "chdir", Path: p.dir, Err: errors.New("not a directory")}
		} else {
			err = &os.PathError{Op: "chdir", Path: p.dir, Err: errors.Unwrap(err)}
		}
		return "", errNoDir{err}
	}
	name := p.argv[0]
	if strings.Contains(name, "/") {
		if path := name; filepath.IsAbs(path) || os.Chdir(p.dir) == nil {
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				return path, nil
			}
		}
		return "", errNoProgram{name}
	}
	path := ""
	for _, v := range p.env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			path = value
		}
	}
	for _, dir := range filepath.SplitList(path) {
		at := filepath.Join(dir, name)
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return at, nil
		}
	}
	return "", errNoProgram{name}
}
