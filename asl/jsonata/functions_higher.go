package jsonata

import "anthill/value"

func higherFunctions() []builtinDef {
	return []builtinDef{
		{"map", "<af>", 2, strict(func(ev *eval, in val, args []val) val {
			var out []val
			for i := range args[0].len() {
				if r := ev.call(arg(args, 1), args[0].at(i), ofInt(i), args[0]); !r.undef() {
					ev.charge(valSize)
					out = append(out, r)
				}
			}
			return ofSeq(out)
		})},
		{"filter", "<af>", 2, strict(func(ev *eval, in val, args []val) val {
			var out []val
			for i := range args[0].len() {
				x := args[0].at(i)
				if truthy(ev.call(arg(args, 1), x, ofInt(i), args[0])) {
					ev.charge(valSize)
					out = append(out, x)
				}
			}
			return ofSeq(out)
		})},
		{"single", "<af?>", 2, strict(single)},
		{"reduce", "<afj?:j>", 3, strict(reduce)},
		{"each", "<o-f:a>", 2, func(ev *eval, in val, args []val) val {
			o := arg(args, 0)
			var out []val
			for i := range o.len() {
				k, x := o.member(i)
				if r := ev.call(arg(args, 1), x, ofString(k), o); !r.undef() {
					ev.charge(valSize)
					out = append(out, r)
				}
			}
			return ofSeq(out)
		}},
		{"sift", "<o-f?:o>", 2, func(ev *eval, in val, args []val) val {
			o, out := arg(args, 0), newObject()
			for i := range o.len() {
				k, x := o.member(i)
				if truthy(ev.call(arg(args, 1), x, ofString(k), o)) {
					ev.charge(2 * valSize)
					out.set(k, x)
				}
			}
			if len(out.keys) == 0 {
				return undefined
			}
			return val{b: out}
		}},
	}
}

func single(ev *eval, in val, args []val) val {
	found, result := false, undefined
	for i := range args[0].len() {
		x := args[0].at(i)
		if fn := arg(args, 1); !fn.undef() && !truthy(ev.call(fn, x, ofInt(i), args[0])) {
			continue
		}
		if found {
			panic(&Error{Code: "D3138", Position: -1, Index: i})
		}
		found, result = true, x
	}
	if !found {
		panic(&Error{Code: "D3139", Position: -1})
	}
	return result
}

func reduce(ev *eval, in val, args []val) val {
	list, fn, result := args[0], arg(args, 1), arg(args, 2)
	arity := 0
	if fn.isFunc() {
		arity = fn.b.fn.arity
	}
	if arity < 2 {
		panic(&Error{Code: "D3050", Position: -1, Index: 1})
	}
	i := 0
	if result.undef() && list.len() > 0 {
		result, i = list.at(0), 1
	}
	for ; i < list.len(); i++ {
		all := [4]val{result, list.at(i), ofInt(i), list}
		result = ev.apply(fn, append([]val(nil), all[:min(max(arity, 2), 4)]...), ofValue(value.NullValue))
	}
	return result
}

// evalFunctions has $eval, which Step Functions leaves out.
func evalFunctions() []builtinDef {
	return []builtinDef{{"eval", "<sx?:x>", 2, strict(func(ev *eval, in val, args []val) (result val) {
		if focus := arg(args, 1); !focus.undef() {
			in = focus
			if in.isArray() && !in.isSeq() {
				in = val{b: &box{seq: true, outer: true, items: []val{in}}}
			}
		}
		src := args[0].text()
		ev.charge(100 * len(src))
		f, s := ev.evalFrame, ev.evalScope
		e := evalCompile(src, ev.expr.functions, s)
		defer func() {
			if r := recover(); r != nil {
				inner, ok := r.(*Error)
				if !ok || inner.Code == "U1001" {
					panic(r)
				}
				inner.complete(src)
				panic(&Error{Code: "D3121", Position: -1, detail: ofString(inner.Message)})
			}
		}()
		ev.enter()
		defer ev.leave()
		if n := len(e.root.names); n > 0 {
			f = &frame{parent: f, slots: make([]variable, n)}
		}
		return e.body(ev, in, f)
	})}}
}

func evalCompile(src string, functions map[string]val, s *scope) (e *Expr) {
	defer func() {
		if r := recover(); r != nil {
			inner, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			inner.complete(src)
			panic(&Error{Code: "D3120", Position: -1, detail: ofString(inner.Message)})
		}
	}()
	return compileIn(src, functions, s)
}
