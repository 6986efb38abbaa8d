package registry

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"anthill/fault"
)

// HandlerConfig says how a Handler behaves. Service must be set.
type HandlerConfig struct {
	Service *Service

	// Verify asks for a password that Issue gave. Without it everybody may do everything, and a good password only says
	// whose repositories are meant.
	Verify bool

	// Account and Region are whose repositories are meant by those who do not say. "" means "000000000000" and "us-east-1".
	Account, Region string

	Log *slog.Logger // nil means slog.Default
}

// Handler is the OCI distribution API, version 1.1, under /v2/.
type Handler struct {
	c HandlerConfig
	s *Service
}

// NewHandler makes one.
func NewHandler(c HandlerConfig) *Handler {
	if c.Account == "" {
		c.Account = "000000000000"
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Handler{c: c, s: c.Service}
}

// Serves reports whether r is a registry's request: everything under /v2/ that no AWS client signed.
func (h *Handler) Serves(r *http.Request) bool {
	return (r.URL.Path == "/v2" || strings.HasPrefix(r.URL.Path, "/v2/")) && !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-")
}

// request is one call with what its path says.
type request struct {
	w http.ResponseWriter
	*http.Request
	repo Ref
	name string // what follows the repository: a tag, a digest, an upload's id
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	who, ok := h.authorize(w, r)
	if !ok {
		return
	}
	serve, q, ok := h.route(r, who)
	if !ok {
		refuse(w, http.StatusNotFound, "UNSUPPORTED", "there is nothing at this address", nil)
		return
	}
	q.w, q.Request = w, r
	if serve == nil {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.", nil)
		return
	}
	if q.repo.Name != "" && !ValidName(q.repo.Name) {
		refuse(w, http.StatusBadRequest, "NAME_INVALID", "invalid repository name", map[string]string{"name": q.repo.Name})
		return
	}
	if err := serve(q); err != nil {
		h.fail(w, r, err)
	}
}

// authorize finds whose repositories a request means: those of a host ACCOUNT.dkr.ecr.REGION.…, of its password, or of
// the default.
func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) (Ref, bool) {
	who := Ref{Account: h.c.Account, Region: h.c.Region}
	user, password, given := r.BasicAuth()
	if token := r.URL.Query().Get("token"); token != "" && !given { // of an address that the ECR door gave
		user, password, given = "AWS", token, true
	}
	g := grant{}
	if given {
		g = h.s.read(password)
	}
	if h.c.Verify && !(g.good && user == "AWS") {
		if g.expired {
			refuse(w, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.", nil)
			return who, false
		}
		h.challenge(w, r)
		return who, false
	}
	if !given && (r.URL.Path == "/v2/" || r.URL.Path == "/v2") && h.s.several() {
		h.challenge(w, r) // else Docker would not send what it logged in with
		return who, false
	}
	if g.good || g.expired {
		who.Account, who.Region = g.account, g.region
	}
	if p := strings.Split(r.Host, "."); len(p) > 4 && p[1] == "dkr" && p[2] == "ecr" {
		who.Account, who.Region = p[0], p[3]
	}
	return who, true
}

// several reports whether there are repositories of more than one account and region.
func (s *Service) several() bool {
	first := ""
	for d, err := range s.repositories.Scan("") {
		if err != nil {
			return false
		}
		place := d.Doc.Ref.Account + "/" + d.Doc.Ref.Region
		if first != "" && place != first {
			return true
		}
		first = place
	}
	return false
}

func (h *Handler) challenge(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	w.Header().Set("Www-Authenticate", `Basic realm="`+scheme+"://"+r.Host+`/",service="ecr.amazonaws.com"`)
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "Not Authorized", nil)
}

