package sigv4_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"anthill/api/protocol"
	"anthill/api/sigv4"
)

// What Sign signs, Verify accepts; one changed byte it does not.
func TestSignedIsVerified(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	v := &sigv4.Verifier{Now: func() time.Time { return now }, Lookup: func(string) (sigv4.Key, bool) { return sigv4.Key{Secret: "s3cret"}, true }}
	for _, c := range []struct{ method, at, service, body string }{
		{"POST", "http://localhost:1/", "sqs", `{"a":1}`},
		{"PUT", "http://localhost:1/b/a%20b/c%2Bd?x=1&y=%2F", "s3", "bytes"},
		{"GET", "http://localhost:1/path/a%20b/?z&b=2&a=1", "lambda", ""},
	} {
		r, err := http.NewRequest(c.method, c.at, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amz-Target", "A.B")
		sigv4.Signer{Key: "AKID", Secret: "s3cret", Region: "us-east-1", Service: c.service}.Sign(r, []byte(c.body), now)
		if err := v.Verify(r, []byte(c.body), protocol.JSON); err != nil {
			t.Errorf("%s %s: %v", c.method, c.at, err)
		}
		r.Header.Set("X-Amz-Target", "A.C")
		if err := v.Verify(r, []byte(c.body), protocol.JSON); err == nil {
			t.Errorf("%s %s: a changed header was accepted", c.method, c.at)
		}
	}
}
