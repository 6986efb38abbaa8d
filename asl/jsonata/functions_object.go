package jsonata

import "anthill/value"

func objectFunctions() []builtinDef {
	return []builtinDef{
		{"boolean", "<x-:b>", 1, strict(func(ev *eval, in val, args []val) val { return ofBool(truthy(args[0])) })},
		{"not", "<x-:b>", 1, strict(func(ev *eval, in val, args []val) val { return ofBool(!truthy(args[0])) })},
		{"exists", "<x:b>", 1, func(ev *eval, in val, args []val) val { return ofBool(!arg(args, 0).undef()) }},
		{"type", "<x:s>", 1, strict(func(ev *eval, in val, args []val) val { return ofString(typeName(args[0])) })},
		{"keys", "<x-:a<s>>", 1, func(ev *eval, in val, args []val) val {
			var names []val
			collectKeys(ev, arg(args, 0), map[string]bool{}, &names)
			return ofSeq(names)
		}},
		{"lookup", "<x-s:x>", 2, func(ev *eval, in val, args []val) val { return lookup(ev, arg(args, 0), arg(args, 1).text()) }},
		{"spread", "<x-:a<o>>", 1, func(ev *eval, in val, args []val) val { return spread(ev, arg(args, 0)) }},
		{"merge", "<a<o>:o>", 1, strict(merge)},
		{"clone", "<(oa)-:o>", 1, strict(func(ev *eval, in val, args []val) val { return clone(ev, args[0]) })},
		{"error", "<s?:x>", 1, func(ev *eval, in val, args []val) val {
			panic(&Error{Code: "D3137", Position: -1, Token: "error", Message: textOr(arg(args, 0), "$error() function evaluated")})
		}},
		{"assert", "<bs?:x>", 2, func(ev *eval, in val, args []val) val {
			if !truthy(arg(args, 0)) {
				panic(&Error{Code: "D3141", Position: -1, Token: "assert", Message: textOr(arg(args, 1), "$assert() statement failed")})
			}
			return undefined
		}},
	}
}

func textOr(v val, other string) string {
	if v.text() == "" {
		return other
	}
	return v.text()
}

func typeName(v val) string {
	switch {
	case v.isNull():
		return "null"
	case finite(v):
		return "number"
	case v.isString():
		return "string"
	case v.isBool():
		return "boolean"
	case v.isArray():
		return "array"
	case v.isFunc():
		return "function"
	}
	return "object"
}

// collectKeys adds the keys of an object, or of all objects in an array, each once.
func collectKeys(ev *eval, v val, seen map[string]bool, names *[]val) {
	ev.step()
	switch {
	case v.isArray():
		ev.enter()
		for i := range v.len() {
			collectKeys(ev, v.at(i), seen, names)
		}
		ev.leave()
	case v.isObject():
		for i := range v.len() {
			if k, _ := v.member(i); !seen[k] {
				ev.charge(2 * valSize)
				seen[k] = true
				*names = append(*names, ofString(k))
			}
		}
	}
}

func spread(ev *eval, v val) val {
	var out []val
	switch {
	case v.isArray():
		ev.enter()
		for i := range v.len() {
			ev.step()
			if r := spread(ev, v.at(i)); r.isArray() {
				out = r.appendTo(out)
			} else if !r.undef() {
				out = append(out, r)
			}
		}
		ev.leave()
	case v.isObject():
		for i := range v.len() {
			k, x := v.member(i)
			ev.charge(4 * valSize)
			out = append(out, val{b: &box{kind: boxObject, keys: []string{k}, items: []val{x}}})
		}
	default:
		return v
	}
	return ofSeq(out)
}

func merge(ev *eval, in val, args []val) val {
	out := newObject()
	for i := range args[0].len() {
		o := args[0].at(i)
		for k := range o.len() {
			name, x := o.member(k)
			ev.step()
			ev.charge(2 * valSize)
			out.set(name, x)
		}
	}
	return val{b: out}
}

// clone is a deep copy that a transform may change. As in the reference it goes by way of $string, so functions become
// empty strings and numbers lose what $string does not write.
func clone(ev *eval, v val) val {
	ev.step()
	switch {
	case v.isArray():
		ev.enter()
		defer ev.leave()
		ev.charge(valSize * v.len())
		items := make([]val, v.len())
		for i := range items {
			if items[i] = clone(ev, v.at(i)); items[i].undef() {
				items[i] = ofValue(value.NullValue)
			}
		}
		return ofItems(items)
	case v.isObject():
		ev.enter()
		defer ev.leave()
		ev.charge(2 * valSize * v.len())
		return cloneObject(ev, v)
	case v.isFunc():
		return ofString("")
	case v.isNumber() && v.num()-v.num() != 0:
		return ofValue(value.NullValue)
	}
	return v
}

func cloneObject(ev *eval, v val) val {
	n := v.len()
	if n > indexFrom || v.b != nil {
		out := newObject()
		for i := range n {
			if k, x := v.member(i); !x.undef() {
				out.set(k, clone(ev, x))
			}
		}
		return val{b: out}
	}
	keys := v.v.Keys()
	out := &box{kind: boxObject, keys: keys[:n:n], items: make([]val, n, n+1)}
	for i := range n {
		out.items[i] = clone(ev, val{v: v.v.At(i).Value})
	}
	return val{b: out}
}