// route finds what serves r. serve is nil when the method does not fit.
func (h *Handler) route(r *http.Request, who Ref) (serve func(*request) error, q *request, ok bool) {
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/v2"), "/")
	q = &request{repo: who}
	methods := func(of map[string]func(*request) error) (func(*request) error, *request, bool) {
		q.repo = h.s.meant(q.repo)
		return of[r.Method], q, true
	}
	type m = map[string]func(*request) error
	switch {
	case path == "":
		return methods(m{"GET": h.check, "HEAD": h.check})
	case path == "_catalog":
		return methods(m{"GET": h.catalog})
	case strings.HasSuffix(path, "/tags/list"):
		q.repo.Name = strings.TrimSuffix(path, "/tags/list")
		return methods(m{"GET": h.tags})
	case strings.HasSuffix(path, "/blobs/uploads/"), strings.HasSuffix(path, "/blobs/uploads"):
		q.repo.Name = strings.TrimSuffix(strings.TrimSuffix(path, "/"), "/blobs/uploads")
		return methods(m{"POST": h.beginUpload})
	}
	cut := func(sep string) bool {
		i := strings.LastIndex(path, sep)
		if i > 0 {
			q.repo.Name, q.name = path[:i], path[i+len(sep):]
		}
		return i > 0 && q.name != "" && !strings.Contains(q.name, "/")
	}
	switch {
	case cut("/blobs/uploads/"):
		return methods(m{"GET": h.uploadStatus, "PATCH": h.patchUpload, "PUT": h.putUpload, "DELETE": h.cancelUpload})
	case cut("/blobs/"):
		return methods(m{"GET": h.getBlob, "HEAD": h.getBlob, "DELETE": h.deleteBlob})
	case cut("/manifests/"):
		return methods(m{"GET": h.getManifest, "HEAD": h.getManifest, "PUT": h.putManifest, "DELETE": h.deleteManifest})
	case cut("/referrers/"):
		return methods(m{"GET": h.referrers})
	}
	return nil, nil, false
}

// meant finds the repository of that name for somebody who did not say whose: when the place that is taken for granted
// has none, the only one there is.
func (s *Service) meant(r Ref) Ref {
	if r.Name == "" {
		return r
	}
	if _, ok, err := s.repositories.Get(r.key()); err != nil || ok {
		return r
	}
	found := []Ref{}
	for d, err := range s.repositories.Scan("") {
		if err == nil && d.Doc.Ref.Name == r.Name {
			found = append(found, d.Doc.Ref)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return r
}

func (h *Handler) check(q *request) error {
	q.w.Header().Set("Content-Type", "application/json")
	_, _ = q.Write([]byte("{}")) // the client may have gone
	return nil
}

// Write makes the two halves of a request one: what is written is the answer.
func (q *request) Write(b []byte) (int, error) { return q.w.Write(b) }

// set sets a header of the answer.
func (q *request) set(name, value string) { q.w.Header().Set(name, value) }

// wireError is the error object of the distribution specification, "Error Codes".
type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail,omitempty"`
}

func refuse(w http.ResponseWriter, status int, code, message string, detail any) {
	b, err := json.Marshal(map[string][]wireError{"errors": {{code, message, detail}}})
	if err != nil {
		b = []byte(`{"errors":[]}`) // details are maps of strings
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// fail answers a fault with the code of the distribution specification.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	status, code := codeOf(f)
	if status == http.StatusInternalServerError && !errors.Is(err, r.Context().Err()) {
		h.c.Log.Error("a request of a registry's client failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	message := f.Detail
	if message == "" {
		message = f.Error()
	}
	refuse(w, status, code, message, nil)
}

// codeOf chooses status and code of a fault.
func codeOf(f *fault.Error) (int, string) {
	switch {
	case f.Reason == ReasonImmutable:
		return http.StatusBadRequest, "TAG_INVALID" // as ECR
	case f.Reason == ReasonLayers, f.Reason == ReasonManifests:
		return http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN"
	case f.Reason == ReasonDigest:
		return http.StatusBadRequest, "DIGEST_INVALID"
	case f.Reason == ReasonPart:
		return http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID"
	case f.Reason == ReasonReferenced:
		return http.StatusForbidden, "DENIED"
	case f.Reason == ReasonSchema:
		return http.StatusBadRequest, "UNSUPPORTED"
	case f.Kind == fault.Full:
		return http.StatusInsufficientStorage, "DENIED"
	case f.Kind == fault.TooLarge:
		return http.StatusRequestEntityTooLarge, "SIZE_INVALID"
	}
	switch f.Kind.String() + " " + f.Noun {
	case "not found repository":
		return http.StatusNotFound, "NAME_UNKNOWN"
	case "not found image":
		return http.StatusNotFound, "MANIFEST_UNKNOWN"
	case "not found layer":
		return http.StatusNotFound, "BLOB_UNKNOWN"
	case "not found upload":
		return http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"
	case "invalid manifest":
		return http.StatusBadRequest, "MANIFEST_INVALID"
	case "invalid tag":
		return http.StatusBadRequest, "TAG_INVALID"
	case "invalid digest":
		return http.StatusBadRequest, "DIGEST_INVALID"
	case "invalid upload":
		return http.StatusBadRequest, "BLOB_UPLOAD_INVALID"
	}
	return http.StatusInternalServerError, "UNKNOWN"
}
