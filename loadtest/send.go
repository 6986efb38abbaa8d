package loadtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"anthill/latency"
)

// textLimit bounds what is kept of an answer's body, in bytes.
const textLimit = 512

// dropped marks a request that the end of the test cut off; it is not counted.
const dropped = "dropped"

// sender is the way of a test's requests. All of them are the same request.
type sender interface {
	// line gives what one user sends with. Only one goroutine uses it at a time.
	line() line
	// close ends every connection, also those on which an answer is waited for.
	close()
}

// line is one user's way: in the lean sender a connection.
type line interface {
	// exchange sends the request and reads the whole answer, of which q keeps what it needs. An answer of 400 or more is none
	// of its errors.
	exchange(ctx context.Context, q *Request) error
}

// send is one request of a line, with its instants and its failure in Locust's words.
func (r *run) send(ctx context.Context, l line, user int, intended time.Time) Request {
	q := Request{User: user, Intended: intended, Sent: time.Now()}
	err := l.exchange(ctx, &q)
	q.At = time.Now()
	q.Latency = q.At.Sub(q.Sent)
	switch {
	case err != nil && ctx.Err() != nil:
		q.Failure = dropped
	case err != nil:
		q.Failure = failureText(err)
	case q.Status >= 400:
		q.Failure = httpError(q.Status, r.url)
	}
	return q
}

// throughClient sends with a client of net/http.
type throughClient struct {
	client    *http.Client
	method    string
	url       string
	header    http.Header
	body      []byte
	timeout   time.Duration // 0 for none
	functions bool
}

func (t *throughClient) line() line { return t }

func (t *throughClient) close() { t.client.CloseIdleConnections() }

func (t *throughClient) exchange(ctx context.Context, q *Request) error {
	if t.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, t.method, t.url, bytes.NewReader(t.body))
	if err != nil {
		return err
	}
	for k, vs := range t.header {
		req.Header[k] = vs
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var head bytes.Buffer
	q.Length, err = io.Copy(&head, io.LimitReader(resp.Body, textLimit))
	q.Text = head.String()
	if err == nil && q.Length == textLimit {
		var rest int64
		rest, err = io.Copy(io.Discard, resp.Body)
		q.Length += rest
	}
	q.Status = resp.StatusCode
	if t.functions && resp.Header.Get("X-Amz-Function-Error") != "" {
		q.Status = http.StatusInternalServerError
	}
	q.TraceID, q.RequestID = resp.Header.Get("X-Amzn-Trace-Id"), resp.Header.Get("X-Amzn-Requestid")
	return err
}

// httpError is Locust's text for an answer of 400 or more.
func httpError(status int, url string) string {
	side := "Client"
	if status >= 500 {
		side = "Server"
	}
	return fmt.Sprintf("HTTPError('%d %s Error: %s for url: %s')", status, side, http.StatusText(status), url)
}

// failureText is a short text that is equal for equal trouble: without ports and addresses of our own side.
func failureText(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "Timeout('the request took too long')"
	case strings.Contains(err.Error(), "connection refused"):
		return "ConnectionRefusedError(111, 'Connection refused')"
	case strings.Contains(err.Error(), "reset by peer"):
		return "ConnectionResetError(104, 'Connection reset by peer')"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.HasSuffix(err.Error(), "EOF"):
		return "RemoteDisconnected('Remote end closed connection without response')"
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	return fmt.Sprintf("ConnectionError('%s')", err)
}

// inbox takes in what the users finish. It is emptied some ten times a second, so that a finished request wakes nobody.
type inbox struct {
	mu struct {
		sync.Mutex
		full []Request
	}
	spare []Request // of the one who empties it
}

func (b *inbox) put(q Request) {
	b.mu.Lock()
	b.mu.full = append(b.mu.full, q)
	b.mu.Unlock()
}

// take gives what has come since the last take. It is good until the next.
func (b *inbox) take() []Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.mu.full
	b.mu.full, b.spare = b.spare[:0], full
	return full
}

// Request is one request as its user saw it.
type Request struct {
	latency.Response
	User      int
	Intended  time.Time // when it should have been sent
	Sent      time.Time // when it was
	Length    int64     // of the answer's body
	Text      string    // its first 512 bytes
	Failure   string    // "" for a success, else Locust's text
	TraceID   string    // X-Amzn-Trace-Id of the answer
	RequestID string    // x-amzn-RequestId of the answer
}

// Late is how long after its time the request was sent.
func (r Request) Late() time.Duration { return r.Sent.Sub(r.Intended) }
