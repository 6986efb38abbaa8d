package runtimeapi

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxStream is AWS's limit for an answer that is streamed: 200 MB.
const maxStream = 200 << 20

func (a *api) wantsPieces(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.current != nil && a.mu.current.id == id && a.mu.current.streamed
}

// stream passes an answer on as it comes (developer guide, "Building a custom runtime", "Implementing response streaming"). An
// error in the middle is told in trailers.
func (a *api) stream(w http.ResponseWriter, r *http.Request, id string) {
	inv := a.answerable(w, id)
	if inv == nil {
		return
	}
	kind := r.Header.Get("Content-Type")
	kind = kind[:min(len(kind), 1024)]
	piece := make([]byte, 2+len(kind)+64<<10)
	var sent int
	for {
		n := copy(piece, binary.BigEndian.AppendUint16(nil, uint16(len(kind))))
		n += copy(piece[n:], kind)
		got, err := r.Body.Read(piece[n:])
		if got > 0 || kind != "" {
			a.l.say(encode(framePiece, inv.number, piece[:n+got]))
			kind = ""
		}
		sent += got
		switch {
		case sent > maxStream:
			a.answer(inv, time.Now().UnixNano(), "Function.ResponseSizeTooLarge",
				fmt.Appendf(nil, `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes)."}`, maxStream))
			refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxStream))
			return
		case err == io.EOF:
			if t := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); t != "" {
				object, berr := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
				if berr != nil {
					object = []byte(`{"errorType":"Runtime.Unknown","errorMessage":"The error of the stream is not base64"}`)
				}
				a.answer(inv, time.Now().UnixNano(), t, object)
			} else {
				a.l.keep(encode(frameResponse, inv.number, stamps(inv.entered, time.Now().UnixNano(), a.memory())))
			}
			accept(w)
			return
		case err != nil:
			a.answer(inv, time.Now().UnixNano(), "Runtime.TruncatedResponse", truncated)
			return
		}
	}
}
