package process

import (
	"context"
	"strings"
	"time"

	"anthill/sandbox"
	"anthill/sandbox/runtimes"
)

// sdk gives the directory whose node_modules has what a Node function uses of AWS's SDK and does not bring, "" when it uses
// nothing of it, and installs it if it is not there.
func (d *Driver) sdk(ctx context.Context, i runtimes.Interpreter, s *sandbox.Spec) (string, error) {
	key := "sdk " + codeKey(s)
	d.mu.Lock()
	l := d.mu.prepared[key]
	if l == nil {
		l = &libraries{}
		d.mu.prepared[key] = l
	}
	d.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.looked {
		l.packages, l.looked = runtimes.SDK(append([]string{s.CodeDir}, s.Layers...)), true
	}
	if len(l.packages) > 0 && l.dir == "" && time.Since(l.tried) > time.Minute {
		l.dir, l.err = runtimes.PrepareSDK(ctx, d.c.Cache, i, l.packages, d.c.Progress)
		l.tried = time.Now()
	}
	return l.dir, l.err
}

// nodeMajor is the number in a Node runtime's identifier.
func nodeMajor(s *sandbox.Spec) string {
	return strings.TrimSuffix(strings.TrimPrefix(s.Runtime, "nodejs"), ".x")
}
