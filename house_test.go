package anthill_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// plan says which rooms of the house a room may import. It is the picture in docs/architecture.md as text: a room
// imports only rooms on floors below it, and only those it needs. A trailing "/..." covers the rooms inside.
//
// When this test fails, first ask whether the import is right. If the wall has to move, move it here, in the picture,
// and in a page under docs/decisions, in one commit.
var plan = []struct {
	room string
	may  string
}{
	// words
	{"arn", ""},
	{"fault", ""},
	{"value", ""},
	{"uuid", ""},
	// durable rooms
	{"internal/disk", "fault"},
	{"store", "fault internal/disk"},
	{"history", "fault internal/disk"},
	{"blobs", "fault internal/disk"},
	// engines
	{"asl/failure", ""},
	{"asl/jsonpath", "value asl/failure"},
	{"asl/intrinsic", "value uuid asl/failure asl/jsonpath"},
	{"asl/template", "value asl/failure asl/jsonpath asl/intrinsic"},
	{"asl/choice", "value asl/failure asl/jsonpath asl/intrinsic asl/template"},
	{"asl/jsonata", "value uuid"},
	{"asl/interp", "value arn uuid asl asl/..."},
	{"asl", "value arn asl/failure asl/jsonpath asl/intrinsic asl/template asl/choice asl/jsonata"},
	{"sandbox/...", "arn fault sandbox sandbox/..."},
	{"sandbox", "arn fault sandbox/..."},
	// services: each may call only those to its left
	{"identity", "arn fault store history"},
	{"logs", "arn fault store history identity"},
	{"registry", "uuid arn fault store history blobs identity logs"},
	{"functions", "arn fault value uuid internal/disk store history blobs sandbox sandbox/... identity logs registry"},
	{"workflows", "arn fault value uuid store history blobs asl asl/... identity logs registry functions sandbox"},
	{"buckets", "internal/disk arn fault value store history blobs identity logs registry functions workflows"},
	{"connections", "arn fault value uuid store asl/failure workflows"}, // a task's integration, as the stages of gateways are
	{"gateways/vtl", "value"},
	{"gateways", "arn fault value uuid store history blobs identity logs registry functions workflows buckets asl/jsonpath asl/failure gateways/vtl"},
	// doors
	{"api/protocol", "fault arn"},
	{"api/sigv4", "fault api/protocol"},
	{"api/remote", "fault value api/sigv4 asl asl/failure workflows"}, // does tasks, as connections does
	{"api", "arn fault value api/protocol api/sigv4 api/..."},
	{"api/lambda", "arn fault value api/protocol functions identity logs sandbox"},
	{"api/sfn", "arn fault value api/protocol workflows identity logs asl asl/failure"},
	{"api/...", "arn fault value api/protocol identity logs registry functions workflows buckets connections gateways"},
	{"console", "arn fault value history identity logs registry functions workflows buckets gateways"},
	// measurement: reaches the platform through its public API only
	{"latency", "value fault"},
	{"loadtest", "value fault latency"},
	{"report", "value fault latency loadtest"},
	{"lab/iris", "fault"},
	{"lab", "value fault arn latency loadtest report lab/iris"},
	{"bench", "value uuid fault arn latency loadtest report history internal/disk sandbox sandbox/process lab/iris"}, // floors are of the rooms themselves
	// wiring
	{"server", "*"},
	{"cmd/anthill", "uuid server bench lab loadtest latency report fault value arn sandbox/supervisor sandbox/process sandbox internal/..."},
	// support
	{"internal/awsgen", "api/protocol"},
	{"test/...", "*"},
	{".", ""},
}

// modules says which rooms may import a third-party module. Tests may import any of go.mod.
var modules = map[string]string{
	"github.com/cockroachdb/pebble/v2":        "internal/disk store history",
	"github.com/go-json-experiment/json":      "*",
	"github.com/dlclark/regexp2":              "asl/jsonata asl/jsonpath",
	"github.com/spf13/cobra":                  "cmd/anthill",
	"github.com/lmittmann/tint":               "cmd/anthill",
	"charm.land":                              "cmd/anthill loadtest",
	"gonum.org/v1/plot":                       "report",
	"golang.org/x/image":                      "report",
	"github.com/HdrHistogram/hdrhistogram-go": "latency loadtest",
	"github.com/valyala/fasthttp":             "loadtest",
	"golang.org/x/sys":                        "sandbox sandbox/... internal/disk blobs test/vm",
	"golang.org/x/time":                       "functions",
	"github.com/landlock-lsm/go-landlock":     "sandbox/confine",
	"github.com/elastic/go-seccomp-bpf":       "sandbox/confine",
	"github.com/google/go-containerregistry":  "registry sandbox/image",
	"github.com/klauspost/compress":           "sandbox/image", // twice the standard library's speed at what a first invocation of an image waits for
	"github.com/prometheus/client_golang":     "server",
	"go.opentelemetry.io":                     "server",
}

