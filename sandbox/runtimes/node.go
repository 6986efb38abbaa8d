package runtimes

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

// resolveNode gives the Node.js that identifier ("nodejs22.x") runs on, by the rules of Resolve.
func (c *Catalog) resolveNode(ctx context.Context, identifier string) (i Interpreter, exact bool, err error) {
	const op = "runtimes.Resolve"
	s, ok := strings.CutSuffix(strings.TrimPrefix(identifier, "nodejs"), ".x")
	major, err := strconv.Atoi(s)
	if !ok || err != nil || major < 16 || major > 24 || major%2 != 0 {
		return Interpreter{}, false, fault.Invalidf(op, "runtime", "%s is not a runtime that Anthill knows", identifier)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.nodesAsked {
		c.nodes = findNodes(ctx)
		c.nodesAsked = ctx.Err() == nil
	}
	if len(c.nodes) == 0 {
		return Interpreter{}, false, &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "runtime", Name: identifier,
			Detail: "no node was found in PATH: install one"}
	}
	best := slices.MinFunc(c.nodes, func(a, b Interpreter) int {
		return cmp.Or(cmp.Compare(abs(a.major()-major), abs(b.major()-major)), cmp.Compare(b.major(), a.major()))
	})
	return best, best.major() == major, nil
}

func (i Interpreter) major() int {
	s, _, _ := strings.Cut(i.Version, ".")
	n, _ := strconv.Atoi(s) // 0 when it is no number
	return n
}

// findNodes finds node in PATH and the versions that nvm keeps.
func findNodes(ctx context.Context) []Interpreter {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var names []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		names = append(names, filepath.Join(dir, "node"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		more, _ := filepath.Glob(filepath.Join(home, ".nvm/versions/node/*/bin/node")) // the pattern is well-formed
		names = append(names, more...)
	}
	var all []Interpreter
	seen := map[string]bool{}
	for _, name := range names {
		real, err := filepath.EvalSymlinks(name)
		if err != nil || seen[real] || isScript(real) {
			continue
		}
		seen[real] = true
		out, err := exec.CommandContext(ctx, real, "--version").Output()
		if err != nil {
			continue
		}
		version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
		all = append(all, Interpreter{Language: "nodejs", Path: real, Version: version, Prefix: filepath.Dir(filepath.Dir(real))})
	}
	return all
}
