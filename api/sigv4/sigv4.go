package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/api/protocol"
)

// Key is what is known of an access key.
type Key struct {
	Secret  string
	Token   string    // session token that must come with it; "" for long-lived keys
	Expires time.Time // zero: never
}

// Verifier checks requests.
type Verifier struct {
	// Lookup finds a key by its id.
	Lookup func(accessKey string) (Key, bool)

	// Now is the clock. Nil means time.Now.
	Now func() time.Time

	// Skew is how far the date of a request may be from Now. 0 means AWS's 5 minutes.
	Skew time.Duration
}

const (
	algorithm  = "AWS4-HMAC-SHA256"
	dateLayout = "20060102T150405Z"
	noMatch    = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and " +
		"signing method. Consult the service documentation for details."
)

// claim is what a request says about its own signature.
type claim struct {
	key, day, region, service string
	signedHeaders             []string // lower case, in their order
	signature                 string
	date                      time.Time
	expires                   time.Duration // presigned only
	presigned                 bool
	token                     string
}

// Verify checks the signature of r, whose body is body. The error is AWS's, in the code that services of protocol p use.
func (v *Verifier) Verify(r *http.Request, body []byte, p protocol.Protocol) error {
	refuse := refusal{query: p == protocol.Query, rest: p == protocol.REST || p == protocol.XML}
	c, err := read(r, refuse)
	if err != nil {
		return err
	}
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	if err := v.timely(c, now(), refuse); err != nil {
		return err
	}
	key, ok := v.Lookup(c.key)
	if !ok || key.Token != c.token {
		return refuse.unknownKey()
	}
	if !key.Expires.IsZero() && now().After(key.Expires) {
		return refuse.expiredToken()
	}
	want := sign(key.Secret, c, stringToSign(c, canonical(r, c, body)))
	if subtle.ConstantTimeCompare([]byte(want), []byte(c.signature)) != 1 {
		return refuse.mismatch(noMatch)
	}
	return nil
}

// timely checks the date of a request, and the span for which a presigned URL holds.
func (v *Verifier) timely(c *claim, now time.Time, refuse refusal) error {
	skew := v.Skew
	if skew == 0 {
		skew = 5 * time.Minute
	}
	signed, at := c.date.Format(dateLayout), now.UTC().Format(dateLayout)
	switch {
	case c.date.Sub(now) > skew:
		return refuse.mismatch(fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)", signed, now.UTC().Add(skew).Format(dateLayout), at, skew/time.Minute))
	case c.presigned && now.Sub(c.date) > c.expires:
		return refuse.mismatch(fmt.Sprintf("Signature expired: %s is now earlier than %s", c.date.Add(c.expires).Format(dateLayout), at))
	case !c.presigned && now.Sub(c.date) > skew:
		return refuse.mismatch(fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)", signed, now.UTC().Add(-skew).Format(dateLayout), at, skew/time.Minute))
	}
	return nil
}

// read takes the signature from the Authorization header or the query string.
func read(r *http.Request, refuse refusal) (*claim, error) {
	if auth := r.Header.Get("Authorization"); auth != "" {
		return readHeader(r, auth, refuse)
	}
	if q := r.URL.Query(); q.Has("X-Amz-Signature") || q.Has("X-Amz-Algorithm") {
		return readQuery(q, refuse)
	}
	return nil, refuse.missing()
}

func readHeader(r *http.Request, auth string, refuse refusal) (*claim, error) {
	name, rest, _ := strings.Cut(auth, " ")
	if name != algorithm {
		return nil, refuse.incomplete("Unsupported AWS 'algorithm': '" + name + "'.")
	}
	parts := map[string]string{}
	for _, part := range strings.Split(rest, ",") {
		k, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[k] = value
	}
	var lacks strings.Builder
	for _, k := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[k] == "" {
			lacks.WriteString("Authorization header requires '" + k + "' parameter. ")
		}
	}
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		if t, err := http.ParseTime(r.Header.Get("Date")); err == nil {
			date = t.UTC().Format(dateLayout)
		} else {
			lacks.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
		}
	}
	if lacks.Len() > 0 {
		return nil, refuse.incomplete(lacks.String() + "Authorization=" + name)
	}
	c := &claim{signature: parts["Signature"], signedHeaders: strings.Split(parts["SignedHeaders"], ";"), token: r.Header.Get("X-Amz-Security-Token")}
	return c, c.fill(parts["Credential"], date, refuse)
}