// sources gives every Go file of the house, parsed with its imports and package comment.
func sources(t *testing.T, mode parser.Mode) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); p != "." && (strings.HasPrefix(n, ".") || strings.HasPrefix(n, "_") || n == "testdata" || n == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, mode)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(p)] = f
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// covers reports whether one of the words in list names room, exactly or by its "/...".
func covers(list, room string) bool {
	for _, w := range strings.Fields(list) {
		if w == "*" || w == room || strings.HasSuffix(w, "/...") && strings.HasPrefix(room, strings.TrimSuffix(w, "...")) {
			return true
		}
	}
	return false
}

func TestFloorPlan(t *testing.T) {
	for file, f := range sources(t, parser.ImportsOnly) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		room := path.Dir(file)
		may, known := "", false
		for _, p := range plan { // the first line that names the room decides
			if covers(p.room, room) {
				may, known = p.may, true
				break
			}
		}
		if !known {
			t.Errorf("%s: the room %q is not in the plan", file, room)
			continue
		}
		for _, spec := range f.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if in, ours := strings.CutPrefix(imp, "anthill/"); ours {
				if in != room && !covers(may, in) {
					t.Errorf("%s imports %s, which the plan does not allow: %s may import %q", file, imp, room, may)
				}
				continue
			}
			for mod, rooms := range modules {
				if (imp == mod || strings.HasPrefix(imp, mod+"/")) && !covers(rooms, room) {
					t.Errorf("%s imports %s, which is admitted to %q only", file, imp, rooms)
				}
			}
		}
	}
}

// Engines are functions of their arguments: nothing under asl/ touches the world.
func TestEnginesArePure(t *testing.T) {
	forbidden := map[string]bool{"os": true, "net": true, "net/http": true, "os/exec": true, "log": true, "io/fs": true, "math/rand": true, "crypto/rand": true}
	for file, f := range sources(t, 0) {
		if !strings.HasPrefix(file, "asl/") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, spec := range f.Imports {
			if imp, _ := strconv.Unquote(spec.Path.Value); forbidden[imp] {
				t.Errorf("%s imports %s", file, imp)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", file)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && (n.Sel.Name == "Now" || n.Sel.Name == "Sleep" || n.Sel.Name == "After") {
					t.Errorf("%s calls time.%s", file, n.Sel.Name)
				}
			}
			return true
		})
	}
}

// Every room says its purpose once, in doc.go, and no room is named for nothing.
func TestRoomsSayTheirPurpose(t *testing.T) {
	comments := map[string][]string{}
	for file, f := range sources(t, parser.ParseComments|parser.PackageClauseOnly) {
		dir := path.Dir(file)
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if _, ok := comments[dir]; !ok {
			comments[dir] = nil
		}
		if f.Doc != nil && !strings.HasPrefix(f.Doc.Text(), "Code generated") {
			comments[dir] = append(comments[dir], path.Base(file))
		}
		switch f.Name.Name {
		case "util", "utils", "common", "helper", "helpers", "manager", "misc":
			t.Errorf("%s: a package named %q is named for nothing", file, f.Name.Name)
		}
	}
	for dir, in := range comments {
		if len(in) != 1 {
			t.Errorf("%s: want one package comment, found %d %v", dir, len(in), in)
		}
	}
}

// What is committed speaks of Anthill alone: no path of somebody's machine, no registry's address.
func TestNoForeignWords(t *testing.T) {
	bad := []string{"/" + "work/", "/" + "root/", "proxy." + "golang", "registry." + "npmjs", "pypi" + ".org", "deb." + "debian"}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); p != "." && (n == ".git" || n == "node_modules" || n == "bin" || n == "lab-report") {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(p) {
		case ".go", ".md", ".py", ".sh", ".txt", ".txtar", ".yml", ".mjs", ".js", ".ts", "":
		default:
			return nil
		}
		if d.Name() == "go.sum" || d.Name() == ".git" {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(b), "\n") {
			for _, w := range bad {
				if strings.Contains(line, w) && !strings.Contains(line, "etc/root") {
					t.Errorf("%s:%d: names %q", p, i+1, w)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
