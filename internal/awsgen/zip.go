package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"os"
	"strings"
)

// nameInTasks is a service's id as resources of Task states have it.
func nameInTasks(id string) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(strings.ToLower(id))
}

// writeZip writes files, by their names, so that the same files give the same bytes.
func writeZip(to string, files map[string][]byte) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, name := range sortedKeys(files) {
		w, err := z.Create(name)
		if err != nil {
			return err
		}
		if _, err := w.Write(files[name]); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, b.Bytes(), 0o644)
}
