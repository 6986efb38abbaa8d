package runtimes

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"hash"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"anthill/fault"
)

//go:embed python/*.py nodejs/*.mjs nodejs/*.cjs
var bootstraps embed.FS

// Bootstrap writes the bootstrap of i's language under dir, compiled for i, and gives the directory it is in. What is
// there already is used as it is: the directory's name holds the digest of its content.
func Bootstrap(ctx context.Context, dir string, i Interpreter) (string, error) {
	const op = "runtimes.Bootstrap"
	files, err := fs.Sub(bootstraps, i.Language)
	if err != nil {
		return "", fault.In(op, err)
	}
	digest, err := digestOf(files)
	if err != nil {
		return "", fault.In(op, err)
	}
	digest.Write(pause())
	target := filepath.Join(dir, i.Language+"-"+i.Version+"-"+hex.EncodeToString(digest.Sum(nil))[:12])
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	err = publish(target, func(tmp string) error {
		if err := os.CopyFS(tmp, files); err != nil {
			return err
		}
		if i.Language != "python" {
			return nil
		}
		if program := pause(); program != nil {
			if err := os.WriteFile(filepath.Join(tmp, "init"), program, 0o755); err != nil {
				return err
			}
		}
		// Without bytecode beside it every plain start would compile it again. A failure only costs that time.
		_ = exec.CommandContext(ctx, i.Path, "-I", "-S", "-m", "compileall", "-q", tmp).Run()
		return nil
	})
	return target, fault.In(op, err)
}

func digestOf(files fs.FS) (hash.Hash, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		h.Write([]byte(path))
		h.Write(b)
		return err
	})
	return h, err
}

// publish fills a new directory and gives it its name by one rename. When somebody else was faster theirs stays.
func publish(target string, fill func(tmp string) error) error {
	parent := filepath.Dir(target)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, target); err != nil {
		if _, exists := os.Stat(target); exists == nil {
			return nil
		}
		return err
	}
	return nil
}
