package runtimes

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

// resolveNode gives the Node.js that identifier ("nodejs22.x") runs on, by the rules of Resolve.
func (c *Catalog) resolveNode(ctx context.Context, identifier string) (i Interpreter, exact bool, err error) {
	const op = "runtimes.Resolve"
	major, err := nodeMajor(op, identifier)
	if err != nil {
		return Interpreter{}, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.searchNodesLocked(ctx)
	nearest := func(all []Interpreter) Interpreter {
		return slices.MinFunc(all, func(a, b Interpreter) int {
			return cmp.Or(cmp.Compare(abs(a.major()-major), abs(b.major()-major)), cmp.Compare(b.major(), a.major()))
		})
	}
	if len(c.nodes) > 0 {
		if best := nearest(c.nodes); best.major() == major {
			return best, true, nil
		}
	}
	all := append(c.nodes[:len(c.nodes):len(c.nodes)], c.preparedLocked(ctx)...)
	if len(all) == 0 {
		return Interpreter{}, false, &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "runtime", Name: identifier,
			Detail: "no node was found in PATH: install one"}
	}
	best := nearest(all)
	return best, best.major() == major, nil
}

// Nodes lists the versions of Node.js of this machine, one for each major version, those of PATH first.
func (c *Catalog) Nodes(ctx context.Context) []Interpreter {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.searchNodesLocked(ctx)
	var all []Interpreter
	for _, i := range append(c.nodes[:len(c.nodes):len(c.nodes)], c.preparedLocked(ctx)...) {
		same := func(o Interpreter) bool { return o.major() == i.major() }
		if !slices.ContainsFunc(all, same) {
			all = append(all, i)
		}
	}
	return all
}

func (c *Catalog) searchNodesLocked(ctx context.Context) {
	if c.nodesAsked {
		return
	}
	c.nodes = findNodes(ctx, nodePlaces())
	c.nodesAsked = ctx.Err() == nil
}

// nodeMajor reads "nodejs22.x". AWS has had even versions alone.
func nodeMajor(op, identifier string) (int, error) {
	s, ok := strings.CutPrefix(identifier, "nodejs")
	s, dotted := strings.CutSuffix(s, ".x")
	major, err := strconv.Atoi(s)
	if !ok || !dotted || err != nil || major < 16 || major > 24 || major%2 != 0 {
		return 0, fault.Invalidf(op, "runtime", "%s is not a runtime that Anthill knows", identifier)
	}
	return major, nil
}

func (i Interpreter) major() int {
	s, _, _ := strings.Cut(i.Version, ".")
	n, _ := strconv.Atoi(s) // 0 when it is no number
	return n
}

// NodeFlags gives what AWS starts Node.js with for identifier: its runtimes have neither ES modules through require nor a
// guess at what kind of module a file is, unless options, which is NODE_OPTIONS, asks for them (developer guide, "Building
// Lambda functions with Node.js"). A node that does not know a flag does not have what it turns off.
func NodeFlags(identifier string, i Interpreter, options string) []string {
	var flags []string
	for _, f := range []struct {
		name         string
		major, minor int // since when; the version after that has it from its beginning
	}{{"experimental-require-module", 20, 17}, {"experimental-detect-module", 20, 10}} {
		switch {
		case strings.Contains(options, "--"+f.name):
		case f.name == "experimental-detect-module" && identifier == "nodejs20.x": // AWS has left it
		case i.major() > f.major+1, i.major() == f.major && i.minor() >= f.minor:
			flags = append(flags, "--no-"+f.name)
		}
	}
	return flags
}

