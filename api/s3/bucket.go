package s3

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"anthill/buckets"
	"anthill/fault"
)

const (
	namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	timestamp = "2006-01-02T15:04:05.000Z"
	maxXML    = 2 << 20
)

type owner struct {
	ID          string `xml:"ID"`
	DisplayName string `xml:"DisplayName,omitempty"`
}

// ownerOf is an account as S3 names it: by a canonical id.
func ownerOf(account string) *owner {
	sum := sha256.Sum256([]byte(account))
	return &owner{ID: hex.EncodeToString(sum[:])}
}

func (h *Handler) listBuckets(req *request) error {
	all, err := h.buckets.Buckets(req.account)
	if err != nil {
		return err
	}
	type bucket struct {
		Name, CreationDate, BucketRegion string
	}
	out := struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Xmlns   string   `xml:"xmlns,attr"`
		Owner   *owner
		Buckets struct{ Bucket []bucket }
		Prefix  string `xml:",omitempty"`
	}{Xmlns: namespace, Owner: ownerOf(req.account), Prefix: req.q.Get("prefix")}
	for _, b := range all {
		if strings.HasPrefix(b.Name, out.Prefix) {
			out.Buckets.Bucket = append(out.Buckets.Bucket, bucket{b.Name, b.Created.UTC().Format(timestamp), b.Region})
		}
	}
	return req.answer(http.StatusOK, out)
}

func (h *Handler) bucketOperation(req *request) error {
	switch req.r.Method {
	case http.MethodPut:
		if req.q.Has("versioning") {
			return notBuilt("?versioning")
		}
		return h.createBucket(req)
	case http.MethodHead:
		b, err := h.buckets.Bucket(req.bucket)
		if err == nil {
			req.w.Header().Set("X-Amz-Bucket-Region", b.Region)
			req.w.Header().Set("Content-Type", "application/xml")
		}
		return err
	case http.MethodDelete:
		if err := h.buckets.Remove(req.bucket); err != nil {
			return err
		}
		req.w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPost:
		if req.q.Has("delete") {
			return h.deleteObjects(req)
		}
		return notBuilt("POST of a form")
	case http.MethodGet:
		return h.readBucket(req)
	}
	return methodNotAllowed
}

func (h *Handler) readBucket(req *request) error {
	switch {
	case req.q.Has("location"):
		b, err := h.buckets.Bucket(req.bucket)
		if err != nil {
			return err
		}
		out := struct {
			XMLName xml.Name `xml:"LocationConstraint"`
			Xmlns   string   `xml:"xmlns,attr"`
			Region  string   `xml:",chardata"`
		}{Xmlns: namespace, Region: b.Region}
		if b.Region == "us-east-1" {
			out.Region = ""
		}
		return req.answer(http.StatusOK, out)
	case req.q.Has("versioning"):
		if _, err := h.buckets.Bucket(req.bucket); err != nil {
			return err
		}
		return req.answer(http.StatusOK, struct {
			XMLName xml.Name `xml:"VersioningConfiguration"`
			Xmlns   string   `xml:"xmlns,attr"`
		}{Xmlns: namespace})
	case req.q.Has("uploads"):
		return h.listUploads(req)
	case req.q.Get("list-type") == "2":
		return h.listV2(req)
	}
	return h.listV1(req)
}

func (req *request) readXML(v any) error {
	body, _, err := req.body()
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(body, maxXML+1))
	if err != nil {
		return err
	}
	if len(b) > maxXML || xml.Unmarshal(b, v) != nil {
		return malformedXML
	}
	return nil
}

func (h *Handler) createBucket(req *request) error {
	region := req.region
	if req.r.ContentLength > 0 {
		var in struct {
			LocationConstraint string
			Location, Bucket   *struct{}
		}
		if err := req.readXML(&in); err != nil {
			return err
		}
		if in.Location != nil || in.Bucket != nil {
			return notBuilt("directory buckets")
		}
		if in.LocationConstraint != "" {
			region = in.LocationConstraint
		}
	}
	_, err := h.buckets.Create(buckets.Bucket{Name: req.bucket, Account: req.account, Region: region})
	if f := fault.Of(err); err != nil && !(f.Kind == fault.Exists && f.Reason == req.account && region == "us-east-1") {
		return err // us-east-1 lets its owner make a bucket again
	}
	req.w.Header().Set("Location", "/"+req.bucket)
	req.w.WriteHeader(http.StatusOK)
	return nil
}

type entry struct {
	Key               string
	LastModified      string
	ETag              string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              int64
	StorageClass      string
	Owner             *owner `xml:",omitempty"`
}

type commonPrefix struct{ Prefix string }

// listing reads what both listings share. encode is how keys are shown.
func (req *request) listing() (l buckets.Listing, encode func(string) string, err error) {
	l = buckets.Listing{Prefix: req.q.Get("prefix"), Delimiter: req.q.Get("delimiter"), Max: 1000}
	if text := req.q.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return l, nil, fail(400, "InvalidArgument", "Provided max-keys not an integer or within integer range",
				[2]string{"ArgumentName", "max-keys"}, [2]string{"ArgumentValue", text})
		}
		l.Max = min(n, 1000)
	}
	encode = func(s string) string { return s }
	switch req.q.Get("encoding-type") {
	case "":
	case "url":
		encode = func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }
	default:
		return l, nil, fail(400, "InvalidArgument", "Invalid Encoding Method specified in Request", [2]string{"ArgumentName", "encoding-type"})
	}
	return l, encode, nil
}

