package blobs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"anthill/internal/disk"
)

// Check reads every blob in dir that somebody refers to and gives how many are whole.
func Check(x *disk.Examination, dir string, fs disk.FS) (whole int, findings []disk.Finding) {
	if fs == nil {
		fs = disk.Machine()
	}
	var last string
	for p, err := range x.Readable([]byte{keyspace}, []byte{keyspace + 1}) {
		if err != nil {
			findings = append(findings, disk.Finding{Part: "blobs", Lost: true, Text: fmt.Sprintf("reading their references ends: %v", err)})
			break
		}
		digest, owner, _ := strings.Cut(string(p.Key[1:]), "/")
		if digest == last {
			continue
		}
		last = digest
		if text := damage(fs, fs.PathJoin(dir, digest), digest); text != "" {
			findings = append(findings, disk.Finding{Part: "blob " + digest, Lost: true, Text: text + "; it belongs to " + owner})
			continue
		}
		whole++
	}
	return whole, findings
}

// damage says what is the matter with the file of a blob; "" when it is whole.
func damage(fs disk.FS, name, digest string) string {
	f, err := fs.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return "it is missing"
	}
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return err.Error()
	}
	if hex.EncodeToString(hash.Sum(nil)) != digest {
		return "its bytes do not have its digest"
	}
	return ""
}
