package sandbox

import "context"

// Config says how a Pool behaves. See the fields of the real implementation.
type Config struct {
	Dir   string // where sockets, state pages and scratch directories live; must survive the platform for environments to be found again
	Lines Lines  // where log lines go
}

// Pool keeps environments warm and starts them on demand.
type Pool struct{}

// Open starts or finds the supervisor and takes over the environments that it still keeps.
func Open(ctx context.Context, c Config) (*Pool, error) { panic("being built") }

// Invoke runs inv in an environment of spec. The error is only ever our own trouble or ctx's end.
func (p *Pool) Invoke(ctx context.Context, spec Spec, inv Invocation) (*Result, error) {
	panic("being built")
}

// Adopt looks, after a restart, for the invocation of that id in the environments that survived: it waits for it when
// it still runs and gives its outcome. found is false when no environment knows of it.
func (p *Pool) Adopt(ctx context.Context, requestID string) (r *Result, found bool, err error) {
	panic("being built")
}

// Drop ends the idle environments of key and lets the busy ones end after their invocation.
func (p *Pool) Drop(key string) {}

// Close ends every environment and the supervisor.
func (p *Pool) Close() error { return nil }
