package jsonata

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"anthill/value"
)

func numberFunctions() []builtinDef {
	one := func(f func(float64) float64) nativeFunc {
		return strict(func(ev *eval, in val, args []val) val { return ofNum(f(args[0].num())) })
	}
	return []builtinDef{
		{"number", "<(nsb)-:n>", 1, strict(number)},
		{"floor", "<n-:n>", 1, one(math.Floor)},
		{"ceil", "<n-:n>", 1, one(math.Ceil)},
		{"abs", "<n-:n>", 1, one(math.Abs)},
		{"round", "<n-n?:n>", 2, strict(func(ev *eval, in val, args []val) val {
			return ofNum(round(args[0].num(), arg(args, 1).num()))
		})},
		{"sqrt", "<n-:n>", 1, strict(func(ev *eval, in val, args []val) val {
			if args[0].num() < 0 {
				panic(&Error{Code: "D3060", Position: -1, detail: args[0], Index: 1})
			}
			return ofNum(math.Sqrt(args[0].num()))
		})},
		{"power", "<n-n:n>", 2, strict(func(ev *eval, in val, args []val) val {
			x, y := args[0].num(), arg(args, 1).num()
			r := math.Pow(x, y)
			if r-r != 0 {
				text := "base=" + ofNum(x).v.String() + ", exponent=" + ofNum(y).v.String()
				panic(&Error{Code: "D3061", Position: -1, Index: 1, detail: args[0],
					Message: "The power function has resulted in a value that cannot be represented as a JSON number: " + text})
			}
			return ofNum(r)
		})},
		{"random", "<:n>", 0, func(ev *eval, in val, args []val) val { return ofNum(ev.float()) }},
		{"formatNumber", "<n-so?:s>", 3, strict(func(ev *eval, in val, args []val) val {
			return ofString(formatNumber(ev, args[0].num(), arg(args, 1).text(), arg(args, 2)))
		})},
		{"formatBase", "<n-n?:s>", 2, strict(formatBase)},
		{"formatInteger", "<n-s:s>", 2, strict(func(ev *eval, in val, args []val) val {
			p := parseIntegerPicture(ev, arg(args, 1).text())
			return ofString(p.format(ev, math.Floor(args[0].num())))
		})},
		{"parseInteger", "<s-s:n>", 2, strict(func(ev *eval, in val, args []val) val {
			p := parseIntegerPicture(ev, arg(args, 1).text())
			return ofNum(p.parse(args[0].text()))
		})},
		{"sum", "<a<n>:n>", 1, strict(sum)},
		{"max", "<a<n>:n>", 1, strict(func(ev *eval, in val, args []val) val { return fold(args[0], math.Max) })},
		{"min", "<a<n>:n>", 1, strict(func(ev *eval, in val, args []val) val { return fold(args[0], math.Min) })},
		{"average", "<a<n>:n>", 1, strict(func(ev *eval, in val, args []val) val {
			n := args[0].len()
			if n == 0 {
				return undefined
			}
			return ofNum(sum(ev, in, args).num() / float64(n))
		})},
	}
}

func sum(ev *eval, in val, args []val) val {
	total := 0.0
	for i := range args[0].len() {
		total += args[0].at(i).num()
	}
	return ofNum(total)
}

func fold(list val, pick func(a, b float64) float64) val {
	if list.len() == 0 {
		return undefined
	}
	r := list.at(0).num()
	for i := 1; i < list.len(); i++ {
		r = pick(r, list.at(i).num())
	}
	return ofNum(r)
}

var (
	decimalNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?$`)
	baseNumber    = regexp.MustCompile(`^(0[xX][0-9A-Fa-f]+)|(0[oO][0-7]+)|(0[bB][0-1]+)$`)
)

func number(ev *eval, in val, args []val) val {
	v := args[0]
	switch {
	case v.isNumber():
		return v
	case v.isBool():
		if v.v.Bool() {
			return ofInt(1)
		}
		return ofInt(0)
	case v.isString():
		s := v.text()
		if decimalNumber.MatchString(s) {
			if f, err := strconv.ParseFloat(s, 64); err == nil {
				return ofNum(f)
			}
		} else if baseNumber.MatchString(s) {
			return ofNum(baseValue(s))
		}
	}
	panic(&Error{Code: "D3030", Position: -1, detail: v, Index: 1})
}

// baseValue reads 0x…, 0o… and 0b….
func baseValue(s string) float64 {
	if len(s) < 3 || s[0] != '0' {
		return math.NaN()
	}
	base := map[byte]int{'x': 16, 'o': 8, 'b': 2}[s[1]|0x20]
	f := 0.0
	for _, c := range s[2:] {
		d, err := strconv.ParseUint(string(c), max(base, 2), 8)
		if err != nil {
			return math.NaN()
		}
		f = f*float64(base) + float64(d)
	}
	return f
}

// shift moves the decimal point of f by n places, through its text, as JSONata does.
func shift(f, n float64) float64 {
	mantissa, exp, _ := strings.Cut(string(value.OfFloat(f).AppendJSON(nil)), "e")
	e, _ := strconv.ParseFloat(exp, 64)
	r, _ := strconv.ParseFloat(mantissa+"e"+strconv.FormatInt(int64(max(min(e+n, 9999), -9999)), 10), 64)
	return r
}

// round rounds half to even at a number of decimal places.
func round(f, places float64) float64 {
	if f-f != 0 {
		return f
	}
	if places != 0 {
		if f = shift(f, places); f-f != 0 {
			return math.NaN()
		}
	}
	r := math.Floor(f + 0.5)
	if f > 0 && f < 0.5 || math.Abs(f) >= 1<<52 {
		r = math.Trunc(f)
	}
	if math.Abs(r-f) == 0.5 && math.Mod(math.Abs(r), 2) == 1 {
		r--
	}
	if places != 0 {
		r = shift(r, -places)
	}
	if r == 0 {
		return 0
	}
	return r
}

func formatBase(ev *eval, in val, args []val) val {
	f, radix := round(args[0].num(), 0), 10.0
	if r := arg(args, 1); !r.undef() {
		radix = round(r.num(), 0)
	}
	if radix < 2 || radix > 36 {
		panic(&Error{Code: "D3100", Position: -1, detail: ofNum(radix)})
	}
	if math.Abs(f) < 1<<62 {
		return ofString(strconv.FormatInt(int64(f), int(radix)))
	}
	return ofString(numberText(f))
}

// numberText is how $string writes a number: with 15 significant digits at most.
func numberText(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatInt(int64(f), 10)
	}
	// The shortest text that reads back is the answer when it has no more digits than that.
	if s := value.OfFloat(f).String(); len(s) <= 15 {
		return s
	}
	short, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 14, 64), 64)
	return value.OfFloat(short).String()
}
