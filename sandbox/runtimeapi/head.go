package runtimeapi

import (
	"bytes"
	"strconv"
)

// call is what a connection that is served by hand is asked for.
type call byte

const (
	callNext     call = iota + 1 // GET invocation/next
	callResponse                 // POST invocation/ID/response, in one piece
	callExercise                 // POST wait
	callWord                     // GET wait
)

// request is a request that is served by hand.
type request struct {
	call   call
	id     string // of the invocation
	length int    // of the body
}

// verdict says whose a request is.
type verdict byte

const (
	unread verdict = iota // more of it has to come
	ours                  // it is served by hand
	other                 // net/http serves it, whatever it is
)

// maxHead is how long the head of a request may be that is served by hand.
const maxHead = 8 << 10

var (
	apiRoot  = []byte("/2018-06-01/runtime/")
	headEnd  = []byte("\r\n\r\n")
	lineEnd  = []byte("\r\n")
	protocol = []byte(" HTTP/1.1")
)

// readHead reads the head of a request, RFC 9112, and gives its length. It knows the plainest form of the two calls that
// every invocation makes, and of the two of a runtime of ours that waits; all else, right or wrong, is left to net/http.
func readHead(b []byte) (r request, n int, v verdict) {
	method, path, ok := bytes.Cut(b[:min(len(b), 4+1+len(apiRoot))], []byte(" "))
	switch {
	case !bytes.HasPrefix([]byte("GET"), method) && !bytes.HasPrefix([]byte("POST"), method),
		ok && len(method) < 3, ok && !bytes.HasPrefix(path, apiRoot) && !bytes.HasPrefix(apiRoot, path):
		return r, 0, other
	}
	end := bytes.Index(b[:min(len(b), maxHead)], headEnd)
	switch {
	case end < 0 && len(b) >= maxHead:
		return r, 0, other
	case end < 0:
		return r, 0, unread
	}
	line, fields, _ := bytes.Cut(b[:end+len(lineEnd)], lineEnd)
	if !r.readLine(line) || !r.readFields(fields) {
		return request{}, 0, other
	}
	return r, end + len(headEnd), ours
}

// readLine reads the request line.
func (r *request) readLine(line []byte) bool {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	path, ok := bytes.CutSuffix(rest, protocol)
	if !ok {
		return false
	}
	if path, ok = bytes.CutPrefix(path, apiRoot); !ok {
		return false
	}
	get, post := string(method) == "GET", string(method) == "POST"
	switch {
	case get && string(path) == "invocation/next":
		r.call = callNext
	case get && string(path) == "wait":
		r.call = callWord
	case post && string(path) == "wait":
		r.call = callExercise
	case post:
		id, starts := bytes.CutPrefix(path, []byte("invocation/"))
		id, ends := bytes.CutSuffix(id, []byte("/response"))
		if !starts || !ends || !plainID(id) {
			return false
		}
		r.call, r.id = callResponse, string(id)
	default:
		return false
	}
	return true
}

// plainID reports whether an invocation's id is one of letters, digits and hyphens.
func plainID(id []byte) bool {
	for _, c := range id {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(id) > 0 && len(id) <= 128
}

// readFields reads header fields, each with its end of line.
func (r *request) readFields(fields []byte) bool {
	hosts, lengths := 0, 0
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, lineEnd)
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !plainName(name) || !plainValue(value) {
			return false
		}
		value = bytes.Trim(value, " \t")
		switch {
		case is(name, "host"):
			hosts++
			if !plainHost(value) {
				return false
			}
		case is(name, "content-length"):
			n, err := strconv.ParseUint(string(value), 10, 31)
			if err != nil || n > maxPayload {
				return false
			}
			r.length = int(n)
			lengths++
		case is(name, "connection"):
			if !bytes.EqualFold(value, []byte("keep-alive")) {
				return false
			}
		case is(name, "transfer-encoding"), is(name, "expect"), is(name, "upgrade"), is(name, "te"), is(name, "trailer"),
			is(name, "lambda-runtime-function-response-mode"):
			return false
		}
	}
	if r.call == callResponse || r.call == callExercise {
		return hosts == 1 && lengths == 1
	}
	return hosts == 1 && lengths <= 1 && r.length == 0
}

func is(name []byte, known string) bool {
	return len(name) == len(known) && bytes.EqualFold(name, []byte(known))
}

// plainName reports whether a header's name is one of letters, digits and hyphens.
func plainName(name []byte) bool { return plainID(name) }

// plainValue reports whether a header's value is printable ASCII.
func plainValue(value []byte) bool {
	for _, c := range value {
		if c != '\t' && (c < ' ' || c > '~') {
			return false
		}
	}
	return true
}

func plainHost(host []byte) bool {
	for _, c := range host {
		if c != '.' && c != ':' && !plainID([]byte{c}) {
			return false
		}
	}
	return len(host) > 0
}
