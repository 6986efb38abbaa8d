package store

import (
	"bytes"
	"encoding/json"
	"fmt"

	"anthill/internal/disk"
)

// Check reads every document that can be read and gives how many there are in each collection.
func Check(x *disk.Examination) (collections map[string]int, findings []disk.Finding) {
	collections = map[string]int{}
	for p, err := range x.Readable([]byte{keyspace}, []byte{keyspace + 1}) {
		if err != nil {
			findings = append(findings, disk.Finding{Part: "definitions", Lost: true, Text: fmt.Sprintf("reading ends: %v", err)})
			break
		}
		name, key, ok := bytes.Cut(p.Key[1:], []byte{0})
		if !ok || !json.Valid(p.Value) {
			findings = append(findings, disk.Finding{Part: "definition " + string(name) + " " + string(key), Lost: true, Text: "the stored document is damaged"})
			continue
		}
		collections[string(name)]++
	}
	return collections, findings
}
