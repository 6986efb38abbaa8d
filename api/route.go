package api

import (
	"net/url"
	"strings"

	"anthill/api/protocol"
)

// router finds the operation of a REST service by method and path. Literal segments win over labels.
type router struct{ root node }

type node struct {
	literal map[string]*node
	label   *node  // matches any one segment
	greedy  []leaf // operations whose last label takes the rest of the path
	leaves  []leaf // operations that end here
}

// leaf is one operation at the end of a path.
type leaf struct {
	method string
	labels []string    // names, in the order of the path
	query  [][2]string // literals that the query string must have: "mode=import"
	op     int
}

func newRouter(m *protocol.Model) *router {
	rt := &router{}
	for i := range m.Operations {
		rt.add(&m.Operations[i], i)
	}
	return rt
}

func (rt *router) add(op *protocol.Operation, i int) {
	path, query, _ := strings.Cut(op.Path, "?")
	l := leaf{method: op.Method, op: i}
	for _, part := range strings.Split(query, "&") {
		if part != "" {
			name, value, _ := strings.Cut(part, "=")
			l.query = append(l.query, [2]string{name, value})
		}
	}
	at := &rt.root
	for _, seg := range strings.Split(strings.Trim(path, "/"), "/") {
		name, isLabel := strings.CutPrefix(seg, "{")
		if !isLabel {
			if at.literal == nil {
				at.literal = map[string]*node{}
			}
			if at.literal[seg] == nil {
				at.literal[seg] = &node{}
			}
			at = at.literal[seg]
			continue
		}
		name = strings.TrimSuffix(name, "}")
		if greedy, ok := strings.CutSuffix(name, "+"); ok {
			l.labels = append(l.labels, greedy)
			at.greedy = append(at.greedy, l)
			return
		}
		l.labels = append(l.labels, name)
		if at.label == nil {
			at.label = &node{}
		}
		at = at.label
	}
	at.leaves = append(at.leaves, l)
}

// find gives the operation for an escaped path. known is true when the path is one of the service's, whatever the method.
func (rt *router) find(method, escapedPath string, query url.Values) (op int, labels []protocol.Label, found, known bool) {
	segments := strings.Split(strings.Trim(escapedPath, "/"), "/")
	values := make([]string, 0, 8)
	l, values, known := rt.root.find(method, segments, query, values)
	if l == nil {
		return 0, nil, false, known
	}
	for _, q := range l.query {
		query.Del(q[0]) // a part of the operation's name, no parameter
	}
	for i, name := range l.labels {
		labels = append(labels, protocol.Label{Name: name, Value: values[i]})
	}
	return l.op, labels, true, true
}

func (n *node) find(method string, segments []string, query url.Values, values []string) (*leaf, []string, bool) {
	if len(segments) == 0 {
		l := choose(n.leaves, method, query)
		return l, values, len(n.leaves) > 0
	}
	known := false
	if next := n.literal[segments[0]]; next != nil {
		l, vs, k := next.find(method, segments[1:], query, values)
		if l != nil {
			return l, vs, true
		}
		known = k
	}
	if n.label != nil && segments[0] != "" {
		l, vs, k := n.label.find(method, segments[1:], query, append(values, unescape(segments[0])))
		if l != nil {
			return l, vs, true
		}
		known = known || k
	}
	if l := choose(n.greedy, method, query); l != nil {
		return l, append(values, unescape(strings.Join(segments, "/"))), true
	}
	return nil, nil, known || len(n.greedy) > 0
}

// choose prefers the operation that asks most of the query string.
func choose(leaves []leaf, method string, query url.Values) *leaf {
	var best *leaf
	for i := range leaves {
		l := &leaves[i]
		if l.method == method && l.accepts(query) && (best == nil || len(l.query) > len(best.query)) {
			best = l
		}
	}
	return best
}

func (l *leaf) accepts(query url.Values) bool {
	for _, q := range l.query {
		if !query.Has(q[0]) || q[1] != "" && query.Get(q[0]) != q[1] {
			return false
		}
	}
	return true
}

func unescape(segment string) string {
	if s, err := url.PathUnescape(segment); err == nil {
		return s
	}
	return segment
}
