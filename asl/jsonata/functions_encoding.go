package jsonata

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

func encodingFunctions() []builtinDef {
	return []builtinDef{
		{"base64encode", "<s-:s>", 1, strict(func(ev *eval, in val, args []val) val {
			ev.charge(2 * len(args[0].text()))
			return ofString(base64.StdEncoding.EncodeToString(latin1(args[0].text())))
		})},
		{"base64decode", "<s-:s>", 1, strict(func(ev *eval, in val, args []val) val {
			ev.charge(2 * len(args[0].text()))
			return ofString(decodeBase64(args[0].text()))
		})},
		{"encodeUrlComponent", "<s-:s>", 1, strict(urlEncoder("encodeUrlComponent", ""))},
		{"encodeUrl", "<s-:s>", 1, strict(urlEncoder("encodeUrl", urlReserved))},
		{"decodeUrlComponent", "<s-:s>", 1, strict(urlDecoder("decodeUrlComponent", ""))},
		{"decodeUrl", "<s-:s>", 1, strict(urlDecoder("decodeUrl", urlReserved))},
	}
}

// latin1 is the low byte of every UTF-16 unit, which is what the reference encodes.
func latin1(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		r, n := decodeChar(s[i:])
		i += n
		if r > 0xFFFF {
			r -= 0x10000
			b = append(b, byte(0xD800+r>>10), byte(r))
			continue
		}
		b = append(b, byte(r))
	}
	return b
}

// decodeBase64 takes both alphabets and passes over what belongs to neither.
func decodeBase64(s string) string {
	clean := make([]byte, 0, len(s))
	for i := 0; i < len(s) && s[i] != '='; i++ {
		switch c := s[i]; {
		case c == '-':
			clean = append(clean, '+')
		case c == '_':
			clean = append(clean, '/')
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/':
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	raw, _ := base64.RawStdEncoding.DecodeString(string(clean))
	b := make([]byte, 0, len(raw))
	for _, c := range raw {
		b = utf8.AppendRune(b, rune(c))
	}
	return string(b)
}

const (
	urlMarks    = "-_.!~*'()"
	urlReserved = ";/?:@&=+$,#"
)

func urlPlain(c byte, also string) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte(urlMarks, c) >= 0 || strings.IndexByte(also, c) >= 0
}

func urlEncoder(name, keep string) nativeFunc {
	return func(ev *eval, in val, args []val) val {
		s := args[0].text()
		ev.charge(3 * len(s))
		b := make([]byte, 0, len(s)+16)
		for i := 0; i < len(s); i++ {
			if urlPlain(s[i], keep) {
				b = append(b, s[i])
				continue
			}
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				panic(&Error{Code: "D3140", Position: -1, Token: name, detail: args[0]})
			}
			for k := range n {
				b = append(b, '%', "0123456789ABCDEF"[s[i+k]>>4], "0123456789ABCDEF"[s[i+k]&15])
			}
			i += n - 1
		}
		return ofString(string(b))
	}
}

func urlDecoder(name, keep string) nativeFunc {
	return func(ev *eval, in val, args []val) val {
		s := args[0].text()
		ev.charge(len(s))
		bad := func() { panic(&Error{Code: "D3140", Position: -1, Token: name, detail: args[0]}) }
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			if s[i] != '%' {
				b = append(b, s[i])
				continue
			}
			start := i
			var char []byte
			for want := 1; len(char) < want; i += 3 {
				if i+2 >= len(s) || s[i] != '%' || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
					bad()
				}
				char = append(char, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
				if want == 1 {
					want = utf8Length(char[0])
				}
			}
			if !utf8.Valid(char) {
				bad()
			}
			if len(char) == 1 && strings.IndexByte(keep, char[0]) >= 0 {
				char = []byte(s[start:i])
			}
			b = append(b, char...)
			i--
		}
		return ofString(string(b))
	}
}

func utf8Length(first byte) int {
	switch {
	case first >= 0xF0:
		return 4
	case first >= 0xE0:
		return 3
	case first >= 0xC0:
		return 2
	}
	return 1
}

func unhex(c byte) int {
	if c >= 0x30 && c <= 0x39 {
		return int(c - 0x30)
	}
	if c |= 0x20; c >= 'a' && c <= 'f' {
		return int(c-'a') + 10
	}
	return -1
}
