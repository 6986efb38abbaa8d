package s3

import (
	"crypto/rand"
	"encoding/xml"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"anthill/api/protocol"
	"anthill/buckets"
	"anthill/fault"
)

// Config says what a Handler serves.
type Config struct {
	Buckets *buckets.Service

	// Verify checks a signature and returns nil or the error to answer. It sees no body. Nil accepts every request.
	Verify func(r *http.Request) error

	// Account gives the account of an access key; "" for unknown. Nil knows none.
	Account func(accessKey string) string

	// DefaultAccount is the account of callers that say none. "" means "000000000000".
	DefaultAccount string

	Log *slog.Logger // nil means slog.Default()
}

// Handler is Amazon S3.
type Handler struct {
	c       Config
	buckets *buckets.Service
}

// New makes the handler.
func New(c Config) *Handler {
	if c.DefaultAccount == "" {
		c.DefaultAccount = "000000000000"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Handler{c, c.Buckets}
}

// Serves reports whether r is S3's: by its signature, or by its host name.
func (*Handler) Serves(r *http.Request) bool {
	host := hostname(r.Host)
	_, service, _ := credential(r)
	return service == "s3" || strings.HasPrefix(host, "s3.") || strings.HasPrefix(host, "s3-") || strings.Contains(host, ".s3.") ||
		service == "" && strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-")
}

// Anonymous serves what nobody signed and no host name tells, when its path begins with a bucket's name; next serves the rest.
func (h *Handler) Anonymous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if _, err := h.buckets.Bucket(name); name == "" || err != nil {
			next.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func hostname(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return hostport
}

// credential reads access key, service and region of a signature, in the header or in a presigned query.
func credential(r *http.Request) (key, service, region string) {
	text := ""
	if _, rest, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		text, _, _ = strings.Cut(rest, ",")
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		text = r.URL.Query().Get("X-Amz-Credential")
	}
	parts := strings.Split(strings.TrimSpace(text), "/")
	if len(parts) < 5 {
		return "", "", ""
	}
	n := len(parts)
	return strings.Join(parts[:n-4], "/"), parts[n-2], parts[n-3]
}

// request is one request with what its address says.
type request struct {
	w           http.ResponseWriter
	r           *http.Request
	q           url.Values
	bucket, key string
	account     string
	region      string
	id          string
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := &request{w: w, r: r, q: r.URL.Query(), id: requestID()}
	w.Header().Set("X-Amz-Request-Id", req.id)
	w.Header().Set("X-Amz-Id-2", hostID(req.id))
	if err := h.serve(req); err != nil {
		h.refuse(req, err)
	}
}

func (h *Handler) serve(req *request) error {
	if err := req.address(); err != nil {
		return err
	}
	key, _, region := credential(req.r)
	req.account, req.region = h.account(key), region
	if req.region == "" {
		req.region = "us-east-1"
	}
	if h.c.Verify != nil {
		if err := h.c.Verify(req.r); err != nil {
			return err
		}
	}
	if err := req.supported(); err != nil {
		return err
	}
	switch {
	case req.bucket == "":
		if req.r.Method != http.MethodGet {
			return methodNotAllowed
		}
		return h.listBuckets(req)
	case req.key == "":
		return h.bucketOperation(req)
	}
	return h.objectOperation(req)
}

func (h *Handler) account(key string) string {
	if len(key) == 12 && strings.Trim(key, "0123456789") == "" {
		return key
	}
	if h.c.Account != nil && key != "" {
		if a := h.c.Account(key); a != "" {
			return a
		}
	}
	return h.c.DefaultAccount
}

// address takes bucket and key out of host and path: {bucket}.s3.…/{key}, {bucket}.localhost/{key} or /{bucket}/{key}.
func (req *request) address() error {
	path := strings.TrimPrefix(req.r.URL.Path, "/")
	if b := hostBucket(hostname(req.r.Host)); b != "" {
		req.bucket, req.key = b, path
	} else {
		req.bucket, req.key, _ = strings.Cut(path, "/")
	}
	if !utf8.ValidString(req.key) || strings.ContainsRune(req.key, 0) {
		return fail(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	return nil
}

func hostBucket(host string) string {
	for _, mark := range []string{".s3.", ".s3-"} {
		if at := strings.LastIndex(host, mark); at > 0 {
			return host[:at]
		}
	}
	if strings.HasPrefix(host, "s3.") {
		return ""
	}
	b, ok := strings.CutSuffix(host, ".localhost")
	if !ok {
		b, ok = strings.CutSuffix(host, ".localhost.localstack.cloud")
	}
	if ok && b != "s3" {
		return b
	}
	return ""
}

// What S3 has and Anthill has not. Bytes are not encrypted here, so that even AES256 is not promised.
var (
	bucketSubresources = []string{"accelerate", "acl", "analytics", "cors", "encryption", "intelligent-tiering", "inventory", "lifecycle", "logging",
		"metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication",
		"requestPayment", "session", "tagging", "versions", "website"}
	objectSubresources = []string{"acl", "attributes", "legal-hold", "renameObject", "restore", "retention", "select", "tagging", "torrent", "versionId"}
	refusedHeaders     = []string{"X-Amz-Tagging", "X-Amz-Server-Side-Encryption", "X-Amz-Website-Redirect-Location", "X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Legal-Hold",
		"X-Amz-Server-Side-Encryption-Customer-Algorithm", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Grant-Read", "X-Amz-Grant-Write",
		"X-Amz-Grant-Full-Control", "X-Amz-Bucket-Object-Lock-Enabled", "X-Amz-Write-Offset-Bytes"}
)

// supported refuses what is not built.
func (req *request) supported() error {
	list := bucketSubresources
	if req.key != "" {
		list = objectSubresources
	}
	for _, name := range list {
		if req.q.Has(name) && !(name == "versionId" && req.q.Get(name) == "null") {
			return notBuilt("?" + name)
		}
	}
	for _, name := range refusedHeaders {
		if v := req.r.Header.Get(name); v != "" && v != "false" {
			return notBuilt(strings.ToLower(name))
		}
	}
	for name, only := range map[string]string{"X-Amz-Storage-Class": "STANDARD", "X-Amz-Acl": "private"} {
		if v := req.r.Header.Get(name); v != "" && v != only && v != "bucket-owner-full-control" {
			return notBuilt(strings.ToLower(name) + ": " + v)
		}
	}
	return nil
}

// answer writes v as XML.
func (req *request) answer(status int, v any) error {
	b, err := xml.Marshal(v)
	if err != nil {
		return err
	}
	req.w.Header().Set("Content-Type", "application/xml")
	req.w.WriteHeader(status)
	req.w.Write([]byte(xml.Header)) // the client may have gone
	req.w.Write(b)
	return nil
}

// failure is an answer of S3's that is an error.
type failure struct {
	status        int
	code, message string
	extra         [][2]string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func fail(status int, code, message string, extra ...[2]string) *failure {
	return &failure{status, code, message, extra}
}

func notBuilt(what string) *failure {
	return fail(http.StatusNotImplemented, "NotImplemented", "Anthill does not implement "+what+" of Amazon S3; docs/compatibility.md lists what it implements.")
}

var (
	methodNotAllowed = fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	malformedXML     = fail(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	incompleteBody   = fail(http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
)

// failureOf is the S3 error of any error.
func (h *Handler) failureOf(req *request, err error) *failure {
	var own *failure
	if errors.As(err, &own) {
		return own
	}
	var plain *protocol.Error
	if errors.As(err, &plain) {
		return fail(max(plain.Status, 400), plain.Code, plain.Message)
	}
	f := fault.Of(err)
	switch f.Kind {
	case fault.NotFound:
		switch f.Noun {
		case "bucket":
			return fail(404, "NoSuchBucket", "The specified bucket does not exist", [2]string{"BucketName", f.Name})
		case "upload":
			return fail(404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", [2]string{"UploadId", f.Name})
		}
		return fail(404, "NoSuchKey", "The specified key does not exist.", [2]string{"Key", f.Name})
	case fault.Exists:
		if f.Reason == req.account {
			return fail(409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.", [2]string{"BucketName", f.Name})
		}
		return fail(409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.", [2]string{"BucketName", f.Name})
	case fault.Conflict:
		if f.Noun == "condition" {
			return fail(412, "PreconditionFailed", f.Detail, [2]string{"Condition", f.Name})
		}
		return fail(409, "BucketNotEmpty", f.Detail, [2]string{"BucketName", f.Name})
	case fault.TooLarge:
		return fail(400, "KeyTooLongError", "Your key is too long")
	case fault.Full:
		return fail(503, "ServiceUnavailable", "The disk is full.")
	case fault.Invalid:
		return invalid(f)
	}
	h.c.Log.Error("a request failed", "service", "s3", "method", req.r.Method, "request", req.id, "err", err)
	return fail(500, "InternalError", "We encountered an internal error. Please try again.")
}

func invalid(f *fault.Error) *failure {
	switch f.Noun {
	case "bucket name":
		return fail(400, "InvalidBucketName", "The specified bucket is not valid.", [2]string{"BucketName", f.Name})
	case "digest":
		if f.Name == "Content-MD5" {
			return fail(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
		return fail(400, "BadDigest", "The "+f.Name+" you specified did not match the calculated checksum.")
	case "part order":
		return fail(400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
	case "part":
		return fail(400, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.", [2]string{"PartNumber", f.Name})
	case "part size":
		return fail(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", [2]string{"MinSizeAllowed", "5242880"}, [2]string{"PartNumber", f.Name})
	case "checksum algorithm":
		return fail(400, "InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	return fail(400, "InvalidArgument", f.Error())
}

// refuse answers an error. A HEAD's has no body.
func (h *Handler) refuse(req *request, err error) {
	f := h.failureOf(req, err)
	if f.status == http.StatusNotModified || req.r.Method == http.MethodHead {
		req.w.WriteHeader(f.status)
		return
	}
	type element struct {
		XMLName xml.Name
		Text    string `xml:",chardata"`
	}
	e := struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
		Extra         []element
		RequestID     string `xml:"RequestId"`
		HostID        string `xml:"HostId"`
	}{Code: f.code, Message: f.message, RequestID: req.id, HostID: hostID(req.id)}
	for _, x := range f.extra {
		e.Extra = append(e.Extra, element{xml.Name{Local: x[0]}, x[1]})
	}
	req.answer(f.status, e) // an error here is the client's going
}

// requestID is 16 random letters and digits.
func requestID() string { return rand.Text()[:16] }

func hostID(id string) string { return "anthill" + id }
