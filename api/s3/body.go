package s3

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"anthill/buckets"
)

// maxObject is S3's limit of one upload: 5 GiB.
const maxObject = 5 << 30

// body gives the bytes of a request, taken out of their chunks, and what the request says that they must be.
func (req *request) body() (io.Reader, buckets.Putting, error) {
	r, h := req.r, req.r.Header
	var p buckets.Putting
	length := r.ContentLength
	chunked := strings.HasPrefix(h.Get("X-Amz-Content-Sha256"), "STREAMING-") || strings.Contains(h.Get("Content-Encoding"), "aws-chunked")
	if text := h.Get("X-Amz-Decoded-Content-Length"); chunked && text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return nil, p, fail(400, "InvalidArgument", "The decoded content length is not valid.")
		}
		length = n
	}
	if length < 0 {
		return nil, p, fail(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	if length > maxObject {
		return nil, p, fail(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", [2]string{"MaxSizeAllowed", strconv.Itoa(maxObject)})
	}
	if text := h.Get("Content-Md5"); text != "" {
		sum, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(sum) != 16 {
			return nil, p, fail(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
		}
		p.MD5 = sum
	}
	p.Checksum = checksumOf(h)
	var in io.Reader = &exact{r: r.Body, left: length}
	if chunked {
		c := &chunks{r: bufio.NewReader(r.Body)}
		in = &exact{r: c, left: length}
		if name := h.Get("X-Amz-Trailer"); name != "" {
			algorithm := strings.ToUpper(strings.TrimPrefix(strings.ToLower(name), "x-amz-checksum-"))
			p.Checksum = buckets.Checksum{Algorithm: algorithm}
			p.Trailer = func() (buckets.Checksum, error) {
				return buckets.Checksum{Algorithm: algorithm, Value: c.trailer.Get(name)}, nil
			}
		}
	} else if said := h.Get("X-Amz-Content-Sha256"); len(said) == 64 {
		in = &hashed{r: in, sum: sha256.New(), want: strings.ToLower(said)}
	}
	return in, p, nil
}

// checksumOf is the checksum that a header gives, or only the algorithm that the client wants.
func checksumOf(h http.Header) (c buckets.Checksum) {
	for _, a := range buckets.Algorithms() {
		if v := h.Get("X-Amz-Checksum-" + a); v != "" {
			return buckets.Checksum{Algorithm: a, Value: v}
		}
	}
	c.Algorithm = strings.ToUpper(h.Get("X-Amz-Sdk-Checksum-Algorithm"))
	if c.Algorithm == "" {
		c.Algorithm = strings.ToUpper(h.Get("X-Amz-Checksum-Algorithm"))
	}
	return c
}

// exact ends with an error when there are fewer bytes, or more, than the client said.
type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	e.left -= int64(n)
	if e.left < 0 || err == io.EOF && e.left > 0 || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, incompleteBody
	}
	return n, err
}

// hashed ends with an error when the bytes are not those that were signed.
type hashed struct {
	r    io.Reader
	sum  hash.Hash
	want string
}

func (s *hashed) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.sum.Write(b[:n])
	if got := ""; err == io.EOF {
		if got = hex.EncodeToString(s.sum.Sum(nil)); got != s.want {
			return n, fail(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
				[2]string{"ClientComputedContentSHA256", s.want}, [2]string{"S3ComputedContentSHA256", got})
		}
	}
	return n, err
}

// chunks reads aws-chunked: "{size in hex};extension\r\n{bytes}\r\n" … "0\r\n{trailers}\r\n".
// S3 API reference, "Signature calculations: transferring payload in multiple chunks". Signatures of chunks are not checked.
type chunks struct {
	r       *bufio.Reader
	left    int64
	done    bool
	begun   bool
	trailer textproto.MIMEHeader
}

func (c *chunks) Read(b []byte) (int, error) {
	for c.left == 0 {
		if c.done {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n, err := c.r.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	if err == io.EOF {
		err = incompleteBody
	}
	return n, err
}

var badChunk = fail(400, "InvalidRequest", "The body is not aws-chunked as its headers say.")

// next reads the head of a chunk, and after the last one the trailers.
func (c *chunks) next() error {
	if c.begun {
		if line, err := c.line(); err != nil || line != "" {
			return badChunk
		}
	}
	c.begun = true
	line, err := c.line()
	if err != nil {
		return incompleteBody
	}
	size, _, _ := strings.Cut(line, ";")
	if c.left, err = strconv.ParseInt(strings.TrimSpace(size), 16, 64); err != nil || c.left < 0 {
		return badChunk
	}
	if c.left > 0 {
		return nil
	}
	c.done = true
	c.trailer = textproto.MIMEHeader{}
	for range 64 {
		line, err := c.line()
		if err != nil || line == "" {
			return nil // some clients leave the last empty line out
		}
		if name, v, ok := strings.Cut(line, ":"); ok {
			c.trailer.Add(strings.TrimSpace(name), strings.TrimSpace(v))
		}
	}
	return badChunk
}

func (c *chunks) line() (string, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil && (err != io.EOF || len(line) == 0) {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// properties are what the headers say of an object.
func (req *request) properties() buckets.Properties {
	h := req.r.Header
	p := buckets.Properties{ContentType: h.Get("Content-Type"), CacheControl: h.Get("Cache-Control"), ContentDisposition: h.Get("Content-Disposition"),
		ContentLanguage: h.Get("Content-Language"), Expires: h.Get("Expires")}
	encodings := strings.Split(h.Get("Content-Encoding"), ",")
	for i := range encodings {
		encodings[i] = strings.TrimSpace(encodings[i])
	}
	p.ContentEncoding = strings.Join(slices.DeleteFunc(encodings, func(e string) bool { return e == "aws-chunked" || e == "" }), ",")
	if p.ContentType == "" {
		p.ContentType = "binary/octet-stream"
	}
	for name, v := range h {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok {
			if p.Metadata == nil {
				p.Metadata = map[string]string{}
			}
			p.Metadata[rest] = strings.Join(v, ",")
		}
	}
	return p
}
