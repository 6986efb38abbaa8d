package registry_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"anthill/fault"
	"anthill/internal/disk"
)

type answer struct {
	status int
	header http.Header
	body   string
}

func (h *house) do(method, path string, body string, headers ...string) answer {
	h.t.Helper()
	req, err := http.NewRequest(method, h.http.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func (h *house) want(a answer, status int) answer {
	h.t.Helper()
	if a.status != status {
		h.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestUploadInChunks(t *testing.T) {
	h := newHouse(t, "rr")
	at := h.want(h.do("POST", "/v2/rr/blobs/uploads/", ""), 202).header.Get("Location")
	a := h.want(h.do("PATCH", at, "hello", "Content-Range", "0-4"), 202)
	if a.header.Get("Range") != "0-4" {
		t.Errorf("range %q", a.header.Get("Range"))
	}
	h.want(h.do("PATCH", at, "late", "Content-Range", "9-12"), 416)
	if a = h.want(h.do("GET", at, ""), 204); a.header.Get("Range") != "0-4" {
		t.Errorf("after a refused chunk: range %q", a.header.Get("Range"))
	}
	a = h.want(h.do("PUT", at+"?digest="+digest("hello, world"), ", world", "Content-Range", "5-11"), 201)
	if got := h.want(h.do("GET", a.header.Get("Location"), ""), 200).body; got != "hello, world" {
		t.Errorf("layer %q", got)
	}
	h.want(h.do("PATCH", at, "more"), 404)
}

func TestUploadAtOnceAndWrong(t *testing.T) {
	h := newHouse(t, "rr")
	h.want(h.do("POST", "/v2/rr/blobs/uploads/?digest="+digest("x"), "x"), 201)
	a := h.want(h.do("POST", "/v2/rr/blobs/uploads/?digest="+digest("x"), "y"), 400)
	if !strings.Contains(a.body, `"code":"DIGEST_INVALID"`) {
		t.Error(a.body)
	}
	at := h.want(h.do("POST", "/v2/rr/blobs/uploads/", ""), 202).header.Get("Location")
	h.want(h.do("DELETE", at, ""), 204)
	h.want(h.do("GET", at, ""), 404)
	at = h.want(h.do("POST", "/v2/rr/blobs/uploads/", ""), 202).header.Get("Location")
	h.want(h.do("PUT", at+"?digest="+digest(""), ""), 201) // the empty layer
}

// A push that is cut in the middle goes on where it stopped, over a power cut too, and the bytes are the right ones.
func TestCutUploadGoesOn(t *testing.T) {
	h := open(t, disk.NewCrashable())
	h.repository("rr")
	at := h.want(h.do("POST", "/v2/rr/blobs/uploads/", ""), 202).header.Get("Location")
	whole := strings.Repeat("0123456789abcdef", 64<<10)
	h.cut(at, whole, 300_000)

	h = h.crash()
	defer h.close()
	_, last, _ := strings.Cut(h.want(h.do("GET", at, ""), 204).header.Get("Range"), "-")
	n, err := strconv.Atoi(last)
	if err != nil || n+1 > 300_000 {
		t.Fatalf("the upload has bytes up to %q", last)
	}
	h.want(h.do("PATCH", at, whole[n+1:], "Content-Range", fmt.Sprintf("%d-%d", n+1, len(whole)-1)), 202)
	a := h.want(h.do("PUT", at+"?digest="+digest(whole), ""), 201)
	if got := h.want(h.do("GET", a.header.Get("Location"), ""), 200).body; got != whole {
		t.Errorf("%d bytes, want %d", len(got), len(whole))
	}
}

// cut sends the first n bytes of a PATCH and hangs up. It returns when the server has noticed.
func (h *house) cut(path, body string, n int) {
	h.t.Helper()
	c, err := net.Dial("tcp", h.host)
	if err != nil {
		h.t.Fatal(err)
	}
	fmt.Fprintf(c, "PATCH %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", path, h.host, len(body), body[:n])
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		h.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	c.Close()
	if res.StatusCode != 400 {
		h.t.Errorf("a body cut short: %s", res.Status)
	}
}

// What was acknowledged is there after a power cut: layer, manifest, tag.
func TestPushSurvivesAPowerCut(t *testing.T) {
	h := open(t, disk.NewCrashable())
	h.repository("rr")
	manifest := h.push("rr", "v1", "layer bytes")
	h = h.crash()
	defer h.close()
	a := h.want(h.do("GET", "/v2/rr/manifests/v1", ""), 200)
	if a.body != manifest || a.header.Get("Docker-Content-Digest") != digest(manifest) {
		t.Errorf("manifest %s", a.body)
	}
	if got := h.want(h.do("GET", "/v2/rr/blobs/"+digest("layer bytes"), ""), 200).body; got != "layer bytes" {
		t.Errorf("layer %q", got)
	}
}

// push makes an image of one layer by hand and gives its manifest.
func (h *house) push(repo, tag, layer string) string {
	h.t.Helper()
	const config = `{"architecture":"amd64","os":"linux"}`
	for _, b := range []string{config, layer} {
		h.want(h.do("POST", "/v2/"+repo+"/blobs/uploads/?digest="+digest(b), b), 201)
	}
	m := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`,
		digest(config), len(config), digest(layer), len(layer))
	h.want(h.do("PUT", "/v2/"+repo+"/manifests/"+tag, m, "Content-Type", "application/vnd.oci.image.manifest.v1+json"), 201)
	return m
}

// Uploads that nobody goes on with and layers that no image names go after a day, bytes and all.
func TestGarbageIsCollected(t *testing.T) {
	fs := disk.NewCrashable()
	h := open(t, fs)
	h.repository("rr")
	h.push("rr", "v1", "kept")
	h.want(h.do("POST", "/v2/rr/blobs/uploads/?digest="+digest("stray"), "stray"), 201)
	at := h.want(h.do("POST", "/v2/rr/blobs/uploads/", ""), 202).header.Get("Location")
	h.want(h.do("PATCH", at, "half a layer"), 202)
	if err := h.Collect(); err != nil {
		t.Fatal(err)
	}
	h.want(h.do("GET", at, ""), 204)
	h = h.crash() // bytes that were put since the start stay until the next one
	defer h.close()
	h.later.Store(int64(25 * time.Hour))
	if err := h.Collect(); err != nil {
		t.Fatal(err)
	}
	h.want(h.do("GET", at, ""), 404)
	if _, err := h.Layer(named("rr"), digest("stray")); !fault.Is(err, fault.NotFound) {
		t.Errorf("a layer that no image names: %v", err)
	}
	h.want(h.do("GET", "/v2/rr/blobs/"+digest("kept"), ""), 200)
	names, err := h.fs.List("blobs")
	if err != nil || len(names) != 3 { // manifest, configuration, layer
		t.Errorf("files %q, %v", names, err)
	}
}

func TestErrorsOfTheSpecification(t *testing.T) {
	h := newHouse(t, "rr")
	manifest := h.push("rr", "v1", "x")
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/v2/rr/manifests/none", "", 404, "MANIFEST_UNKNOWN"},
		{"GET", "/v2/none/manifests/v1", "", 404, "NAME_UNKNOWN"},
		{"GET", "/v2/none/tags/list", "", 404, "NAME_UNKNOWN"},
		{"GET", "/v2/RR/tags/list", "", 400, "NAME_INVALID"},
		{"GET", "/v2/rr/blobs/" + digest("none"), "", 404, "BLOB_UNKNOWN"},
		{"GET", "/v2/rr/blobs/sha256:12", "", 400, "DIGEST_INVALID"},
		{"PUT", "/v2/rr/manifests/v2", "{", 400, "MANIFEST_INVALID"},
		{"PUT", "/v2/rr/manifests/v2", `{"schemaVersion":1}`, 400, "UNSUPPORTED"},
		{"PUT", "/v2/rr/manifests/v2", strings.Replace(manifest, `"size":1`, `"size":2`, 1), 400, "MANIFEST_INVALID"},
		{"PUT", "/v2/rr/manifests/" + digest("another"), manifest, 400, "DIGEST_INVALID"},
		{"PUT", "/v2/rr/manifests/-v", manifest, 400, "TAG_INVALID"},
		{"DELETE", "/v2/rr/blobs/" + digest("x"), "", 403, "DENIED"},
		{"DELETE", "/v2/rr/manifests/none", "", 404, "MANIFEST_UNKNOWN"},
		{"PATCH", "/v2/rr/blobs/uploads/none", "x", 404, "BLOB_UPLOAD_UNKNOWN"},
		{"POST", "/v2/rr/tags/list", "", 405, "UNSUPPORTED"},
		{"GET", "/v2/rr", "", 404, "UNSUPPORTED"},
	} {
		a := h.do(c.method, c.path, c.body)
		if a.status != c.status || !strings.Contains(a.body, `{"errors":[{"code":"`+c.code+`","message":"`) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, a.status, a.body, c.status, c.code)
		}
	}
}

// A password says whose repositories are meant; without one the only repository of a name is found.
func TestWhoseRepository(t *testing.T) {
	h := newHouse(t, "shared")
	other := named("shared")
	other.Region = "eu-west-1"
	h.want(h.do("GET", "/v2/", ""), 200)
	if _, err := h.Create(repositoryOf(other)); err != nil {
		t.Fatal(err)
	}
	only := named("only-there")
	only.Region = "eu-west-1"
	if _, err := h.Create(repositoryOf(only)); err != nil {
		t.Fatal(err)
	}
	a := h.want(h.do("GET", "/v2/", ""), 401)
	if !strings.HasPrefix(a.header.Get("Www-Authenticate"), "Basic ") {
		t.Error(a.header)
	}
	h.push("shared", "ours", "x")
	password, _ := h.Issue(here.Account, "eu-west-1")
	req, _ := http.NewRequest("GET", h.http.URL+"/v2/shared/tags/list", nil)
	req.SetBasicAuth("AWS", password)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); !bytes.Equal(b, []byte(`{"name":"shared","tags":[]}`)) {
		t.Errorf("the other region's: %s", b)
	}
	h.push("only-there", "v1", "y")
}
