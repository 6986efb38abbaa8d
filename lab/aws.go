package lab

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strings"
	"time"

	"anthill/fault"
)

// client calls AWS APIs over HTTP as an SDK does, signed with Signature Version 4. The few calls that the lab makes need no more.
type client struct {
	endpoint  string // "http://127.0.0.1:4566"
	region    string
	accessKey string
	secretKey string
	token     string // of a session; "" for none
	http      *http.Client
}

// newClient signs with the key and for the region that AWS's own environment variables name, else with a key that only
// a platform which verifies no signatures takes.
func newClient(endpoint string) *client {
	accessKey, secretKey, token := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")
	if accessKey == "" || secretKey == "" {
		accessKey, secretKey, token = "test", "test", ""
	}
	region := cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1")
	return &client{endpoint: strings.TrimRight(endpoint, "/"), region: region, accessKey: accessKey, secretKey: secretKey, token: token,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}, Timeout: 15 * time.Minute}}
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request of an API in AWS's JSON protocols: in is its body (nil for none), out takes the answer's.
// service is the signing name. An answer of 400 or more is a fault with AWS's code and message.
func (c *client) call(ctx context.Context, service, method, path, target string, in, out any) error {
	op := "lab." + service
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fault.In(op, err)
		}
	}
	header := http.Header{}
	switch {
	case target != "":
		version := "1.0"
		if service == "logs" {
			version = "1.1"
		}
		header.Set("Content-Type", "application/x-amz-json-"+version)
		header.Set("X-Amz-Target", target)
	case in != nil:
		header.Set("Content-Type", "application/json")
	}
	a, err := c.send(ctx, service, method, path, header, body)
	if err != nil {
		return err
	}
	if a.status >= 400 {
		return a.fault(op, method+" "+path+" "+target)
	}
	if out == nil || len(a.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return &fault.Error{Kind: fault.Internal, Op: op, Detail: "the answer is no JSON", Err: err}
	}
	return nil
}

// fault gives AWS's error as one of ours.
func (a *answer) fault(op, what string) error {
	var e struct {
		Type     string `json:"__type"`
		Code     string `json:"code"`
		Message  string `json:"message"`
		Message2 string `json:"Message"`
	}
	_ = json.Unmarshal(a.body, &e) // what is no JSON is shown as it is
	code, _, _ := strings.Cut(a.header.Get("X-Amzn-Errortype"), ":")
	for _, s := range []string{e.Type, e.Code} {
		if code == "" {
			code = s[strings.LastIndexByte(s, '#')+1:]
		}
	}
	text := e.Message + e.Message2
	if text == "" {
		text = strings.TrimSpace(string(a.body))
	}
	kind := fault.Internal
	switch {
	case a.status == 404:
		kind = fault.NotFound
	case a.status == 409:
		kind = fault.Exists
	case a.status == 429:
		kind = fault.Throttled
	case a.status == 501:
		kind = fault.Unsupported
	case a.status < 500:
		kind = fault.Invalid
	}
	return &fault.Error{Kind: kind, Op: op, Reason: code, Detail: fmt.Sprintf("%s: %d %s: %s", strings.TrimSpace(what), a.status, code, text)}
}

// send signs and sends a request and reads its answer.
func (c *client) send(ctx context.Context, service, method, path string, header http.Header, body []byte) (*answer, error) {
	const op = "lab.send"
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.In(op, err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	c.sign(req, service, body, time.Now().UTC())
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Internal, Op: op, Noun: "platform", Name: c.endpoint, Detail: "does not answer", Err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fault.In(op, err)
	}
	return &answer{resp.StatusCode, resp.Header, b}, nil
}

// sign adds Signature Version 4 to req. See "Create a signed AWS API request" in the IAM user guide.
func (c *client) sign(req *http.Request, service string, body []byte, now time.Time) {
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	req.Header.Set("X-Amz-Date", stamp)
	if c.token != "" {
		req.Header.Set("X-Amz-Security-Token", c.token)
	}
	names := []string{"host"}
	values := map[string]string{"host": req.URL.Host}
	for k := range req.Header {
		if l := strings.ToLower(k); strings.HasPrefix(l, "x-amz-") || l == "content-type" {
			names = append(names, l)
			values[l] = strings.TrimSpace(req.Header.Get(k))
		}
	}
	sort.Strings(names)
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", req.Method, escapedTwice(req.URL), strings.ReplaceAll(req.URL.Query().Encode(), "+", "%20"))
	for _, n := range names {
		fmt.Fprintf(&canonical, "%s:%s\n", n, values[n])
	}
	signed := strings.Join(names, ";")
	fmt.Fprintf(&canonical, "\n%s\n%s", signed, hexHash(body))

	scope := day + "/" + c.region + "/" + service + "/aws4_request"
	toSign := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hexHash([]byte(canonical.String()))
	key := []byte("AWS4" + c.secretKey)
	for _, part := range []string{day, c.region, service, "aws4_request", toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		c.accessKey, scope, signed, hex.EncodeToString(key)))
}

// escapedTwice is the canonical URI: every service but S3 has the path escaped once more.
func escapedTwice(u *url.URL) string {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	}
	if p := strings.Join(segments, "/"); p != "" {
		return p
	}
	return "/"
}

func hexHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
