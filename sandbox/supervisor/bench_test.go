package supervisor

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "supervisor" {
		os.Exit(Main(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}

// BenchmarkIsolation runs /bin/true in a root, namespaces and control groups of its own, as functions run, beside the plain spawn
// of it and what other programs take for it, all in turn.
func BenchmarkIsolation(b *testing.B) {
	k := newKeeper(b.TempDir())
	k.mapped = inUserNamespace()
	k.wg.Go(k.spawner)
	k.wg.Go(k.reapChildren)
	defer k.close()
	ours := func() error {
		out, in, err := os.Pipe()
		if err != nil {
			return err
		}
		defer out.Close()
		group := k.groups.make(limits{MemoryMB: 128, Processes: 64}, nil)
		defer group.remove()
		spec := &launchSpec{Variant: Variant{Argv: []string{"/bin/true"}}, IDs: k.idsOf("isolation"), group: group}
		_, err = k.startLauncher(spec, os.Stderr, nil, in)
		in.Close()
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, out) // until its end
		return err
	}
	run := func(name string, args ...string) func() error {
		return func() error {
			path, err := exec.LookPath(name)
			if err != nil {
				return err
			}
			out, in, err := os.Pipe()
			if err != nil {
				return err
			}
			defer out.Close()
			pid, err := syscall.ForkExec(path, append([]string{name}, args...), &syscall.ProcAttr{Files: []uintptr{0, in.Fd(), 2}})
			in.Close()
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, out)
			_ = pid // reapChildren collects it
			return err
		}
	}
	ways := []struct {
		name string
		run  func() error
		took []time.Duration
	}{
		{name: "spawn", run: run("/bin/true")},
		{name: "isolated", run: ours},
		{name: "bubblewrap", run: run("bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "/bin/true")},
	}
	for range max(b.N, 1) {
		for i := range ways {
			begin := time.Now()
			if err := ways[i].run(); err != nil {
				if i < 2 {
					b.Fatal(ways[i].name, err)
				}
				continue // it is not installed
			}
			ways[i].took = append(ways[i].took, time.Since(begin))
			time.Sleep(5 * time.Millisecond)
		}
	}
	for _, w := range ways {
		if len(w.took) == 0 {
			continue
		}
		slices.Sort(w.took)
		b.ReportMetric(float64(w.took[0].Microseconds())/1000, w.name+"-min-ms")
		b.ReportMetric(float64(w.took[len(w.took)/2].Microseconds())/1000, w.name+"-p50-ms")
	}
	b.ReportMetric(0, "ns/op")
}
