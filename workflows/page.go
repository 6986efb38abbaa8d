package workflows

import (
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"strings"

	"anthill/fault"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// sealToken makes a page token of a key. It is checked when it comes back, so that a made-up one is refused.
func sealToken(key string) string {
	sum := crc32.ChecksumIEEE([]byte(key))
	return base64.RawURLEncoding.EncodeToString(append([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, key...))
}

func openToken(token string) (key string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < 4 || sealToken(string(raw[4:])) != token {
		return "", false
	}
	return string(raw[4:]), true
}

func badToken(op string) error {
	return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "token", Detail: "Invalid Token: 'Invalid token'"}
}

// Page cuts a list that is already in its order: limit items after the token of the page before. limit 0 means 100.
// key names an item; it must be unique in the list.
func Page[T any](list []T, limit int, after string, key func(T) string) (page []T, next string, err error) {
	if limit <= 0 {
		limit = 100
	}
	if after != "" {
		last, ok := openToken(after)
		if !ok || !strings.HasPrefix(last, "page:") {
			return nil, "", badToken("workflows.Page")
		}
		for len(list) > 0 && key(list[0]) != last[len("page:"):] {
			list = list[1:]
		}
		if len(list) > 0 {
			list = list[1:]
		}
	}
	if len(list) > limit {
		return list[:limit], sealToken("page:" + key(list[limit-1])), nil
	}
	return list, "", nil
}
