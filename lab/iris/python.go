package iris

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
)

// pins are the versions of what the model needs. Each list is of one version for Python minor versions from low on.
// Their wheels exist for all of them, and the three layers made of them fit Lambda's limits (50 MB zipped each,
// 250 MB unzipped together).
func pins(minor int) []layerPin {
	if minor >= 14 {
		return []layerPin{{"numpy", []string{"numpy==2.3.5"}}, {"scipy", []string{"scipy==1.16.3"}},
			{"scikit-learn", []string{"scikit-learn==1.7.2", "joblib==1.5.2", "threadpoolctl==3.6.0"}}}
	}
	if minor == 9 {
		return []layerPin{{"numpy", []string{"numpy==2.0.2"}}, {"scipy", []string{"scipy==1.13.1"}},
			{"scikit-learn", []string{"scikit-learn==1.5.2", "joblib==1.4.2", "threadpoolctl==3.5.0"}}}
	}
	return []layerPin{{"numpy", []string{"numpy==2.1.3"}}, {"scipy", []string{"scipy==1.14.1"}},
		{"scikit-learn", []string{"scikit-learn==1.5.2", "joblib==1.4.2", "threadpoolctl==3.5.0"}}}
}

// layerPin is one layer and what pip puts into it.
type layerPin struct {
	name     string
	packages []string
}

// Maker trains the model and makes the layers, with the machine's own Python.
type Maker struct {
	Minor int // of the machine's Python: 11 for 3.11

	cache string // everything is under it, and is made once
	base  string // the interpreter found on the machine
	say   func(format string, args ...any)
}

// NewMaker looks for the machine's python3. Under cache is kept what takes long; say is told of it before. A machine without
// Python 3.9 or newer is NotFound.
func NewMaker(ctx context.Context, cache string, say func(format string, args ...any)) (*Maker, error) {
	const op = "iris.NewMaker"
	for _, name := range []string{"python3", "python"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		var major, minor int
		out, err := exec.CommandContext(ctx, path, "-c", "import sys; print(sys.version_info[0], sys.version_info[1])").Output()
		if err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(out), &major, &minor); err == nil && major == 3 && minor >= 9 {
			return &Maker{Minor: minor, cache: cache, base: path, say: say}, nil
		}
	}
	return nil, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "Python", Name: "3.9 or newer",
		Detail: "install Python 3 (with its venv module): a scikit-learn model is trained with it"}
}

// once makes the directory cache/name by make, which gets a directory to fill, unless it is there already. What was half made is
// made again. The name should hold a digest of whatever decides its contents.
func (p *Maker) once(name string, make func(dir string) error) (string, error) {
	const op = "iris.prepare"
	dir := filepath.Join(p.cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(p.cache, 0o755); err != nil {
		return "", fault.In(op, err)
	}
	tmp, err := os.MkdirTemp(p.cache, "making-")
	if err != nil {
		return "", fault.In(op, err)
	}
	defer os.RemoveAll(tmp)
	if err := make(tmp); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, there := os.Stat(dir); there == nil { // somebody else made it meanwhile
			return dir, nil
		}
		return "", fault.In(op, err)
	}
	return dir, nil
}

// run runs a program and gives what it printed. Its last lines are in the error.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	const op = "iris.run"
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(errs.String()+"\n"+out.String()), "\n")
		detail := strings.Join(lines[max(0, len(lines)-4):], "\n")
		if strings.Contains(detail, "No matching distribution") || strings.Contains(detail, "Connection") || strings.Contains(detail, "Max retries") {
			detail += "\n(pip could not fetch it: is the machine online, and its package index reachable?)"
		}
		return out.String(), &fault.Error{Kind: fault.Internal, Op: op, Noun: "program", Name: filepath.Base(name) + " " + strings.Join(args[:min(3, len(args))], " "), Detail: detail, Err: err}
	}
	return out.String(), nil
}

// environment is the interpreter of an environment of the machine's Python with the packages of the layers for minor,
// prepared once: a model is pickled with the very versions that its function will load it with.
func (p *Maker) environment(ctx context.Context, minor int) (string, error) {
	var packages []string
	for _, l := range pins(minor) {
		packages = append(packages, l.packages...)
	}
	dir := filepath.Join(p.cache, "train-"+digest(p.base, fmt.Sprint(p.Minor), strings.Join(packages, " ")))
	interpreter := filepath.Join(dir, "bin", "python")
	ready := filepath.Join(dir, ".ready")
	if _, err := os.Stat(ready); err == nil {
		return interpreter, nil
	}
	// A virtual environment knows its own path, so it is made in place and marked when it is whole.
	p.say("preparing scikit-learn for training (once, about half a minute)")
	if err := os.RemoveAll(dir); err != nil {
		return "", fault.In("iris.prepare", err)
	}
	if _, err := run(ctx, ".", p.base, "-m", "venv", dir); err != nil {
		return "", err
	}
	if _, err := run(ctx, ".", interpreter, append([]string{"-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:"}, packages...)...); err != nil {
		return "", err
	}
	return interpreter, fault.In("iris.prepare", os.WriteFile(ready, nil, 0o644))
}

