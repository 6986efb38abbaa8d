package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Signer signs requests with an access key for a service in a region.
type Signer struct {
	Key, Secret, Token string // Token may be empty
	Region, Service    string
}

// Sign signs r, whose body is body, as of now: it sets X-Amz-Date, X-Amz-Content-Sha256 and Authorization (AWS: "Create a
// signed AWS API request").
func (s Signer) Sign(r *http.Request, body []byte, now time.Time) {
	now = now.UTC()
	sum := sha256.Sum256(body)
	r.Header.Set("X-Amz-Date", now.Format(dateLayout))
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	if s.Token != "" {
		r.Header.Set("X-Amz-Security-Token", s.Token)
	}
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	c := &claim{key: s.Key, day: now.Format("20060102"), region: s.Region, service: s.Service, date: now, signedHeaders: []string{"host"}}
	for name := range r.Header {
		if name = strings.ToLower(name); name == "content-type" || strings.HasPrefix(name, "x-amz-") {
			c.signedHeaders = append(c.signedHeaders, name)
		}
	}
	slices.Sort(c.signedHeaders)
	signature := sign(s.Secret, c, stringToSign(c, canonical(r, c, body)))
	r.Header.Set("Authorization", algorithm+" Credential="+strings.Join([]string{c.key, c.day, c.region, c.service, "aws4_request"}, "/")+
		", SignedHeaders="+strings.Join(c.signedHeaders, ";")+", Signature="+signature)
}
