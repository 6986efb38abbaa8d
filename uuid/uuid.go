package uuid

import (
	"crypto/rand"
	"encoding/hex"
)

// New is a UUID of the system's random bits.
func New() string {
	var bits [16]byte
	rand.Read(bits[:]) // never fails
	return Of(bits)
}

// Of is the UUID of bits, six of which give way to the version and the variant.
func Of(bits [16]byte) string {
	bits[6] = bits[6]&0x0f | 0x40
	bits[8] = bits[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], bits[:4])
	hex.Encode(text[9:13], bits[4:6])
	hex.Encode(text[14:18], bits[6:8])
	hex.Encode(text[19:23], bits[8:10])
	hex.Encode(text[24:], bits[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
