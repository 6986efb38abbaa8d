package s3

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"anthill/buckets"
)

func (h *Handler) objectOperation(req *request) error {
	uploading := req.q.Has("uploadId")
	switch req.r.Method {
	case http.MethodPut:
		copying := req.r.Header.Get("X-Amz-Copy-Source") != ""
		switch {
		case uploading && copying:
			return h.copyPart(req)
		case uploading:
			return h.putPart(req)
		case copying:
			return h.copyObject(req)
		}
		return h.putObject(req)
	case http.MethodGet, http.MethodHead:
		if uploading && req.r.Method == http.MethodGet {
			return h.listParts(req)
		}
		return h.getObject(req)
	case http.MethodDelete:
		if uploading {
			return h.abortUpload(req)
		}
		if req.r.Header.Get("If-Match") != "" {
			return notBuilt("DeleteObject with If-Match")
		}
		if err := h.buckets.Delete(req.bucket, req.key); err != nil {
			return err
		}
		req.w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPost:
		switch {
		case req.q.Has("uploads"):
			return h.beginUpload(req)
		case uploading:
			return h.completeUpload(req)
		}
	}
	return methodNotAllowed
}

// conditions reads If-Match and If-None-Match of something that is put.
func (req *request) conditions(p *buckets.Putting) error {
	p.IfMatch = strings.Trim(req.r.Header.Get("If-Match"), `"`)
	switch v := req.r.Header.Get("If-None-Match"); v {
	case "":
	case "*":
		p.IfNoneMatch = true
	default:
		return notBuilt("If-None-Match with an ETag, of something that is put,")
	}
	return nil
}

func (h *Handler) putObject(req *request) error {
	body, p, err := req.body()
	if err != nil {
		return err
	}
	if err := req.conditions(&p); err != nil {
		return err
	}
	p.Properties = req.properties()
	if size := metadataSize(p.Metadata); size > 2048 {
		return fail(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", [2]string{"Size", strconv.Itoa(size)}, [2]string{"MaxSizeAllowed", "2048"})
	}
	o, err := h.buckets.Put(req.r.Context(), req.bucket, req.key, body, p)
	if err != nil {
		return err
	}
	req.w.Header().Set("Etag", `"`+o.ETag+`"`)
	req.w.Header().Set(encryption, "AES256")
	showChecksum(req.w.Header(), o.Checksum)
	req.w.WriteHeader(http.StatusOK)
	return nil
}

func metadataSize(m map[string]string) (n int) {
	for k, v := range m {
		n += len(k) + len(v)
	}
	return n
}

func showChecksum(h http.Header, c buckets.Checksum) {
	if c.Value != "" {
		h.Set("X-Amz-Checksum-"+c.Algorithm, c.Value)
		h.Set("X-Amz-Checksum-Type", c.Type)
	}
}

func (h *Handler) getObject(req *request) error {
	if req.q.Has("partNumber") {
		return notBuilt("?partNumber of a read")
	}
	var o *buckets.Object
	var bytes io.ReadCloser
	var err error
	if req.r.Method == http.MethodHead {
		o, err = h.buckets.Head(req.bucket, req.key)
	} else {
		o, bytes, err = h.buckets.Get(req.r.Context(), req.bucket, req.key)
	}
	if err != nil {
		return err
	}
	if bytes != nil {
		defer bytes.Close()
	}
	head := req.w.Header()
	head.Set("Etag", `"`+o.ETag+`"`)
	head.Set(encryption, "AES256")
	head.Set("Last-Modified", httpTime(o.Modified))
	if f := precondition(req.r.Header, o.ETag, o.Modified); f != nil {
		return f
	}
	from, length, status, err := span(req.r.Header.Get("Range"), o.Size)
	if err != nil {
		head.Del("Etag")
		return err
	}
	req.describe(o)
	if status == http.StatusPartialContent {
		head.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, o.Size))
	} else if strings.EqualFold(req.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		showChecksum(head, o.Checksum)
	}
	head.Set("Content-Length", strconv.FormatInt(length, 10))
	if bytes == nil {
		req.w.WriteHeader(status)
		return nil
	}
	section, err := buckets.Section(bytes, from, length)
	if err != nil {
		return err
	}
	req.w.WriteHeader(status)
	io.Copy(req.w, section) // the client may have gone
	return nil
}

// describe sets the headers that an object has, or that the query asks for instead.
func (req *request) describe(o *buckets.Object) {
	head := req.w.Header()
	head.Set("Accept-Ranges", "bytes")
	for name, v := range map[string]string{"Content-Type": o.ContentType, "Cache-Control": o.CacheControl, "Content-Disposition": o.ContentDisposition,
		"Content-Encoding": o.ContentEncoding, "Content-Language": o.ContentLanguage, "Expires": o.Expires} {
		if asked := req.q.Get("response-" + strings.ToLower(name)); asked != "" {
			v = asked
		}
		if v != "" {
			head.Set(name, v)
		}
	}
	for k, v := range o.Metadata {
		head["x-amz-meta-"+k] = []string{v} // in lower case: clients take the name from it
	}
}

