package runtimes

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"anthill/fault"
)

// AWS's Node.js runtimes bring every package of its SDK for JavaScript, which is some hundreds. Here a function gets those
// that it names and does not bring.

// imported finds the SDK's packages in what imports or requires them, minified or not.
var imported = regexp.MustCompile(`(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*["'\x60]((?:@aws-sdk|@smithy)/[a-z0-9][a-z0-9._-]*)[/"'\x60]`)

// maxScanned is how much of a function's code is looked through, in bytes.
const maxScanned = 128 << 20

// SDK lists the packages of AWS's SDK for JavaScript that the code in dirs, a function's own directory and those of its
// layers, names and does not bring, sorted.
func SDK(dirs []string) []string {
	named := map[string]bool{}
	left := int64(maxScanned)
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // what cannot be read names nothing
			if err != nil || left <= 0 {
				return nil
			}
			if scope := filepath.Base(path); d.IsDir() && (scope == "@aws-sdk" || scope == "@smithy") {
				return fs.SkipDir // they bring what they need
			}
			switch filepath.Ext(path) {
			case ".js", ".mjs", ".cjs":
			default:
				return nil
			}
			if !d.Type().IsRegular() {
				return nil
			}
			b, err := os.ReadFile(path)
			left -= int64(len(b))
			if err != nil || !bytes.Contains(b, []byte("@aws-sdk")) && !bytes.Contains(b, []byte("@smithy")) {
				return nil
			}
			for _, m := range imported.FindAllSubmatch(b, -1) {
				named[string(m[1])] = true
			}
			return nil
		})
	}
	var missing []string
	for name := range named {
		brought := func(dir string) bool {
			for _, at := range []string{"node_modules", "nodejs/node_modules"} {
				if _, err := os.Stat(filepath.Join(dir, at, name)); err == nil {
					return true
				}
			}
			return false
		}
		if !slices.ContainsFunc(dirs, brought) {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// sdkVersion is what npm is asked for: the newest that still runs on that Node.js.
func sdkVersion(name string, major int) string {
	switch {
	case strings.HasPrefix(name, "@smithy/"):
		return name
	case major < 18:
		return name + "@<3.723.0"
	case major < 20:
		return name + "@<3.968.0"
	}
	return name + "@3"
}

// SDKDir is the directory of cache that holds packages for i once they are prepared; its node_modules has them.
func SDKDir(cache string, i Interpreter, packages []string) string {
	var specs []string
	for _, name := range packages {
		specs = append(specs, sdkVersion(name, i.major()))
	}
	sum := sha256.Sum256([]byte(strings.Join(specs, "\n")))
	return filepath.Join(cache, "libraries", fmt.Sprintf("nodejs%d-%s", i.major(), hex.EncodeToString(sum[:6])))
}

// PrepareSDK installs packages of AWS's SDK for i under cache, unless they are there, and gives their directory. It needs
// npm and a package registry, once for each set of packages. progress, when not nil, is told of each step in a line without
// newline.
func PrepareSDK(ctx context.Context, cache string, i Interpreter, packages []string, progress func(line string)) (string, error) {
	const op = "runtimes.PrepareSDK"
	if progress == nil {
		progress = func(string) {}
	}
	target := SDKDir(cache, i, packages)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	progress(fmt.Sprintf("installing %s for node %s, once", strings.Join(packages, " "), i.Version))
	err := publish(target, func(tmp string) error {
		path := filepath.Join(filepath.Dir(i.Path), "npm")
		if _, err := os.Stat(path); err != nil {
			if path, err = exec.LookPath("npm"); err != nil {
				return &fault.Error{Kind: fault.Unsupported, Noun: "runtime", Name: "node " + i.Version,
					Detail: "the packages " + strings.Join(packages, ", ") + " of AWS's SDK need npm to be installed once, and there is none: put them into the function's node_modules"}
			}
		}
		var versions []string
		for _, name := range packages {
			versions = append(versions, sdkVersion(name, i.major()))
		}
		if said, err := npm(ctx, path, tmp, versions, progress); err != nil {
			return &fault.Error{Kind: fault.Internal, Noun: "runtime", Name: "node " + i.Version, Err: err,
				Detail: "npm could not install " + strings.Join(packages, ", ") + " of AWS's SDK, which needs a package registry once: " + said}
		}
		return nil
	})
	if err != nil {
		return "", fault.In(op, err)
	}
	progress("installed " + target)
	return target, nil
}

// npm installs packages into dir. No script of theirs is run. said is what it says of its failure. The npm that is beside a
// node runs on that one: each wants a node of its time.
func npm(ctx context.Context, path, dir string, packages []string, progress func(string)) (said string, err error) {
	args := append([]string{"install", "--prefix", dir, "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"}, packages...)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(path)+string(filepath.ListSeparator)+os.Getenv("PATH"), "NO_UPDATE_NOTIFIER=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err = cmd.Run(); err == nil {
		return "", nil
	}
	last := readLines(bytes.NewReader(out.Bytes()), progress)
	for line := range strings.Lines(out.String()) { // npm's first words say what, its last where its log is
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "npm error "); ok && !strings.HasPrefix(text, "code ") {
			return text, err
		}
	}
	return last, err
}
