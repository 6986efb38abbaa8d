package supervisor

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Roots are kept from start to start. Each process sees its own all the same, however many start at once, and what has been
// replaced on the machine meanwhile.
func TestRoots(t *testing.T) {
	k := newKeeper(t.TempDir())
	k.mapped = inUserNamespace()
	k.wg.Go(k.spawner)
	k.wg.Go(k.reapChildren)
	defer k.close()
	said := func(code, script string) (string, error) {
		out, in, err := os.Pipe()
		if err != nil {
			return "", err
		}
		defer out.Close()
		spec := &launchSpec{Variant: Variant{Argv: []string{"/bin/sh", "-c", script}, Binds: []Bind{{code, "/var/task"}}}, IDs: k.idsOf(code)}
		_, err = k.startLauncher(spec, in, nil)
		in.Close()
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(out)
		return string(b), err
	}
	if _, err := said(t.TempDir(), "true"); err != nil {
		t.Skip("no namespaces: ", err)
	}
	at := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		dir := filepath.Join(at, name)
		for _, err := range []error{os.RemoveAll(dir), os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "who"), []byte(text), 0o644)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	var all sync.WaitGroup
	for i := range 4 {
		dir := put(fmt.Sprint(i), fmt.Sprint(i))
		for range 2 {
			all.Go(func() {
				for range 5 {
					if s, err := said(dir, "cat /var/task/who; test -e "+at+" && echo and its neighbours"); s != fmt.Sprint(i) || err != nil {
						t.Errorf("%d sees %q (%v)", i, s, err)
					}
				}
			})
		}
	}
	all.Wait()
	for i := range 3 {
		want := fmt.Sprint("new ", i)
		if s, err := said(put("0", want), "cat /var/task/who; touch /etc/x /x /var/task/x 2>/dev/null && echo written"); s != want || err != nil {
			t.Errorf("after a change: %q (%v), want %q", s, err, want)
		}
	}
	k.roots.mu.Lock()
	kept := len(k.roots.mu.all)
	k.roots.mu.Unlock()
	if kept != 5 {
		t.Errorf("%d roots are kept of five that were shown", kept)
	}
}
