package iris_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"anthill/lab/iris"
)

func TestDeploymentUnpacksToItsFiles(t *testing.T) {
	packed, err := iris.Deployment(iris.Files([]byte("pickled")))
	if err != nil {
		t.Fatal(err)
	}
	name, dir := filepath.Join(t.TempDir(), "code.zip"), filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(name, packed, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := iris.Unpack(name, dir); err != nil {
		t.Fatal(err)
	}
	module, _, _ := strings.Cut(iris.Handler, ".")
	for file, want := range map[string]string{module + ".py": iris.Source(), "iris_model.pkl": "pickled"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s: %.40q, %v", file, got, err)
		}
	}
	if err := iris.Unpack(name, dir); err == nil {
		t.Error("files were overwritten")
	}
}

func TestHandlerLoadsTheModelThatIsPacked(t *testing.T) {
	if !strings.Contains(iris.Source(), `"iris_model.pkl"`) {
		t.Error("the handler opens another file")
	}
}
