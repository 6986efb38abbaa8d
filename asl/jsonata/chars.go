package jsonata

import "unicode/utf8"

// JavaScript's strings are UTF-16 and may hold half a surrogate pair. Here strings are UTF-8, and such a half is kept as
// the three bytes that UTF-8 would give its number, which is no valid UTF-8 and so cannot be mistaken.

// decodeChar reads one character, or one lone surrogate.
func decodeChar(s string) (rune, int) {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 && len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2]&0xC0 == 0x80 {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), 3
	}
	return r, n
}

func isSurrogate(r rune) bool { return r >= 0xD800 && r <= 0xDFFF }

// appendUnit adds one UTF-16 unit, joining it with the half pair before it.
func appendUnit(b []byte, u uint16) []byte {
	r := rune(u)
	if !isSurrogate(r) {
		return utf8.AppendRune(b, r)
	}
	if n := len(b); r >= 0xDC00 && n >= 3 && b[n-3] == 0xED && b[n-2] >= 0xA0 && b[n-2] <= 0xAF {
		high := 0xD000 | rune(b[n-2]&0x3F)<<6 | rune(b[n-1]&0x3F)
		return utf8.AppendRune(b[:n-3], 0x10000+(high-0xD800)<<10+(r-0xDC00))
	}
	return append(b, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0xBF, 0x80|byte(r)&0x3F)
}

// chars is the number of characters, lone surrogates counting as one.
func chars(s string) int {
	n := 0
	for i := 0; i < len(s); n++ {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := decodeChar(s[i:])
		i += size
	}
	return n
}

// charOffset is the byte offset of character n, or the end.
func charOffset(s string, n int) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := decodeChar(s[i:])
		i += size
	}
	return i
}

// split cuts s into characters.
func splitChars(s string) []string {
	out := make([]string, 0, len(s))
	for i := 0; i < len(s); {
		_, size := decodeChar(s[i:])
		out = append(out, s[i:i+size])
		i += size
	}
	return out
}
