package jsonata

import "math"

func arrayFunctions() []builtinDef {
	return []builtinDef{
		{"count", "<a:n>", 1, func(ev *eval, in val, args []val) val {
			if arg(args, 0).undef() {
				return ofInt(0)
			}
			return ofInt(args[0].len())
		}},
		{"append", "<xx:a>", 2, func(ev *eval, in val, args []val) val { return appendVals(ev, arg(args, 0), arg(args, 1)) }},
		{"reverse", "<a:a>", 1, strict(func(ev *eval, in val, args []val) val {
			n := args[0].len()
			if n <= 1 {
				return args[0]
			}
			ev.charge(valSize * n)
			out := make([]val, n)
			for i := range n {
				out[n-1-i] = args[0].at(i)
			}
			return ofItems(out)
		})},
		{"shuffle", "<a:a>", 1, strict(func(ev *eval, in val, args []val) val {
			n := args[0].len()
			if n <= 1 {
				return args[0]
			}
			ev.charge(valSize * n)
			out := make([]val, n)
			for i := range n {
				j := int(ev.float() * float64(i+1))
				out[i] = out[j]
				out[j] = args[0].at(i)
			}
			return ofItems(out)
		})},
		{"distinct", "<x:x>", 1, strict(distinct)},
		{"zip", "<a+>", 0, zip},
		{"sort", "<af?:a>", 2, strict(sortFunc)},
	}
}

func zip(ev *eval, in val, args []val) val {
	n := math.MaxInt
	for _, a := range args {
		if a.isArray() {
			n = min(n, a.len())
		} else {
			n = 0
		}
	}
	if len(args) == 0 {
		n = 0
	}
	ev.chargeN(float64(n)*float64(len(args)+2), valSize)
	out := make([]val, n)
	for i := range out {
		row := make([]val, len(args))
		for k, a := range args {
			row[k] = a.at(i)
		}
		out[i] = ofItems(row)
	}
	return ofItems(out)
}

// distinct keeps the first of equal items. Strings and numbers are found by a map, the rest by looking.
func distinct(ev *eval, in val, args []val) val {
	a := args[0]
	if !a.isArray() || a.len() <= 1 {
		return a
	}
	texts, numbers := map[string]bool{}, map[float64]bool{}
	var out, others []val
	for i := range a.len() {
		ev.step()
		x := a.at(i)
		switch {
		case x.isString():
			if texts[x.text()] {
				continue
			}
			texts[x.text()] = true
		case x.isNumber():
			if numbers[x.num()] {
				continue
			}
			numbers[x.num()] = true
		default:
			if has(ev, others, x) {
				continue
			}
			others = append(others, x)
		}
		ev.charge(2 * valSize)
		out = append(out, x)
	}
	return val{b: &box{items: out, seq: a.isSeq()}}
}

func has(ev *eval, list []val, x val) bool {
	for _, y := range list {
		if ev.equal(x, y) {
			return true
		}
	}
	return false
}

func sortFunc(ev *eval, in val, args []val) val {
	a, by := args[0], arg(args, 1)
	if a.len() <= 1 {
		return a
	}
	var after func(x, y val) bool
	if !by.undef() {
		after = func(x, y val) bool { return truthyRef(ev.apply(by, []val{x, y}, undefined)) }
	} else {
		after = func(x, y val) bool {
			if x.isString() {
				return compareStrings(x.text(), y.text()) > 0
			}
			return x.num() > y.num()
		}
		texts, numbers := true, true
		for i := range a.len() {
			texts, numbers = texts && a.at(i).isString(), numbers && finite(a.at(i))
		}
		if !texts && !numbers {
			panic(&Error{Code: "D3070", Position: -1, Index: 1})
		}
	}
	ev.charge(2 * valSize * a.len())
	return ofItems(mergeSort(ev, a.list(), after))
}

// mergeSort asks after for pairs in the order that JSONata does, which a comparator with effects of its own could tell.
func mergeSort(ev *eval, list []val, after func(x, y val) bool) []val {
	if len(list) <= 1 {
		return list
	}
	mid := len(list) / 2
	l, r := mergeSort(ev, list[:mid], after), mergeSort(ev, list[mid:], after)
	out := make([]val, 0, len(list))
	for len(l) > 0 && len(r) > 0 {
		ev.step()
		if after(l[0], r[0]) {
			out, r = append(out, r[0]), r[1:]
		} else {
			out, l = append(out, l[0]), l[1:]
		}
	}
	return append(append(out, l...), r...)
}
