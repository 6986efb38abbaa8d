package supervisor

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// To move a process into a group the kernel waits until every processor has noticed, which takes 5 to 15 ms unless it was
// done a moment ago. A process that begins in its group costs nothing, but only who may write to the nearest group that is
// above both its parent's and its own may start it so (Linux, cgroup-v2.rst, "Delegation Containment"; clone(2),
// CLONE_INTO_CGROUP). Version 1 needs none of that: a process that has one thread goes to its group by itself, at once.

// family is the group of a template and of all that is forked from it. A nil one is none.
type family struct {
	dir  string
	home *cgroup // the template's own
	user int     // who the template is on the machine; 0 leaves the group to our own user
}

// family makes the group of a template whose user is user, nil where version 2 gives none.
func (g *groups) family(user int) *family {
	g.once.Do(g.find)
	if !g.v2 || len(g.bases) == 0 {
		return nil
	}
	f := &family{dir: filepath.Join(g.bases[0], "family-"+g.next()), user: user}
	f.home = &cgroup{v2: true, dirs: []string{filepath.Join(f.dir, "template"), f.dir}}
	err := os.Mkdir(f.dir, 0o755)
	if err == nil {
		err = enable(f.dir)
	}
	if err == nil {
		err = os.Mkdir(f.home.dirs[0], 0o755)
	}
	for _, dir := range f.home.dirs {
		if err == nil {
			err = f.own(dir)
		}
	}
	if err == nil {
		f.home.dir, err = os.Open(f.home.dirs[0])
	}
	if err != nil {
		g.lose(err)
		f.home.remove()
		return nil
	}
	return f
}

// own lets the template start processes in a group, and move them there. It cannot change what is limited.
func (f *family) own(dir string) error {
	if f == nil || f.user == 0 {
		return nil
	}
	return os.Chown(filepath.Join(dir, "cgroup.procs"), f.user, -1)
}

func (f *family) remove() {
	if f != nil {
		f.home.remove()
	}
}

// group is the group that f's template starts in.
func (f *family) group() *cgroup {
	if f == nil {
		return nil
	}
	return f.home
}

func (g *groups) next() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	return strconv.Itoa(g.n)
}

// begin has a process begin in c.
func (c *cgroup) begin(attr *syscall.SysProcAttr) {
	if c != nil && c.dir != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(c.dir.Fd())
	}
}

// passed are the descriptors by which a template puts a clone into c: files to write to, or c's directory.
func (c *cgroup) passed() []int {
	switch {
	case c == nil:
		return nil
	case c.dir != nil:
		return []int{int(c.dir.Fd())}
	}
	return descriptorsOf(c.join)
}
