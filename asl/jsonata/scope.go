package jsonata

// scope is, at compile time, what a frame will be at run time. Names are resolved to places in frames once.
type scope struct {
	parent *scope
	names  []string        // slots of the frame
	params int             // the first of them are parameters, which are always bound
	lambda bool            // a call always has a frame
	tuple  map[string]bool // not nil: the frame is of a tuple, which may have these names
}

// place says where a variable may be: hops frames up, in a slot, or (slot < 0) in the frame's tuple.
type place struct {
	hops, slot int
	sure       bool // bound whenever the frame exists
}

// lookup lists the places to look for name, innermost first.
func (s *scope) lookup(name string) []place {
	var places []place
	hops := 0
	for ; s != nil; s = s.parent {
		if s.tuple != nil && s.tuple[name] {
			places = append(places, place{hops: hops, slot: -1})
		}
		for i, n := range s.names {
			if n == name {
				places = append(places, place{hops: hops, slot: i, sure: i < s.params})
				if i < s.params {
					return places
				}
			}
		}
		if s.framed() {
			hops++
		}
	}
	return places
}

// framed reports whether the scope has a frame at run time. One without names needs none.
func (s *scope) framed() bool { return s.tuple != nil || s.lambda || len(s.names) > 0 }

func (f *frame) up(hops int) *frame {
	for ; hops > 0; hops-- {
		f = f.parent
	}
	return f
}

// binds collects the names that the expressions bind in their own scope, not in a block or lambda inside.
func binds(names []string, nodes ...*node) []string {
	for _, n := range nodes {
		if n == nil {
			continue
		}
		if n.kind == kBind {
			names = addName(names, n.lhs.text)
		}
		if n.kind != kBlock && n.kind != kLambda {
			for _, sub := range n.children() {
				names = binds(names, sub)
			}
		}
		for _, sub := range n.attached() {
			names = binds(names, sub)
		}
	}
	return names
}

func addName(names []string, name string) []string {
	for _, n := range names {
		if n == name {
			return names
		}
	}
	return append(names, name)
}

// children are the nodes inside n.
func (n *node) children() []*node {
	subs := []*node{n.lhs, n.rhs, n.proc, n.body, n.cond, n.then, n.other, n.pattern, n.update, n.remove}
	if n.kind != kLambda {
		subs = append(subs, n.list...)
	}
	for _, pair := range n.pairs {
		subs = append(subs, pair[0], pair[1])
	}
	for _, t := range n.terms {
		subs = append(subs, t.expr)
	}
	return subs
}

// attached are the filters and the grouping of n, which are evaluated outside it.
func (n *node) attached() []*node {
	var subs []*node
	for _, s := range n.predicate {
		subs = append(subs, s.filter)
	}
	for _, s := range n.stages {
		subs = append(subs, s.filter)
	}
	return append(subs, n.group)
}

// tupleNames collects every name that a tuple made inside the nodes may have.
func tupleNames(names map[string]bool, nodes ...*node) {
	for _, n := range nodes {
		if n == nil {
			continue
		}
		for _, name := range []string{n.focus, n.index} {
			if name != "" {
				names[name] = true
			}
		}
		if n.ancestor != nil {
			names[n.ancestor.label] = true
		}
		for _, s := range n.stages {
			if s.index != "" {
				names[s.index] = true
			}
		}
		tupleNames(names, n.children()...)
		tupleNames(names, n.attached()...)
	}
}
