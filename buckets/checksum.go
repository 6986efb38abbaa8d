package buckets

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"anthill/fault"
)

// Kinds of checksum of an object that came in parts.
const (
	FullObject = "FULL_OBJECT"
	Composite  = "COMPOSITE" // a checksum of the parts' checksums
)

// Checksum is a checksum of an object as S3 has it.
type Checksum struct {
	Algorithm string // "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"
	Value     string // base64; of a composite one with "-{parts}" at its end
	Type      string
}

// Algorithms are the checksum algorithms.
func Algorithms() []string { return []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} }

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	nvme       = crc64.MakeTable(0x9a6c9329ac4bc9b5) // the polynomial of NVM Express, reversed
)

type sum struct {
	hash.Hash
	algorithm string
}

// newSum begins a checksum. An empty algorithm means CRC64NVME, as S3's own default.
func newSum(algorithm string) (*sum, error) {
	switch algorithm {
	case "CRC32":
		return &sum{crc32.NewIEEE(), algorithm}, nil
	case "CRC32C":
		return &sum{crc32.New(castagnoli), algorithm}, nil
	case "", "CRC64NVME":
		return &sum{crc64.New(nvme), "CRC64NVME"}, nil
	case "SHA1":
		return &sum{sha1.New(), algorithm}, nil
	case "SHA256":
		return &sum{sha256.New(), algorithm}, nil
	}
	return nil, &fault.Error{Kind: fault.Invalid, Noun: "checksum algorithm", Name: algorithm}
}

func (s *sum) checksum() Checksum {
	return Checksum{Algorithm: s.algorithm, Value: base64.StdEncoding.EncodeToString(s.Sum(nil)), Type: FullObject}
}