// Train trains the model for functions on Python 3.minor. It gives the pickled model and what train.py printed: JSON.
func (p *Maker) Train(ctx context.Context, minor int) (model []byte, said string, err error) {
	const op = "iris.Train"
	interpreter, err := p.environment(ctx, minor)
	if err != nil {
		return nil, "", err
	}
	dir, err := os.MkdirTemp("", "anthill-train-")
	if err != nil {
		return nil, "", fault.In(op, err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "train.py"), []byte(training), 0o644); err != nil {
		return nil, "", fault.In(op, err)
	}
	if said, err = run(ctx, dir, interpreter, "train.py", modelFile); err != nil {
		return nil, "", err
	}
	model, err = os.ReadFile(filepath.Join(dir, modelFile))
	return model, strings.TrimSpace(said), fault.In(op, err)
}

// Layer is one Lambda layer as a zip file.
type Layer struct {
	Name     string
	Contents string // "numpy==2.1.3"
	Zip      string // path
	Zipped   int64  // bytes
	Unzipped int64
}

// Layers makes the zips for functions on Python 3.minor and a machine ("x86_64" or "aarch64"), once. If the machine's own
// Python is of that version, byte code is in them, which a read-only layer cannot get later.
func (p *Maker) Layers(ctx context.Context, minor int, machine string) ([]Layer, error) {
	const op = "iris.Layers"
	compiler := ""
	if minor == p.Minor {
		var err error
		if compiler, err = p.environment(ctx, minor); err != nil {
			return nil, err
		}
	}
	var out []Layer
	for _, pin := range pins(minor) {
		key := fmt.Sprintf("layer-%s-py3%d-%s", pin.name, minor, digest(machine, strings.Join(pin.packages, " "), fmt.Sprint(compiler != ""), "2"))
		dir, err := p.once(key, func(dir string) error {
			p.say("building the layer %s for Python 3.%d (once)", strings.Join(pin.packages, ", "), minor)
			return p.buildLayer(ctx, dir, pin, minor, machine, compiler)
		})
		if err != nil {
			return nil, err
		}
		l := Layer{Name: pin.name, Contents: strings.Join(pin.packages, ", "), Zip: filepath.Join(dir, "layer.zip")}
		r, err := zip.OpenReader(l.Zip)
		if err != nil {
			return nil, fault.In(op, err)
		}
		for _, f := range r.File {
			l.Unzipped += int64(f.UncompressedSize64)
		}
		r.Close()
		st, err := os.Stat(l.Zip)
		if err != nil {
			return nil, fault.In(op, err)
		}
		l.Zipped = st.Size()
		out = append(out, l)
	}
	return out, nil
}

func (p *Maker) buildLayer(ctx context.Context, dir string, pin layerPin, minor int, machine, compiler string) error {
	const op = "iris.buildLayer"
	site := filepath.Join(dir, "tree", "python")
	args := []string{"-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary=:all:",
		"--implementation", "cp", "--python-version", fmt.Sprintf("3.%d", minor), "--target", site}
	for _, tag := range []string{"manylinux2014_", "manylinux_2_17_", "manylinux_2_27_", "manylinux_2_28_"} {
		args = append(args, "--platform", tag+machine)
	}
	if _, err := run(ctx, ".", p.base, append(args, pin.packages...)...); err != nil {
		return err
	}
	if err := strip(site); err != nil {
		return fault.In(op, err)
	}
	if compiler != "" {
		if _, err := run(ctx, ".", compiler, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", site); err != nil {
			return err
		}
	}
	if err := zipTree(filepath.Join(dir, "layer.zip"), filepath.Join(dir, "tree")); err != nil {
		return fault.In(op, err)
	}
	return fault.In(op, os.RemoveAll(filepath.Join(dir, "tree")))
}

// strip takes away what a function never imports: tests, stubs, headers, documents.
func strip(site string) error {
	return filepath.WalkDir(site, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name == "tests" || name == "bin" || name == "include" || name == "__pycache__" || name == "doc" {
				if err := os.RemoveAll(path); err != nil {
					return err
				}
				return fs.SkipDir
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".pyi", ".pyx", ".pxd", ".pxi", ".h", ".c", ".cpp", ".a", ".lib", ".f90":
			return os.Remove(path)
		}
		return nil
	})
}

func digest(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h[:6])
}
