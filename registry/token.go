package registry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// tokenLife is how long an authorization token is good (API reference, GetAuthorizationToken: 12 hours).
const tokenLife = 12 * time.Hour

// Issue gives the password with which docker logs in as user AWS, and when it ends. It says for which account and region
// the login is.
func (s *Service) Issue(account, region string) (password string, expires time.Time) {
	expires = s.now().Add(tokenLife)
	claim := account + "/" + region + "/" + strconv.FormatInt(expires.Unix(), 10)
	return base64.RawURLEncoding.EncodeToString([]byte(claim + "/" + s.sign(claim))), expires
}

func (s *Service) sign(claim string) string {
	h := hmac.New(sha256.New, s.secret)
	h.Write([]byte(claim))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// grant is what a password says. Only good ones were issued here and hold.
type grant struct {
	account, region string
	good, expired   bool
}

func (s *Service) read(password string) grant {
	raw, err := base64.RawURLEncoding.DecodeString(password)
	p := strings.Split(string(raw), "/")
	if err != nil || len(p) != 4 || !hmac.Equal([]byte(p[3]), []byte(s.sign(strings.Join(p[:3], "/")))) {
		return grant{}
	}
	until, err := strconv.ParseInt(p[2], 10, 64)
	expired := err != nil || s.now().Unix() >= until
	return grant{p[0], p[1], !expired, expired}
}
