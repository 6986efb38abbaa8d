package runtimes

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"anthill/fault"
)

// pins are the libraries that AWS's Python runtimes bring, by the newest version that still runs on an interpreter. All
// are plain Python.
func pins(minor int) []string {
	switch {
	case minor >= 10:
		return []string{"boto3==1.43.11"}
	case minor == 9:
		return []string{"boto3==1.42.97"}
	}
	return []string{"boto3==1.37.38"}
}

// Libraries is the directory of cache that holds i's libraries once they are prepared.
func Libraries(cache string, i Interpreter) string {
	name := strings.NewReplacer("==", "-").Replace(strings.Join(pins(i.minor()), "-"))
	return filepath.Join(cache, "libraries", fmt.Sprintf("%s3.%d-%s", i.Language, i.minor(), name))
}

// Prepare installs i's libraries under cache, unless they are there, and gives their directory. It needs the package
// index, through pip, once. progress, when not nil, is told of each step in a line without newline.
func Prepare(ctx context.Context, cache string, i Interpreter, progress func(line string)) (string, error) {
	const op = "runtimes.Prepare"
	if progress == nil {
		progress = func(string) {}
	}
	target := Libraries(cache, i)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	progress(fmt.Sprintf("installing %s for python %s, once", strings.Join(pins(i.minor()), " "), i.Version))
	err := publish(target, func(tmp string) error {
		args := append([]string{"-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-warn-conflicts",
			"--only-binary", ":all:", "--target", tmp}, pins(i.minor())...)
		if err := pip(ctx, i, args, progress); err != nil {
			return err
		}
		_ = exec.CommandContext(ctx, i.Path, "-I", "-S", "-m", "compileall", "-q", "-j", "2", tmp).Run() // only makes imports quicker
		return nil
	})
	if err != nil {
		return "", fault.In(op, err)
	}
	progress("installed " + target)
	return target, nil
}

func pip(ctx context.Context, i Interpreter, args []string, progress func(string)) error {
	cmd := exec.CommandContext(ctx, i.Path, args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PIP_ROOT_USER_ACTION=ignore", "PYTHONWARNINGS=ignore")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	last := readLines(out, progress)
	if err := cmd.Wait(); err != nil {
		return &fault.Error{Kind: fault.Internal, Noun: "runtime", Name: "python " + i.Version, Err: err,
			Detail: "pip could not install the runtime's libraries, which needs a package index once: " + last}
	}
	return nil
}

// readLines passes lines on and gives the last that speaks of an error, else the last.
func readLines(r io.Reader, progress func(string)) string {
	var last, failed string
	for s := bufio.NewScanner(r); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" {
			continue
		}
		last = line
		if failed == "" && strings.HasPrefix(line, "ERROR") {
			failed = line
		}
		progress(line)
	}
	if failed != "" {
		return failed
	}
	return last
}
