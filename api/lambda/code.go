package lambda

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/functions"
)

// CodePath is where the platform serves zip files: the prefix of every Code.Location and layer Content.Location.
const CodePath = "/_anthill/lambda/code/"

// location is the URL of a package, on the host that the caller reached the platform by.
func location(ctx context.Context, c functions.Code) string {
	call := protocol.CallOf(ctx)
	scheme := "http"
	if call.TLS {
		scheme = "https"
	}
	return scheme + "://" + call.Host + CodePath + c.Digest + ".zip"
}

// Packages serves the zip files under CodePath. Whoever knows a digest may have them, as with AWS's presigned URLs.
func Packages(f *functions.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		digest, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, CodePath), ".zip")
		if !ok {
			http.NotFound(w, r)
			return
		}
		zip, err := f.Zip(digest)
		if err != nil {
			http.Error(w, "no such package", statusOf(err))
			return
		}
		w.Header().Set("Content-Type", "application/zip")
		_, err = io.Copy(w, zip)
		if err = errors.Join(err, zip.Close()); err != nil {
			panic(http.ErrAbortHandler) // a package cut short must not look whole
		}
	})
}

func statusOf(err error) int {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}