// nodePlaces lists where node is looked for: PATH, and where version managers keep what is not in it.
func nodePlaces() []string {
	var patterns []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		patterns = append(patterns, filepath.Join(dir, "node"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		for _, manager := range []string{".nvm/versions/node/*", ".local/share/fnm/node-versions/*/installation", ".asdf/installs/nodejs/*",
			".local/share/mise/installs/node/*", ".volta/tools/image/node/*", ".nodenv/versions/*", "n/n/versions/node/*"} {
			patterns = append(patterns, filepath.Join(home, manager, "bin/node"))
		}
	}
	return append(patterns, "/usr/local/n/versions/node/*/bin/node")
}

// findNodes asks what stands at patterns for its version.
func findNodes(ctx context.Context, patterns []string) []Interpreter {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var all []Interpreter
	seen := map[string]bool{}
	for _, pattern := range patterns {
		names, _ := filepath.Glob(pattern) // one that is malformed, as a directory of PATH may be, finds nothing
		slices.Reverse(names)              // the newest of a manager's versions first, more or less
		for _, name := range names {
			real, err := filepath.EvalSymlinks(name)
			if err != nil || seen[real] || isScript(real) {
				continue
			}
			seen[real] = true
			if i, err := askNode(ctx, real); err == nil {
				all = append(all, i)
			}
		}
	}
	return all
}

func askNode(ctx context.Context, path string) (Interpreter, error) {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return Interpreter{}, err
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	return Interpreter{Language: "nodejs", Path: path, Version: version, Prefix: filepath.Dir(filepath.Dir(path))}, nil
}

// preparedLocked gives the versions that PrepareNode has put into the cache. It looks again each time, since they may come
// while a platform runs.
func (c *Catalog) preparedLocked(ctx context.Context) []Interpreter {
	if c.Cache == "" {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(c.Cache, "runtimes", "nodejs*", "bin/node"))
	if err != nil {
		return nil
	}
	var all []Interpreter
	for _, name := range names {
		i, known := c.asked[name]
		if !known {
			if i, err = askNode(ctx, name); err != nil {
				continue // it may do better next time
			}
			if c.asked == nil {
				c.asked = map[string]Interpreter{}
			}
			c.asked[name] = i
		}
		all = append(all, i)
	}
	return all
}

// PrepareNode installs the version of Node.js that identifier ("nodejs22.x") names under cache, unless it is there: the
// newest that the package registry has. It needs npm once, and so some other node. A catalog finds it in its Cache.
func PrepareNode(ctx context.Context, cache, identifier string, progress func(line string)) error {
	const op = "runtimes.PrepareNode"
	major, err := nodeMajor(op, identifier)
	if err != nil {
		return err
	}
	processor, ok := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if !ok || runtime.GOOS != "linux" {
		return &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "runtime", Name: identifier, Detail: "the package registry has no node for this machine: install it yourself"}
	}
	target := filepath.Join(cache, "runtimes", fmt.Sprintf("nodejs%d", major))
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	name := "node-linux-" + processor
	progress(fmt.Sprintf("installing node %d, once", major))
	err = publish(target, func(tmp string) error {
		path, err := exec.LookPath("npm")
		if err != nil {
			return &fault.Error{Kind: fault.Unsupported, Noun: "runtime", Name: identifier, Detail: fmt.Sprintf("npm is needed to install it, and there is none: put a node %d into PATH", major)}
		}
		all := filepath.Join(tmp, "package")
		if err := os.Mkdir(all, 0o755); err != nil {
			return err
		}
		if said, err := npm(ctx, path, all, []string{fmt.Sprintf("%s@%d", name, major)}, progress); err != nil {
			return &fault.Error{Kind: fault.Internal, Noun: "runtime", Name: identifier, Err: err,
				Detail: "npm could not install it, which needs a package registry once: " + said}
		}
		// Headers and manuals are half of it.
		if err := os.Mkdir(filepath.Join(tmp, "bin"), 0o755); err != nil {
			return err
		}
		for from, to := range map[string]string{"bin/node": "bin/node", "LICENSE": "LICENSE"} {
			if err := os.Rename(filepath.Join(all, "node_modules", name, from), filepath.Join(tmp, to)); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(all); err != nil {
			return err
		}
		_, err = askNode(ctx, filepath.Join(tmp, "bin/node")) // that does not run here is not kept
		return err
	})
	if err != nil {
		return fault.In(op, err)
	}
	progress("installed " + target)
	return nil
}
