package lab

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
	"runtime"
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

// python is the lab's own Python side: an environment with scikit-learn for training, and the layers made for the functions.
type python struct {
	cache string // everything is under it, and is made once
	base  string // the interpreter found on the machine
	say   func(format string, args ...any)
}

// findPython is the machine's python3 and its minor version.
func findPython(ctx context.Context) (path string, minor int, err error) {
	const op = "lab.findPython"
	for _, name := range []string{"python3", "python"} {
		if path, err = exec.LookPath(name); err != nil {
			continue
		}
		var major int
		out, err := exec.CommandContext(ctx, path, "-c", "import sys; print(sys.version_info[0], sys.version_info[1])").Output()
		if err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(out), &major, &minor); err == nil && major == 3 && minor >= 9 {
			return path, minor, nil
		}
	}
	return "", 0, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "Python", Name: "3.9 or newer",
		Detail: "install Python 3 (with its venv module): the lab trains a scikit-learn model with it"}
}

// once makes the directory cache/name by make, which gets a directory to fill, unless it is there already. What was half made is
// made again. The name should hold a digest of whatever decides its contents.
func (p *python) once(name string, make func(dir string) error) (string, error) {
	const op = "lab.prepare"
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
	const op = "lab.run"
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

// trainingEnvironment is the interpreter of an environment with scikit-learn, prepared once.
func (p *python) trainingEnvironment(ctx context.Context, minor int, versions []layerPin) (string, error) {
	var packages []string
	for _, l := range versions {
		packages = append(packages, l.packages...)
	}
	dir := filepath.Join(p.cache, "train-"+digest(p.base, fmt.Sprint(minor), strings.Join(packages, " ")))
	interpreter := filepath.Join(dir, "bin", "python")
	ready := filepath.Join(dir, ".ready")
	if _, err := os.Stat(ready); err == nil {
		return interpreter, nil
	}
	// A virtual environment knows its own path, so it is made in place and marked when it is whole.
	p.say("preparing scikit-learn for training (once, about half a minute)")
	if err := os.RemoveAll(dir); err != nil {
		return "", fault.In("lab.prepare", err)
	}
	if _, err := run(ctx, ".", p.base, "-m", "venv", dir); err != nil {
		return "", err
	}
	if _, err := run(ctx, ".", interpreter, append([]string{"-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:"}, packages...)...); err != nil {
		return "", err
	}
	return interpreter, fault.In("lab.prepare", os.WriteFile(ready, nil, 0o644))
}

// train makes iris_model.pkl with the given interpreter and gives its bytes and what train.py said.
func (p *python) train(ctx context.Context, interpreter string) (model []byte, said string, err error) {
	const op = "lab.train"
	dir, err := os.MkdirTemp("", "anthill-train-")
	if err != nil {
		return nil, "", fault.In(op, err)
	}
	defer os.RemoveAll(dir)
	script, err := courseFile("train.py")
	if err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "train.py"), script, 0o644); err != nil {
		return nil, "", fault.In(op, err)
	}
	if said, err = run(ctx, dir, interpreter, "train.py", "iris_model.pkl"); err != nil {
		return nil, "", err
	}
	model, err = os.ReadFile(filepath.Join(dir, "iris_model.pkl"))
	return model, strings.TrimSpace(said), fault.In(op, err)
}

// layer is one Lambda layer as a zip file.
type layer struct {
	name     string
	contents string // "numpy==2.1.3"
	zip      string // path
	zipped   int64  // bytes
	unzipped int64
}

// layers makes the zips for a Python minor version and machine ("x86_64" or "aarch64"), once. compiler is an interpreter of that very
// version, which writes the byte code that a read-only layer cannot get later; "" when there is none.
func (p *python) layers(ctx context.Context, minor int, machine, compiler string) ([]layer, error) {
	const op = "lab.layers"
	var out []layer
	for _, pin := range pins(minor) {
		key := fmt.Sprintf("layer-%s-py3%d-%s", pin.name, minor, digest(machine, strings.Join(pin.packages, " "), fmt.Sprint(compiler != ""), "2"))
		dir, err := p.once(key, func(dir string) error {
			p.say("building the layer %s for Python 3.%d (once)", strings.Join(pin.packages, ", "), minor)
			return p.buildLayer(ctx, dir, pin, minor, machine, compiler)
		})
		if err != nil {
			return nil, err
		}
		l := layer{name: pin.name, contents: strings.Join(pin.packages, ", "), zip: filepath.Join(dir, "layer.zip")}
		r, err := zip.OpenReader(l.zip)
		if err != nil {
			return nil, fault.In(op, err)
		}
		for _, f := range r.File {
			l.unzipped += int64(f.UncompressedSize64)
		}
		r.Close()
		st, err := os.Stat(l.zip)
		if err != nil {
			return nil, fault.In(op, err)
		}
		l.zipped = st.Size()
		out = append(out, l)
	}
	return out, nil
}

func (p *python) buildLayer(ctx context.Context, dir string, pin layerPin, minor int, machine, compiler string) error {
	const op = "lab.buildLayer"
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

// zipTree packs a directory, always to the same bytes.
func zipTree(to, root string) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	w := zip.NewWriter(f)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return zipFile(w, filepath.ToSlash(rel), b)
	})
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}

func zipFile(w *zip.Writer, name string, b []byte) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.SetMode(0o644)
	if strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.") {
		h.SetMode(0o755)
	}
	f, err := w.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return err
}

// deployment packs files into a deployment package.
func deployment(files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range sortedKeys(files) {
		if err := zipFile(w, name, files[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// pythonMachine is this machine's name in wheel tags.
func pythonMachine() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64"
	}
	return "x86_64"
}

func digest(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h[:6])
}