func readQuery(q url.Values, refuse refusal) (*claim, error) {
	if q.Get("X-Amz-Algorithm") != algorithm {
		return nil, refuse.incomplete("Unsupported AWS 'algorithm': '" + q.Get("X-Amz-Algorithm") + "'.")
	}
	for _, k := range []string{"X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"} {
		if q.Get(k) == "" {
			return nil, refuse.incomplete("AWS query-string parameters must include '" + k + "'. Re-examine the query-string parameters.")
		}
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 0 || seconds > 604800 {
		return nil, refuse.incomplete("X-Amz-Expires must be a number of seconds between 0 and 604800")
	}
	c := &claim{signature: q.Get("X-Amz-Signature"), signedHeaders: strings.Split(q.Get("X-Amz-SignedHeaders"), ";"), presigned: true,
		expires: time.Duration(seconds) * time.Second, token: q.Get("X-Amz-Security-Token")}
	return c, c.fill(q.Get("X-Amz-Credential"), q.Get("X-Amz-Date"), refuse)
}

// fill reads credential and date, and checks that they agree and that the host is signed.
func (c *claim) fill(credential, date string, refuse refusal) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return refuse.incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + credential + "'")
	}
	c.key, c.day, c.region, c.service = parts[0], parts[1], parts[2], parts[3]
	if parts[4] != "aws4_request" {
		return refuse.mismatch("Credential should be scoped with a valid terminator: 'aws4_request', not '" + parts[4] + "'.")
	}
	var err error
	if c.date, err = time.Parse(dateLayout, date); err != nil {
		return refuse.incomplete("Date must be in ISO-8601 'basic format'. Got '" + date + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	if day := date[:8]; day != c.day {
		return refuse.mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" + c.day + "' != '" + day + "', from '" + date + "'.")
	}
	if !slices.Contains(c.signedHeaders, "host") {
		return refuse.mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

// canonical writes the request in the form that is signed.
func canonical(r *http.Request, c *claim, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n")
	b.WriteString(canonicalPath(r.URL.EscapedPath(), c.service) + "\n")
	b.WriteString(canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range c.signedHeaders {
		b.WriteString(name + ":" + canonicalHeader(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(c.signedHeaders, ";") + "\n")
	b.WriteString(payloadHash(r, c, body))
	return b.String()
}

// payloadHash is what the client says of its body, when the body bears it out.
func payloadHash(r *http.Request, c *claim, body []byte) string {
	sum := sha256.Sum256(body)
	actual := hex.EncodeToString(sum[:])
	switch said := r.Header.Get("X-Amz-Content-Sha256"); {
	case said == "UNSIGNED-PAYLOAD", said == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		return said
	case c.service == "s3" && said != "": // its door holds the bytes against it as they come
		return said
	case c.presigned && c.service == "s3":
		return "UNSIGNED-PAYLOAD"
	default:
		return actual
	}
}

func canonicalPath(escaped, service string) string {
	if escaped == "" {
		return "/"
	}
	if service == "s3" {
		return escaped
	}
	var out []string
	for _, seg := range strings.Split(escaped, "/") {
		switch seg {
		case "", ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, encode(seg))
		}
	}
	path := "/" + strings.Join(out, "/")
	if len(out) > 0 && strings.HasSuffix(escaped, "/") {
		path += "/"
	}
	return path
}

// encode leaves the unreserved characters of RFC 3986 alone and writes the others as %XX.
func encode(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// canonicalQuery sorts the parameters by name, then by value, without the signature itself.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs [][2]string
	for _, part := range strings.Split(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, err1 := url.QueryUnescape(name)
		val, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			n, val = name, value
		}
		if n != "X-Amz-Signature" {
			pairs = append(pairs, [2]string{encode(n), encode(val)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if d := strings.Compare(a[0], b[0]); d != 0 {
			return d
		}
		return strings.Compare(a[1], b[1])
	})
	lines := make([]string, len(pairs))
	for i, p := range pairs {
		lines[i] = p[0] + "=" + p[1]
	}
	return strings.Join(lines, "&")
}

func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := r.Header.Values(name)
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(trimmed, ",")
}

func stringToSign(c *claim, canonicalRequest string) string {
	sum := sha256.Sum256([]byte(canonicalRequest))
	return strings.Join([]string{algorithm, c.date.Format(dateLayout), c.day + "/" + c.region + "/" + c.service + "/aws4_request",
		hex.EncodeToString(sum[:])}, "\n")
}

func sign(secret string, c *claim, text string) string {
	key := []byte("AWS4" + secret)
	for _, part := range []string{c.day, c.region, c.service, "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
