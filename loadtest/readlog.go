package loadtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"anthill/latency"
)

// Log is what a Locust log tells of single requests.
type Log struct {
	Generator string             // "Locust 2.42.1"
	Spawned   time.Time          // when all users were there
	Responses []latency.Response // their instants are the log's wall clock, read as UTC: the file names no zone
	Problems  []string
}

// The course's locustfile logs, for each answer, "Response time: 270.53 ms", "Response status code: 200" and
// "Response text: …". Its notebook reads the first with the same pattern.
const (
	logTimeLayout   = "2006-01-02 15:04:05,000"
	responsePattern = `Response time:\s*([0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*(ms|s)\b`
	statusPattern   = `Response status code:\s*([0-9]{1,3})\b`
)

func readLogFile(path string) (Log, error) {
	f, err := os.Open(path)
	if err != nil {
		return Log{}, err
	}
	defer f.Close()
	return ReadLog(f)
}

// ReadLog reads a Locust log. The error is only ever the reader's; a log without a response is not an error.
func ReadLog(r io.Reader) (Log, error) {
	p := logParser{response: regexp.MustCompile(responsePattern), status: regexp.MustCompile(statusPattern)}
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			p.line(strings.TrimRight(line, "\r\n"))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return p.log, err
		}
	}
	if p.undated > 0 {
		p.log.Problems = append(p.log.Problems, fmt.Sprintf("%d response times carry no time of day, so there is no figure over time for them.", p.undated))
	}
	return p.log, nil
}

type logParser struct {
	response, status *regexp.Regexp
	log              Log
	waiting          int // index of the first response whose status is not known yet
	undated          int
	latest           time.Time // of the lines so far
	stepped          bool
}

func (p *logParser) line(s string) {
	at, rest, dated := logTime(s)
	if v, ok := strings.CutPrefix(afterLogger(rest), "Starting Locust "); ok && p.log.Generator == "" {
		p.log.Generator = "Locust " + strings.TrimSpace(v)
	}
	if v, ok := strings.CutPrefix(afterLogger(rest), "Starting Anthill "); ok && p.log.Generator == "" {
		p.log.Generator = "Anthill " + strings.TrimSpace(v)
	}
	if strings.Contains(rest, "All users spawned") && p.log.Spawned.IsZero() {
		p.log.Spawned = at
	}
	if m := p.response.FindStringSubmatch(rest); m != nil {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil || v > 1e12 {
			return
		}
		if m[2] == "s" {
			v *= 1000
		}
		if !dated {
			p.undated++
		}
		if back := p.latest.Sub(at); dated && back > time.Second && !p.stepped {
			p.stepped = true
			p.log.Problems = append(p.log.Problems, fmt.Sprintf("The clock went back by %v at %s, or the lines are not in their order: what is shown over time, and which requests were in flight together, is not to be trusted.", back, at.Format("15:04:05")))
		}
		if dated && at.After(p.latest) {
			p.latest = at
		}
		p.log.Responses = append(p.log.Responses, latency.Response{At: at, Latency: latency.FromMillis(v)})
		return
	}
	if m := p.status.FindStringSubmatch(rest); m != nil && p.waiting < len(p.log.Responses) {
		// The lines of two requests may be interleaved, but each logger call is whole: statuses come in the times' order.
		p.log.Responses[p.waiting].Status, _ = strconv.Atoi(m[1])
		p.waiting++
	}
}

// logTime takes the "[2025-10-28 23:57:45,535]" off a line.
func logTime(s string) (at time.Time, rest string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return time.Time{}, s, false
	}
	stamp, rest, found := strings.Cut(s[1:], "]")
	if !found {
		return time.Time{}, s, false
	}
	at, err := time.Parse(logTimeLayout, stamp)
	if err != nil {
		return time.Time{}, s, false
	}
	return at, rest, true
}

// afterLogger takes "laptop/INFO/root: " off what follows the time.
func afterLogger(s string) string {
	if _, rest, ok := strings.Cut(s, ": "); ok {
		return rest
	}
	return s
}