func entries(p *buckets.Page, encode func(string) string, owner *owner) (all []entry, prefixes []commonPrefix) {
	for _, o := range p.Objects {
		all = append(all, entry{Key: encode(o.Key), LastModified: o.Modified.UTC().Format(timestamp), ETag: `"` + o.ETag + `"`,
			ChecksumAlgorithm: o.Checksum.Algorithm, ChecksumType: o.Checksum.Type, Size: o.Size, StorageClass: "STANDARD", Owner: owner})
	}
	for _, x := range p.Prefixes {
		prefixes = append(prefixes, commonPrefix{encode(x)})
	}
	return all, prefixes
}

func (h *Handler) listV2(req *request) error {
	l, encode, err := req.listing()
	if err != nil {
		return err
	}
	l.After = req.q.Get("start-after")
	token := req.q.Get("continuation-token")
	if req.q.Has("continuation-token") {
		after, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "1"))
		if err != nil || token == "" {
			return fail(400, "InvalidArgument", "The continuation token provided is incorrect", [2]string{"ArgumentName", "continuation-token"})
		}
		l.After = string(after)
	}
	p, err := h.buckets.List(req.r.Context(), req.bucket, l)
	if err != nil {
		return err
	}
	out := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Xmlns                 string   `xml:"xmlns,attr"`
		Name, Prefix          string
		StartAfter            string `xml:",omitempty"`
		ContinuationToken     string `xml:",omitempty"`
		NextContinuationToken string `xml:",omitempty"`
		KeyCount, MaxKeys     int
		Delimiter             string `xml:",omitempty"`
		EncodingType          string `xml:",omitempty"`
		IsTruncated           bool
		Contents              []entry
		CommonPrefixes        []commonPrefix
	}{Xmlns: namespace, Name: req.bucket, Prefix: encode(l.Prefix), StartAfter: encode(req.q.Get("start-after")), ContinuationToken: token,
		KeyCount: len(p.Objects) + len(p.Prefixes), MaxKeys: l.Max, Delimiter: encode(l.Delimiter), EncodingType: req.q.Get("encoding-type"), IsTruncated: p.Truncated}
	var who *owner
	if req.q.Get("fetch-owner") == "true" {
		who = ownerOf(req.account)
	}
	if out.Contents, out.CommonPrefixes = entries(p, encode, who); p.Truncated {
		out.NextContinuationToken = "1" + base64.RawURLEncoding.EncodeToString([]byte(p.Next))
	}
	return req.answer(http.StatusOK, out)
}

func (h *Handler) listV1(req *request) error {
	l, encode, err := req.listing()
	if err != nil {
		return err
	}
	l.After = req.q.Get("marker")
	p, err := h.buckets.List(req.r.Context(), req.bucket, l)
	if err != nil {
		return err
	}
	out := struct {
		XMLName              xml.Name `xml:"ListBucketResult"`
		Xmlns                string   `xml:"xmlns,attr"`
		Name, Prefix, Marker string
		NextMarker           string `xml:",omitempty"`
		MaxKeys              int
		Delimiter            string `xml:",omitempty"`
		EncodingType         string `xml:",omitempty"`
		IsTruncated          bool
		Contents             []entry
		CommonPrefixes       []commonPrefix
	}{Xmlns: namespace, Name: req.bucket, Prefix: encode(l.Prefix), Marker: encode(l.After), MaxKeys: l.Max, Delimiter: encode(l.Delimiter),
		EncodingType: req.q.Get("encoding-type"), IsTruncated: p.Truncated}
	if out.Contents, out.CommonPrefixes = entries(p, encode, ownerOf(req.account)); p.Truncated && l.Delimiter != "" {
		out.NextMarker = encode(p.Next)
	}
	return req.answer(http.StatusOK, out)
}

// maxDelete is how many objects one DeleteObjects may name.
const maxDelete = 1000

func (h *Handler) deleteObjects(req *request) error {
	var in struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Object  []struct{ Key, VersionId, ETag string }
	}
	if err := req.readXML(&in); err != nil {
		return err
	}
	if len(in.Object) == 0 || len(in.Object) > maxDelete {
		return malformedXML
	}
	if _, err := h.buckets.Bucket(req.bucket); err != nil {
		return err
	}
	type deleted struct{ Key string }
	type failed struct{ Key, Code, Message string }
	out := struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Xmlns   string   `xml:"xmlns,attr"`
		Deleted []deleted
		Error   []failed
	}{Xmlns: namespace}
	for _, o := range in.Object {
		if o.VersionId != "" && o.VersionId != "null" || o.ETag != "" {
			out.Error = append(out.Error, failed{o.Key, "NotImplemented", "versions and conditions of single objects are not built"})
		} else if err := h.buckets.Delete(req.bucket, o.Key); err != nil {
			f := h.failureOf(req, err)
			out.Error = append(out.Error, failed{o.Key, f.code, f.message})
		} else if !in.Quiet {
			out.Deleted = append(out.Deleted, deleted{o.Key})
		}
	}
	return req.answer(http.StatusOK, out)
}

func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
