package image

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// addLayer puts an unpacked layer on top of root.
func (s *Store) addLayer(root, diffID string) error {
	var m marks
	layer := filepath.Join(s.dir, "layers", diffID)
	if err := readJSON(filepath.Join(layer, "marks.json"), &m); err != nil {
		return err
	}
	return merge(root, filepath.Join(layer, "files"), &m)
}

// merge puts the files of a layer on top of root: hard links to files, directories of its own.
func merge(root, files string, m *marks) error {
	if len(m.Links) == 0 {
		return cover(root, files, m)
	}
	aside := root + ".links"
	if err := os.Mkdir(aside, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	if err := hold(root, aside, m.Links); err != nil {
		return err
	}
	if err := cover(root, files, m); err != nil {
		return err
	}
	return place(root, files, aside, m.Links)
}

// hold links what the layer's links lead to into aside, since the layer may hide or replace it.
func hold(root, aside string, links []link) error {
	held := map[string]string{} // by the name of a link
	for i, l := range links {
		from, ok := held[l.To]
		if !ok {
			var dir string
			if dir, ok = find(root, path.Dir(l.To)); ok {
				from = filepath.Join(dir, path.Base(l.To))
			}
		}
		if info, err := os.Lstat(from); !ok || err != nil || info.IsDir() {
			return bad("a layer has %q, a link to %q, which is no file of it or of the layers below", l.At, l.To)
		}
		at := filepath.Join(aside, strconv.Itoa(i))
		if err := os.Link(from, at); err != nil {
			return err
		}
		held[l.At] = at
	}
	return nil
}

// place puts the links that are aside where they belong, but for those that a later entry of the layer replaced.
func place(root, files, aside string, links []link) error {
	for i, l := range links {
		if _, err := os.Lstat(filepath.Join(files, l.At)); err == nil {
			continue
		}
		dir, ok := find(root, path.Dir(l.At))
		if !ok {
			continue // a later entry replaced the directory
		}
		at := filepath.Join(dir, path.Base(l.At))
		if err := errors.Join(remove(at), os.Rename(filepath.Join(aside, strconv.Itoa(i)), at)); err != nil {
			return err
		}
	}
	return nil
}

// cover hides what the layer hides, and adds its files.
func cover(root, files string, m *marks) error {
	for _, dir := range m.Opaque {
		if err := empty(root, dir); err != nil {
			return err
		}
	}
	for _, name := range m.Gone {
		at, ok := find(root, path.Dir(name))
		if !ok {
			continue
		}
		if err := remove(filepath.Join(at, path.Base(name))); err != nil {
			return err
		}
	}
	implicit := map[string]bool{}
	for _, name := range m.Implicit {
		implicit[name] = true
	}
	return add(root, root, files, "", implicit)
}

// add puts what is in the layer's directory from, which is called name, into the directory to.
func add(root, to, from, name string, implicit map[string]bool) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		source, target, called := filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), path.Join(name, e.Name())
		if !e.IsDir() {
			if err := os.Link(source, target); errors.Is(err, fs.ErrExist) {
				err = errors.Join(remove(target), os.Link(source, target))
				if err != nil {
					return err
				}
			} else if err != nil {
				return err
			}
			continue
		}
		if target, err = directory(root, target, source, implicit[called]); err != nil {
			return err
		}
		if err := add(root, target, source, called, implicit); err != nil {
			return err
		}
	}
	return nil
}

// directory makes target a directory like source and gives where it is. One that no entry of the layer named leaves what
// is there as it is, a link to another directory too.
func directory(root, target, source string, implicit bool) (string, error) {
	info, err := os.Lstat(target)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 && implicit {
		if at, ok := find(root, strings.TrimPrefix(strings.TrimPrefix(target, root), "/")); ok {
			return at, nil
		}
	}
	there := err == nil && info.IsDir()
	if err == nil && !there {
		if err := remove(target); err != nil {
			return "", err
		}
	}
	if !there {
		if err := os.Mkdir(target, 0o755); err != nil {
			return "", err
		}
	}
	if there && implicit {
		return target, nil
	}
	like, err := os.Stat(source)
	if err != nil {
		return "", err
	}
	return target, os.Chmod(target, like.Mode().Perm())
}

// find gives the directory of root with that name, through links that stay inside whatever they say.
func find(root, name string) (string, bool) {
	at, rest := "", strings.Split(name, "/") // at is clean and relative to root, and no part of it is a link
	for followed := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if at = path.Dir(at); at == "." {
				at = ""
			}
			continue
		}
		next := path.Join(at, part)
		info, err := os.Lstat(filepath.Join(root, next))
		switch {
		case err != nil:
			return "", false
		case info.IsDir():
			at = next
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(filepath.Join(root, next))
			if followed++; err != nil || followed > maxLinks {
				return "", false
			}
			if path.IsAbs(to) {
				at = ""
			}
			rest = append(strings.Split(to, "/"), rest...)
		default:
			return "", false
		}
	}
	return filepath.Join(root, at), true
}

// empty removes what is in a directory of root.
func empty(root, name string) error {
	at, ok := find(root, name)
	if !ok {
		return nil
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := remove(filepath.Join(at, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// user is who functions run as, in the words of passwd and group.
const (
	user  = "sbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin"
	group = "sbx_user1051:x:990:"
)

// furnish makes what a launcher needs: places to mount on that are no links, and the name of the user.
func furnish(root string) error {
	for _, name := range []string{"dev", "proc", "tmp"} {
		at := filepath.Join(root, name)
		if info, err := os.Lstat(at); err == nil && info.IsDir() {
			continue
		}
		if err := errors.Join(remove(at), os.Mkdir(at, 0o755)); err != nil {
			return err
		}
	}
	etc := filepath.Join(root, "etc")
	if info, err := os.Lstat(etc); errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(etc, 0o755); err != nil {
			return err
		}
	} else if err != nil || !info.IsDir() {
		return err // it leads elsewhere: the image does without
	}
	for _, name := range []string{"resolv.conf", "hosts"} {
		at := filepath.Join(etc, name)
		if err := errors.Join(remove(at), os.WriteFile(at, nil, 0o644)); err != nil {
			return err
		}
	}
	return errors.Join(enlist(filepath.Join(etc, "passwd"), user), enlist(filepath.Join(etc, "group"), group))
}

// enlist adds a line to a file of root, as a new file: the old one is the layer's too. What is no file is left alone.
func enlist(at, line string) error {
	info, err := os.Lstat(at)
	var lines []string
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil || !info.Mode().IsRegular():
		return err
	default:
		b, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		lines = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	name, _, _ := strings.Cut(line, ":")
	if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+":") }) {
		return nil
	}
	text := strings.Join(append(lines, line), "\n") + "\n"
	return errors.Join(remove(at), os.WriteFile(at, []byte(text), 0o644))
}
