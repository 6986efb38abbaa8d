package s3

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"anthill/buckets"
)

func (h *Handler) beginUpload(req *request) error {
	u, err := h.buckets.Begin(buckets.Upload{Bucket: req.bucket, Key: req.key, Properties: req.properties(),
		Algorithm: strings.ToUpper(req.r.Header.Get("X-Amz-Checksum-Algorithm")), Type: strings.ToUpper(req.r.Header.Get("X-Amz-Checksum-Type"))})
	if err != nil {
		return err
	}
	if u.Algorithm != "" {
		req.w.Header().Set("X-Amz-Checksum-Algorithm", u.Algorithm)
		req.w.Header().Set("X-Amz-Checksum-Type", u.Type)
	}
	return req.answer(http.StatusOK, struct {
		XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
		Xmlns                 string   `xml:"xmlns,attr"`
		Bucket, Key, UploadId string
	}{Xmlns: namespace, Bucket: req.bucket, Key: req.key, UploadId: u.ID})
}

func (req *request) partNumber() (int, error) {
	n, err := strconv.Atoi(req.q.Get("partNumber"))
	if err != nil || n < 1 || n > buckets.MaxPart {
		return 0, fail(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive",
			[2]string{"ArgumentName", "partNumber"}, [2]string{"ArgumentValue", req.q.Get("partNumber")})
	}
	return n, nil
}

func (h *Handler) putPart(req *request) error {
	n, err := req.partNumber()
	if err != nil {
		return err
	}
	body, p, err := req.body()
	if err != nil {
		return err
	}
	part, err := h.buckets.PutPart(req.r.Context(), req.bucket, req.key, req.q.Get("uploadId"), n, body, p)
	if err != nil {
		return err
	}
	req.w.Header().Set("Etag", `"`+part.ETag+`"`)
	if p.Checksum.Algorithm != "" {
		req.w.Header().Set("X-Amz-Checksum-"+part.Checksum.Algorithm, part.Checksum.Value)
	}
	req.w.WriteHeader(http.StatusOK)
	return nil
}

func (h *Handler) copyPart(req *request) error {
	n, err := req.partNumber()
	if err != nil {
		return err
	}
	from, err := h.source(req)
	if err != nil {
		return err
	}
	o, r, err := h.buckets.Get(req.r.Context(), from.Bucket, from.Key)
	if err != nil {
		return err
	}
	defer r.Close()
	at, length, _, err := span(req.r.Header.Get("X-Amz-Copy-Source-Range"), o.Size)
	if err != nil {
		return err
	}
	section, err := buckets.Section(r, at, length)
	if err != nil {
		return err
	}
	part, err := h.buckets.PutPart(req.r.Context(), req.bucket, req.key, req.q.Get("uploadId"), n, section, buckets.Putting{})
	if err != nil {
		return err
	}
	return req.answer(http.StatusOK, copied("CopyPartResult", part.ETag, part.Modified, buckets.Checksum{}))
}

func (h *Handler) abortUpload(req *request) error {
	if err := h.buckets.Abort(req.bucket, req.key, req.q.Get("uploadId")); err != nil {
		return err
	}
	req.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) completeUpload(req *request) error {
	var in struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []struct {
			PartNumber int
			ETag       string
			checksums
		}
	}
	if req.r.ContentLength == 0 {
		return malformedXML
	}
	// The checksum headers speak of the object, not of this body.
	said := checksumOf(req.r.Header)
	for _, a := range buckets.Algorithms() {
		req.r.Header.Del("X-Amz-Checksum-" + a)
	}
	if err := req.readXML(&in); err != nil {
		return err
	}
	if len(in.Part) == 0 {
		return malformedXML
	}
	var named []buckets.Named
	for _, p := range in.Part {
		c := p.ChecksumCRC32 + p.ChecksumCRC32C + p.ChecksumCRC64NVME + p.ChecksumSHA1 + p.ChecksumSHA256
		named = append(named, buckets.Named{Number: p.PartNumber, ETag: strings.Trim(p.ETag, `"`), Checksum: c})
	}
	p := buckets.Putting{Checksum: said}
	if err := req.conditions(&p); err != nil {
		return err
	}
	o, err := h.buckets.Complete(req.r.Context(), req.bucket, req.key, req.q.Get("uploadId"), named, p)
	if err != nil {
		return err
	}
	out := struct {
		XMLName                     xml.Name `xml:"CompleteMultipartUploadResult"`
		Xmlns                       string   `xml:"xmlns,attr"`
		Location, Bucket, Key, ETag string
		checksums
	}{Xmlns: namespace, Location: "http://" + req.r.Host + req.r.URL.EscapedPath(), Bucket: req.bucket, Key: req.key, ETag: `"` + o.ETag + `"`}
	out.checksums = checksumsOf(o.Checksum)
	return req.answer(http.StatusOK, out)
}

