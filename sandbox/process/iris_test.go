package process_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"anthill/sandbox"
)

const irisHandler = `
import json, os, pickle
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "model.pkl"), "rb") as f:
    model = pickle.load(f)
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(model.predict([[6.3, 3.3, 6.0, 2.5]]).tolist())}
`

const irisTraining = `
import pickle, sys
from sklearn.datasets import load_iris
from sklearn.svm import SVC
x, y = load_iris(return_X_y=True)
pickle.dump(SVC().fit(x, y), open(sys.argv[1], "wb"))
`

// iris is the course's function: a pickled support vector machine, with scikit-learn in a layer. ANTHILL_IRIS_LAYER names
// that layer: a directory whose python/ is what "pip install --target" of scikit-learn gave.
func (h *house) iris(name string) sandbox.Spec {
	layer := os.Getenv("ANTHILL_IRIS_LAYER")
	if layer == "" {
		h.t.Skip("ANTHILL_IRIS_LAYER names no layer with scikit-learn")
	}
	s := h.python(name, irisHandler)
	train := exec.Command("python3", "-c", irisTraining, filepath.Join(s.CodeDir, "model.pkl"))
	train.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(layer, "python"))
	if out, err := train.CombinedOutput(); err != nil {
		h.t.Fatalf("%v\n%s", err, out)
	}
	s.Runtime, s.Version, s.Layers, s.MemoryMB, s.Timeout = "python3.11", "1", []string{layer}, 512, 60*time.Second
	return s
}

func (h *house) cold(s sandbox.Spec, method string) *sandbox.Result {
	r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte("{}"), InvokedARN: s.ARN, ForceCold: true, Method: method})
	if err != nil || r.FunctionError != "" {
		h.t.Fatalf("%v %.300s", err, r.Payload)
	}
	return r
}

// BenchmarkIris is a cold start of the Iris function to its first outcome, in every way of starting, beside the spawn of
// /bin/true in the same run.
func BenchmarkIris(b *testing.B) {
	for _, way := range []struct{ name, method, initialization string }{
		{"plain", "plain", ""}, {"template", "template", ""}, {"snapshot", "snapshot", sandbox.SnapStart},
		{"spare", "", ""}, {"snapshot-spare", "", sandbox.SnapStart},
	} {
		b.Run(way.name, func(b *testing.B) {
			h := newHouse(b)
			s := h.iris(way.name)
			s.InitializationType = way.initialization
			if way.initialization != "" {
				h.snapshot(s)
			}
			for range 3 { // the template learns which libraries the first init brought
				h.cold(s, "").Release()
				time.Sleep(time.Second)
			}
			timed(b, 60*time.Millisecond, func() {
				if err := exec.Command("/bin/true").Run(); err != nil {
					b.Fatal(err)
				}
			}, func() { h.cold(s, way.method).Release() })
		})
	}
}

// BenchmarkIrisBurst is a number of cold starts at once, all answered: the first ever of a version, and with a snapshot.
func BenchmarkIrisBurst(b *testing.B) {
	for _, c := range []struct {
		name           string
		n              int
		initialization string
	}{{"first-10", 10, ""}, {"snapshot-100", 100, sandbox.SnapStart}} {
		b.Run(c.name, func(b *testing.B) {
			var took []float64
			for i := range b.N {
				h := newHouse(b)
				s := h.iris(fmt.Sprint(c.name, i))
				s.InitializationType = c.initialization
				if c.initialization != "" {
					h.snapshot(s)
				} else if err := h.Prepare(b.Context(), s); err != nil {
					b.Fatal(err)
				}
				time.Sleep(time.Second)
				var all sync.WaitGroup
				begin := time.Now()
				for range c.n {
					all.Go(func() { h.cold(s, "").Release() })
				}
				all.Wait()
				took = append(took, time.Since(begin).Seconds())
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2], "s-all")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkIrisMemory is what one more warm environment costs, as the proportional share of its pages.
func BenchmarkIrisMemory(b *testing.B) {
	for _, initialization := range []string{"", sandbox.SnapStart} {
		b.Run("of "+initialization, func(b *testing.B) {
			h := newHouse(b)
			s := h.iris("memory")
			s.InitializationType = initialization
			h.cold(s, "").Release()
			time.Sleep(2 * time.Second)
			var all sync.WaitGroup
			var held []*sandbox.Result
			var mu sync.Mutex
			for range 20 {
				all.Go(func() {
					r, err := h.Invoke(context.Background(), s, sandbox.Invocation{RequestID: id(1), Payload: []byte("{}"), InvokedARN: s.ARN})
					if err != nil {
						b.Error(err)
						return
					}
					mu.Lock()
					held = append(held, r)
					mu.Unlock()
				})
			}
			all.Wait()
			total := 0
			for _, e := range h.Environments() {
				for _, pid := range sharing(e.PID) {
					rollup, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
					for line := range strings.Lines(string(rollup)) {
						var kb int
						if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kb); n == 1 {
							total += kb
						}
					}
				}
			}
			b.ReportMetric(float64(total)/1024/float64(len(held)), "MB-PSS/env")
			b.ReportMetric(0, "ns/op")
			for _, r := range held {
				r.Release()
			}
		})
	}
}

// sharing are the processes in the process namespace of pid.
func sharing(pid int) (all []int) {
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil
	}
	entries, _ := filepath.Glob("/proc/[0-9]*/ns/pid") // the pattern is well-formed
	for _, name := range entries {
		if other, err := os.Readlink(name); err == nil && other == own {
			n, _ := strconv.Atoi(strings.Split(name, "/")[2]) // the pattern says that it is a number
			all = append(all, n)
		}
	}
	return all
}
