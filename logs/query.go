package logs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

// Query is a question in CloudWatch Logs Insights' language. Built are the commands fields, display, filter, sort and
// limit; others are refused when the query is started.
type Query struct {
	Place
	ID         string
	Group      string // the first of them
	Groups     []string
	Text       string
	Start, End int64 // seconds since 1970, both included
	Created    int64 // milliseconds since 1970
	plan       plan
}

// Field is one cell of a query's answer.
type Field struct{ Name, Value string }

// plan is a query taken apart.
type plan struct {
	fields  []string
	filters []func(get func(string) string) bool
	sort    string
	asc     bool
	limit   int
}

// maxQueries is how many queries are remembered.
const maxQueries = 1000

// StartQuery takes a query in. It runs when its results are asked for.
func (s *Service) StartQuery(q Query) (Query, error) {
	const op = "logs.StartQuery"
	var err error
	if q.plan, err = parseQuery(q.Text); err != nil {
		return q, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, name := range q.Groups {
		g, err := s.groupLocked(op, q.Place, name)
		if err != nil {
			return q, err
		}
		q.Groups[i] = g.Name
	}
	if len(q.Groups) == 0 {
		return q, invalid(op, "Exactly one of logGroupName, logGroupNames or logGroupIdentifiers must be given")
	}
	q.Group, q.Created = q.Groups[0], s.millis()
	s.mu.serial++
	h := uint64(s.c.Now().UnixNano())
	q.ID = fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(h>>32), uint16(h>>16), uint16(h)&0xfff, s.mu.serial>>12&0xfff, s.mu.serial&0xfff)
	if len(s.mu.queries) >= maxQueries {
		clear(s.mu.queries)
	}
	s.mu.queries[q.ID] = &q
	return q, nil
}

// Query finds a query.
func (s *Service) Query(p Place, id string) (Query, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.mu.queries[id]
	if q == nil || q.Place != p {
		return Query{}, missing("logs.Query", "query", id)
	}
	return *q, nil
}

// Queries gives the queries of a group, or of all when it is empty, newest first.
func (s *Service) Queries(p Place, group string) []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Query
	for _, q := range s.mu.queries {
		if q.Place == p && (group == "" || slices.Contains(q.Groups, NameOf(group))) {
			out = append(out, *q)
		}
	}
	slices.SortFunc(out, func(a, b Query) int { return strings.Compare(b.ID, a.ID) })
	return out
}

// Results runs a query. scanned is how many events were looked at, matched how many passed its filters.
func (s *Service) Results(q Query) (rows [][]Field, scanned, matched int, err error) {
	type row struct {
		key string
		n   float64
		num bool
		out []Field
	}
	var found []row
	for _, group := range q.Groups {
		var after Cursor
		for more := true; more; {
			var events []Found
			events, after, more, err = s.Filter(q.Place, group, func(string) bool { return true }, func(string) bool { return true },
				Range{Start: q.Start * 1000, End: q.End*1000 + 1000}, after)
			if err != nil {
				return nil, 0, 0, err
			}
			for _, e := range events {
				scanned++
				get := fieldsOf(q.Account+":"+group, e)
				if slices.ContainsFunc(q.plan.filters, func(f func(func(string) string) bool) bool { return !f(get) }) {
					continue
				}
				r := row{key: get(q.plan.sort)}
				n, nerr := strconv.ParseFloat(r.key, 64)
				r.n, r.num = n, nerr == nil
				for _, name := range q.plan.fields {
					if v := get(name); v != "" {
						r.out = append(r.out, Field{name, v})
					}
				}
				r.out = append(r.out, Field{"@ptr", EventID(e.Time.UnixNano(), e.Stream, e.Pos)})
				found = append(found, r)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b row) int {
		c := strings.Compare(a.key, b.key)
		if a.num && b.num {
			c = int(min(max((a.n-b.n)*1e9, -1), 1))
		}
		if !q.plan.asc {
			c = -c
		}
		return c
	})
	matched = len(found)
	for _, r := range found[:min(len(found), q.plan.limit)] {
		rows = append(rows, r.out)
	}
	return rows, scanned, matched, nil
}

// fieldsOf gives the fields of an event: those with @, and, when its text is a JSON object, the members of that.
func fieldsOf(log string, e Found) func(string) string {
	var doc any
	parsed := false
	return func(name string) string {
		switch name {
		case "@timestamp":
			return e.Time.UTC().Format("2006-01-02 15:04:05.000")
		case "@message":
			return e.Text
		case "@logStream":
			return e.Stream
		case "@log":
			return log
		case "@ingestionTime":
			return time.UnixMilli(e.Ingested).UTC().Format("2006-01-02 15:04:05.000")
		}
		if !parsed {
			parsed = true
			if json.Unmarshal([]byte(e.Text), &doc) != nil {
				doc = nil
			}
		}
		v, ok := (&jsonPattern{rest: "$." + name}).selector()(doc)
		switch v := v.(type) {
		case nil:
			return ""
		case string:
			return v
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64)
		default:
			text, _ := json.Marshal(v)
			if !ok {
				return ""
			}
			return string(text)
		}
	}
}

