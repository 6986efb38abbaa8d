package iris

import (
	_ "embed"
	"os"
	"path/filepath"
	"runtime"
)

//go:embed lambda_function.py
var handler string

//go:embed train.py
var training string

const modelFile = "iris_model.pkl"

const (
	// Handler is the function's handler.
	Handler = "lambda_function.lambda_handler"
	// Event is an invocation's payload as a REST API gives it: one iris.
	Event = `{"body": "{\"values\": [[6.3, 3.3, 6.0, 2.5]]}"}`
)

// Source is the handler's module, lambda_function.py.
func Source() string { return handler }

// Files are the function's deployment package, with a model that Train gave.
func Files(model []byte) map[string][]byte {
	return map[string][]byte{"lambda_function.py": []byte(handler), modelFile: model}
}

// Machine is this machine's name in the names of Python packages.
func Machine() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64"
	}
	return "x86_64"
}

// DefaultCache is where what takes long is kept: anthill/lab under the user's cache directory, or under that for temporary
// files when there is none.
func DefaultCache() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "anthill", "lab")
}