// precondition is what If-Match and its like make of a read. RFC 9110, section 13.2.2, gives their order.
func precondition(h http.Header, etag string, modified time.Time) *failure {
	unmet := func(condition string) *failure {
		return fail(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", [2]string{"Condition", condition})
	}
	after := func(name string) (later, ok bool) {
		t, err := http.ParseTime(h.Get(name))
		return modified.Truncate(time.Second).After(t), err == nil
	}
	if m := h.Get("If-Match"); m != "" {
		if !tagged(m, etag) {
			return unmet("If-Match")
		}
	} else if later, ok := after("If-Unmodified-Since"); ok && later {
		return unmet("If-Unmodified-Since")
	}
	notModified := &failure{status: http.StatusNotModified}
	if m := h.Get("If-None-Match"); m != "" {
		if tagged(m, etag) {
			return notModified
		}
	} else if later, ok := after("If-Modified-Since"); ok && !later {
		return notModified
	}
	return nil
}

func tagged(list, etag string) bool {
	for _, t := range strings.Split(list, ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.Trim(strings.TrimPrefix(t, "W/"), `"`) == etag {
			return true
		}
	}
	return false
}

// span reads a Range of one part. What is no such range means the whole object, as in S3.
func span(text string, size int64) (from, length int64, status int, err error) {
	rest, ok := strings.CutPrefix(text, "bytes=")
	first, last, dash := strings.Cut(rest, "-")
	if !ok || !dash || strings.Contains(rest, ",") {
		return 0, size, http.StatusOK, nil
	}
	a, err1 := strconv.ParseInt(first, 10, 64)
	b, err2 := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && err2 == nil && b >= 0: // the last b bytes
		a, b = max(0, size-b), size-1
		if last == "0" {
			a = size
		}
	case err1 == nil && last == "":
		b = size - 1
	case err1 != nil || err2 != nil || a > b:
		return 0, size, http.StatusOK, nil
	}
	if a >= size {
		return 0, 0, 0, fail(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable",
			[2]string{"RangeRequested", text}, [2]string{"ActualObjectSize", strconv.FormatInt(size, 10)})
	}
	b = min(b, size-1)
	return a, b - a + 1, http.StatusPartialContent, nil
}

// source finds the object that X-Amz-Copy-Source names.
func (h *Handler) source(req *request) (*buckets.Object, error) {
	text, version, _ := strings.Cut(req.r.Header.Get("X-Amz-Copy-Source"), "?")
	if version != "" && version != "versionId=null" {
		return nil, notBuilt("?versionId of a copy's source")
	}
	path, err := url.PathUnescape(text)
	bucket, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if err != nil || !ok || key == "" {
		return nil, fail(400, "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
			[2]string{"ArgumentName", "x-amz-copy-source"}, [2]string{"ArgumentValue", text})
	}
	o, err := h.buckets.Head(bucket, key)
	if err != nil {
		return nil, err
	}
	conditions := http.Header{}
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if v := req.r.Header.Get("X-Amz-Copy-Source-" + name); v != "" {
			conditions.Set(name, v)
		}
	}
	if f := precondition(conditions, o.ETag, o.Modified); f != nil { // a copy that is not made is a 412 in either case
		return nil, fail(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	return o, nil
}

func (h *Handler) copyObject(req *request) error {
	from, err := h.source(req)
	if err != nil {
		return err
	}
	var replace *buckets.Properties
	switch d := req.r.Header.Get("X-Amz-Metadata-Directive"); d {
	case "", "COPY":
		if from.Bucket == req.bucket && from.Key == req.key {
			return fail(400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
		}
	case "REPLACE":
		p := req.properties()
		replace = &p
	default:
		return fail(400, "InvalidArgument", "Unknown metadata directive.", [2]string{"ArgumentName", "x-amz-metadata-directive"}, [2]string{"ArgumentValue", d})
	}
	o, err := h.buckets.Copy(req.r.Context(), from, req.bucket, req.key, replace, strings.ToUpper(req.r.Header.Get("X-Amz-Checksum-Algorithm")))
	if err != nil {
		return err
	}
	return req.answer(http.StatusOK, copied("CopyObjectResult", o.ETag, o.Modified, o.Checksum))
}

// copied is the answer to a copy, of an object or of a part.
func copied(name, etag string, modified time.Time, c buckets.Checksum) any {
	out := struct {
		XMLName      xml.Name
		Xmlns        string `xml:"xmlns,attr"`
		LastModified string
		ETag         string
		checksums
	}{XMLName: xml.Name{Local: name}, Xmlns: namespace, LastModified: modified.UTC().Format(timestamp), ETag: `"` + etag + `"`}
	out.checksums = checksumsOf(c)
	return out
}

// checksums are the elements that S3 has for a checksum.
type checksums struct {
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
}

func checksumsOf(c buckets.Checksum) (out checksums) {
	if c.Value == "" {
		return out
	}
	out.ChecksumType = c.Type
	switch c.Algorithm {
	case "CRC32":
		out.ChecksumCRC32 = c.Value
	case "CRC32C":
		out.ChecksumCRC32C = c.Value
	case "CRC64NVME":
		out.ChecksumCRC64NVME = c.Value
	case "SHA1":
		out.ChecksumSHA1 = c.Value
	case "SHA256":
		out.ChecksumSHA256 = c.Value
	}
	return out
}

// encryption is the header that every answer about an object has on AWS, whose buckets all encrypt with keys of their own.
const encryption = "X-Amz-Server-Side-Encryption"