func (h *Handler) listParts(req *request) error {
	u, err := h.buckets.Upload(req.bucket, req.key, req.q.Get("uploadId"))
	if err != nil {
		return err
	}
	all, err := h.buckets.Parts(u.ID)
	if err != nil {
		return err
	}
	type part struct {
		PartNumber         int
		LastModified, ETag string
		Size               int64
		checksums
	}
	out := struct {
		XMLName                         xml.Name `xml:"ListPartsResult"`
		Xmlns                           string   `xml:"xmlns,attr"`
		Bucket, Key, UploadId           string
		Initiator, Owner                *owner
		StorageClass                    string
		PartNumberMarker, MaxParts      int
		NextPartNumberMarker            int `xml:",omitempty"`
		IsTruncated                     bool
		Part                            []part
		ChecksumAlgorithm, ChecksumType string `xml:",omitempty"`
	}{Xmlns: namespace, Bucket: req.bucket, Key: req.key, UploadId: u.ID, Initiator: ownerOf(req.account), Owner: ownerOf(req.account),
		StorageClass: "STANDARD", MaxParts: 1000, ChecksumAlgorithm: u.Algorithm, ChecksumType: u.Type}
	out.PartNumberMarker, _ = strconv.Atoi(req.q.Get("part-number-marker"))
	if n, err := strconv.Atoi(req.q.Get("max-parts")); err == nil && n >= 0 {
		out.MaxParts = min(n, 1000)
	}
	for _, p := range all {
		if p.Number <= out.PartNumberMarker {
			continue
		}
		if len(out.Part) == out.MaxParts {
			out.IsTruncated = true
			break
		}
		shown := part{PartNumber: p.Number, LastModified: p.Modified.Format(timestamp), ETag: `"` + p.ETag + `"`, Size: p.Size}
		if u.Algorithm != "" {
			shown.checksums = checksumsOf(p.Checksum)
			shown.ChecksumType = ""
		}
		out.Part, out.NextPartNumberMarker = append(out.Part, shown), p.Number
	}
	return req.answer(http.StatusOK, out)
}

func (h *Handler) listUploads(req *request) error {
	if req.q.Get("delimiter") != "" {
		return notBuilt("ListMultipartUploads with a delimiter")
	}
	all, err := h.buckets.Uploads(req.bucket, req.q.Get("prefix"))
	if err != nil {
		return err
	}
	type upload struct {
		Key, UploadId, StorageClass, Initiated string
		Initiator, Owner                       *owner
	}
	out := struct {
		XMLName                           xml.Name `xml:"ListMultipartUploadsResult"`
		Xmlns                             string   `xml:"xmlns,attr"`
		Bucket, KeyMarker, UploadIdMarker string
		NextKeyMarker, NextUploadIdMarker string `xml:",omitempty"`
		Prefix                            string `xml:",omitempty"`
		MaxUploads                        int
		IsTruncated                       bool
		Upload                            []upload
	}{Xmlns: namespace, Bucket: req.bucket, KeyMarker: req.q.Get("key-marker"), UploadIdMarker: req.q.Get("upload-id-marker"),
		Prefix: req.q.Get("prefix"), MaxUploads: 1000}
	if n, err := strconv.Atoi(req.q.Get("max-uploads")); err == nil && n > 0 {
		out.MaxUploads = min(n, 1000)
	}
	for _, u := range all {
		if u.Key < out.KeyMarker || u.Key == out.KeyMarker && (out.UploadIdMarker == "" || u.ID <= out.UploadIdMarker) && out.KeyMarker != "" {
			continue
		}
		if len(out.Upload) == out.MaxUploads {
			out.IsTruncated = true
			break
		}
		out.Upload = append(out.Upload, upload{Key: u.Key, UploadId: u.ID, StorageClass: "STANDARD", Initiated: u.Started.Format(timestamp),
			Initiator: ownerOf(req.account), Owner: ownerOf(req.account)})
		out.NextKeyMarker, out.NextUploadIdMarker = u.Key, u.ID
	}
	return req.answer(http.StatusOK, out)
}
