package jsonata

import (
	"strings"
)

// signature is what a function says of its arguments: <s-nn?:s>. Each argument is classed by a letter (a array,
// s string, n number, b boolean, l null, o object, f function, m missing), and the row of letters must match the
// parameters as a regular expression of classes would, longest first.
type signature struct {
	text   string
	params []param
	arrays bool // some parameter is an array, so that single values must be wrapped
}

type param struct {
	class   string // the letters it takes
	typ     byte   // the type letter, '(' for a choice
	subtype string // what <…> says of an array's items
	context bool   // taken from the context when missing
	none    bool   // may be missing
	many    bool   // may repeat
}

func parseSignature(text string) (*signature, *Error) {
	sig := &signature{text: text}
	last := func() *param {
		if len(sig.params) == 0 {
			return &param{}
		}
		return &sig.params[len(sig.params)-1]
	}
	for i := 1; i < len(text); i++ {
		switch c := text[i]; c {
		case ':':
			return sig, nil
		case 's', 'n', 'b', 'l', 'o':
			sig.params = append(sig.params, param{class: string(c) + "m", typ: c})
		case 'a':
			sig.params = append(sig.params, param{class: "asnblfom", typ: c})
			sig.arrays = true
		case 'f':
			sig.params = append(sig.params, param{class: "f", typ: c})
		case 'j':
			sig.params = append(sig.params, param{class: "asnblom", typ: c})
		case 'x':
			sig.params = append(sig.params, param{class: "asnblfom", typ: c})
		case '-':
			last().context, last().none = true, true
		case '?':
			last().none = true
		case '+':
			last().many = true
		case '(':
			end := closing(text, i, '(', ')')
			choice := text[i+1 : min(end, len(text))]
			if strings.Contains(choice, "<") {
				return nil, &Error{Code: "S0402", Position: i, expected: choice}
			}
			sig.params = append(sig.params, param{class: choice + "m", typ: c})
			i = end
		case '<':
			if t := last().typ; t != 'a' && t != 'f' {
				return nil, &Error{Code: "S0401", Position: i, expected: string(t)}
			}
			end := closing(text, i, '<', '>')
			last().subtype = text[i+1 : min(end, len(text))]
			i = end
		}
	}
	return sig, nil
}

func closing(s string, start int, open, end byte) int {
	depth := 1
	for i := start + 1; i < len(s); i++ {
		switch s[i] {
		case open:
			depth++
		case end:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// letter classes an argument.
func letter(v val) byte {
	if v.b != nil {
		switch v.b.kind {
		case boxArray:
			return 'a'
		case boxObject:
			return 'o'
		case boxNumber:
			return 'n'
		case boxTuple:
			return 'o'
		}
		return 'f'
	}
	return "mlbnsao"[v.v.Kind()]
}

func (p *param) takes(c byte) bool { return strings.IndexByte(p.class, c) >= 0 }

// check matches args, fills in the context, and wraps single values where an array is wanted. It returns args itself when
// nothing had to change.
func (s *signature) check(fn *function, args []val, in val) []val {
	if len(args) == len(s.params) && !s.arrays {
		ok := true
		for i := range args {
			if c := letter(args[i]); !s.params[i].takes(c) || c == 'm' {
				ok = false
				break
			}
		}
		if ok {
			return args
		}
	}
	var lettersBuf [16]byte
	letters := lettersBuf[:0]
	for _, a := range args {
		letters = append(letters, letter(a))
	}
	var takenBuf [16]int
	taken := takenBuf[:0]
	if len(s.params) > len(takenBuf) {
		taken = make([]int, 0, len(s.params))
	}
	taken = taken[:len(s.params)]
	if !s.match(letters, 0, 0, taken) {
		s.mismatch(fn, args, letters)
	}
	return s.fill(fn, args, letters, taken, in)
}

// match finds how many letters each parameter takes.
func (s *signature) match(letters []byte, at, i int, taken []int) bool {
	if i == len(s.params) {
		return at == len(letters)
	}
	p := &s.params[i]
	most := 0
	for at+most < len(letters) && p.takes(letters[at+most]) {
		most++
		if !p.many {
			break
		}
	}
	least := 1
	if p.none {
		least = 0
	}
	for n := most; n >= least; n-- {
		taken[i] = n
		if s.match(letters, at+n, i+1, taken) {
			return true
		}
	}
	return false
}

func (s *signature) fill(fn *function, args []val, letters []byte, taken []int, in val) []val {
	out := make([]val, 0, max(len(args), len(s.params)))
	next := 0
	arg := func() val {
		if next < len(args) {
			return args[next]
		}
		return undefined
	}
	for i := range s.params {
		p := &s.params[i]
		switch {
		case taken[i] == 0 && p.context:
			if !p.takes(letter(in)) {
				panic(&Error{Code: "T0411", Position: -1, Token: fn.name, detail: in, Index: next + 1})
			}
			out = append(out, in)
		case taken[i] == 0:
			out = append(out, arg())
			next++
		default:
			first := next
			for k := range taken[i] {
				a := arg()
				if p.typ == 'a' {
					a = p.array(fn, a, letters[first+k], string(letters[first:first+taken[i]]), next)
				}
				out = append(out, a)
				next++
			}
		}
	}
	return out
}

var plurals = map[byte]string{'a': "arrays", 'b': "booleans", 'f': "functions", 'n': "numbers", 'o': "objects", 's': "strings"}

// array makes an array of an argument and checks the type of its items.
func (p *param) array(fn *function, a val, letterOf byte, all string, at int) val {
	if letterOf == 'm' {
		return undefined
	}
	if p.subtype != "" {
		ok := letterOf == 'a' || all == p.subtype
		if n := a.len(); letterOf == 'a' && n > 0 && !a.lazyNumbers(p.subtype[0]) {
			for i := 0; ok && i < n; i++ {
				ok = letter(a.at(i)) == p.subtype[0]
			}
		}
		if !ok {
			panic(&Error{Code: "T0412", Position: -1, Token: fn.name, detail: a, Index: at + 1, expected: plurals[p.subtype[0]]})
		}
	}
	if letterOf != 'a' {
		return ofItems([]val{a})
	}
	return a
}

func (a val) lazyNumbers(typ byte) bool { return typ == 'n' && a.b != nil && a.b.lazy }

// mismatch says which argument is the first that does not fit.
func (s *signature) mismatch(fn *function, args []val, letters []byte) {
	good := 0
	for i := range s.params {
		part := &signature{params: s.params[:i+1]}
		taken := make([]int, i+1)
		fits := -1
		for n := len(letters); n >= 0; n-- {
			if part.match(letters[:n], 0, 0, taken) {
				fits = n
				break
			}
		}
		if fits < 0 {
			break
		}
		good = fits
	}
	bad := undefined
	if good < len(args) {
		bad = args[good]
	}
	panic(&Error{Code: "T0410", Position: -1, Token: fn.name, detail: bad, Index: good + 1})
}
