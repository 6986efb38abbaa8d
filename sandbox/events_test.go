package sandbox_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"anthill/sandbox"
	"anthill/sandbox/sandboxtest"
)

// short names an event by its type and status, and leaves what a function printed as it is.
func short(lines []string) []string {
	var out []string
	for _, line := range lines {
		var e struct {
			Type   string
			Record struct{ Status, ErrorType string }
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Type != "" {
			line = strings.TrimSpace(strings.TrimPrefix(e.Type, "platform.") + " " + e.Record.Status + " " + e.Record.ErrorType)
		}
		out = append(out, line)
	}
	return out
}

// Which events the system log level lets through is AWS's table.
func TestSystemLogLevels(t *testing.T) {
	for _, c := range []struct {
		handler, level string
		want           []string
	}{
		{"fail", "DEBUG", []string{"initStart", "initRuntimeDone success", "initReport success", "start", "runtimeDone success", "report success"}},
		{"fail", "INFO", []string{"initStart", "start", "report success"}},
		{"fail", "", []string{"initStart", "start", "report success"}},
		{"fail", "WARN", nil},
		{"hang", "DEBUG", []string{"initStart", "initRuntimeDone success", "initReport success", "start", "runtimeDone timeout", "report timeout"}},
		{"hang", "INFO", []string{"initStart", "start", "runtimeDone timeout", "report timeout"}},
		{"hang", "WARN", []string{"runtimeDone timeout", "report timeout"}},
		{"missing", "WARN", []string{"initRuntimeDone error Runtime.ImportModuleError", "initReport error Runtime.ImportModuleError",
			"initRuntimeDone error Runtime.ImportModuleError", "initReport error Runtime.ImportModuleError",
			"runtimeDone error Runtime.ImportModuleError", "report error Runtime.ImportModuleError"}},
	} {
		t.Run(c.handler+c.level, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &transcript{}
				p := open(t, sandboxtest.New(handlers), sandbox.Config{Lines: log})
				defer closePool(t, p)
				s := spec(c.handler)
				s.LogFormat, s.SystemLogLevel = "JSON", c.level
				invoke(t, p, s, "r1", "1").Release()
				if diff := cmp.Diff(c.want, short(log.take())); diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Lines of a function have the level that they say, and INFO when they say none or not when they were written.
func TestApplicationLogLevels(t *testing.T) {
	printed := []string{
		"plain",
		`{"level":"ERROR","message":"no time"}`,
		`{"timestamp":"2026-01-01T00:00:00Z","level":"debug"}`,
		`{"timestamp":"2026-01-01T00:00:00.5Z","level":"Warning"}`,
		`{"time":"2026-01-01T00:00:00+02:00","level":"FATAL"}`,
		`{"timestamp":"2026-01-01T00:00:00Z","level":30}`,
		`{"timestamp":"2026-01-01T00:00:00Z","log_level":"ERROR"}`,
	}
	pick := func(of ...int) (out []string) {
		for _, i := range of {
			out = append(out, printed[i])
		}
		return out
	}
	for _, c := range []struct {
		format, level string
		want          []string
	}{
		{"Text", "", printed},
		{"JSON", "TRACE", printed},
		{"JSON", "", pick(0, 1, 3, 4, 5, 6)},
		{"JSON", "WARN", pick(3, 4, 6)},
		{"JSON", "FATAL", pick(4)},
	} {
		t.Run(c.format+c.level, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &transcript{}
				p := open(t, sandboxtest.New(map[string]sandboxtest.Func{"print": func(ctx context.Context, _ []byte) ([]byte, error) {
					for _, line := range printed {
						sandboxtest.Log(ctx, "%s", line)
					}
					return []byte("1"), nil
				}}), sandbox.Config{Lines: log})
				defer closePool(t, p)
				s := spec("print")
				s.LogFormat, s.ApplicationLogLevel = c.format, c.level
				invoke(t, p, s, "r1", "1").Release()
				var got, want []string
				for _, line := range log.take() {
					if !strings.Contains(line, "r1") && !strings.Contains(line, "platform.") && !strings.HasPrefix(line, "INIT") {
						got = append(got, line)
					}
				}
				for _, line := range c.want {
					want = append(want, changing.ReplaceAllString(line, "·"))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
			})
		})
	}
}