func malformed(text string) error {
	return &fault.Error{Kind: fault.Invalid, Op: "logs.parseQuery", Noun: "query", Reason: "query", Detail: text}
}

func parseQuery(text string) (plan, error) {
	p := plan{fields: []string{"@timestamp", "@message"}, sort: "@timestamp", limit: 10_000}
	for command := range strings.SplitSeq(text, "|") {
		command = strings.TrimSpace(command)
		word, rest, _ := strings.Cut(command, " ")
		rest = strings.TrimSpace(rest)
		switch strings.ToLower(word) {
		case "":
			if strings.TrimSpace(text) == "" {
				return p, malformed("the query is empty")
			}
		case "fields", "display":
			p.fields = nil
			for name := range strings.SplitSeq(rest, ",") {
				name = strings.TrimSpace(name)
				if name == "" || strings.ContainsAny(name, " (") {
					return p, malformed("Anthill's queries know plain fields only, not " + strconv.Quote(name))
				}
				p.fields = append(p.fields, name)
			}
		case "filter":
			f, err := parseFilter(rest)
			if err != nil {
				return p, err
			}
			p.filters = append(p.filters, f)
		case "sort":
			name, order, _ := strings.Cut(rest, " ")
			p.sort, p.asc = name, !strings.EqualFold(strings.TrimSpace(order), "desc")
		case "limit":
			n, err := strconv.Atoi(rest)
			if err != nil || n < 1 || n > 10_000 {
				return p, malformed("limit must be a number from 1 to 10000")
			}
			p.limit = n
		default:
			return p, malformed("Anthill's queries do not know the command " + strconv.Quote(word) + "; built are fields, display, filter, sort and limit")
		}
	}
	return p, nil
}

// parseFilter reads FIELD like /x/, FIELD like "x", FIELD = "x", FIELD != x, and comparisons of numbers.
func parseFilter(text string) (func(func(string) string) bool, error) {
	m := regexp.MustCompile(`^([@\w.]+)\s*(not like|like|=~|!=|>=|<=|=|>|<)\s*(.+)$`).FindStringSubmatch(text)
	if m == nil || strings.Contains(m[3], " and ") || strings.Contains(m[3], " or ") {
		return nil, malformed("Anthill's queries know filters of one comparison, not " + strconv.Quote(text))
	}
	name, op, want := m[1], m[2], m[3]
	if strings.HasPrefix(want, "/") && strings.HasSuffix(want, "/") && len(want) > 1 {
		re, err := regexp.Compile(want[1 : len(want)-1])
		if err != nil {
			return nil, malformed(err.Error())
		}
		return func(get func(string) string) bool { return re.MatchString(get(name)) == (op != "not like") }, nil
	}
	want = strings.Trim(want, `"'`)
	switch op {
	case "like", "not like":
		return func(get func(string) string) bool { return strings.Contains(get(name), want) == (op == "like") }, nil
	case "=~":
		return nil, malformed("=~ needs a regular expression between slashes")
	}
	return func(get func(string) string) bool {
		have := get(name)
		if n, err := strconv.ParseFloat(have, 64); err == nil {
			return compare(op, n, want)
		}
		return (have == want) == (op == "=") && (op == "=" || op == "!=")
	}, nil
}
