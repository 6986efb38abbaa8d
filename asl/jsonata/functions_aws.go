package jsonata

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"

	"anthill/uuid"
	"anthill/value"
)

// awsFunctions are what Step Functions adds, and $random with a seed. See the Step Functions Developer Guide,
// "Transforming data with JSONata", "JSONata functions provided by Step Functions". AWS cuts fractions off, towards zero,
// and gives nothing for what has no answer.
func awsFunctions() []builtinDef {
	return []builtinDef{
		{"partition", "<an?:a>", 2, strict(partition)},
		{"range", "<nn?n?:a>", 3, strict(steppedRange)},
		{"hash", "<ss?:s>", 2, strict(hashText)},
		{"random", "<n?:n>", 1, func(ev *eval, in val, args []val) val {
			seed := arg(args, 0)
			if seed.undef() {
				return ofNum(ev.float())
			}
			return ofNum(javaDouble(int64(seed.num())))
		}},
		{"uuid", "<:s>", 0, func(ev *eval, in val, args []val) val {
			var bits [16]byte
			binary.BigEndian.PutUint64(bits[:8], ev.uint64())
			binary.BigEndian.PutUint64(bits[8:], ev.uint64())
			return ofString(uuid.Of(bits))
		}},
		{"parse", "<s:x>", 1, strict(func(ev *eval, in val, args []val) val {
			ev.charge(2 * len(args[0].text()))
			v, err := value.Parse(args[0].text())
			if err != nil {
				panic(&Error{Code: "D3137", Position: -1, Token: "parse", detail: args[0],
					Message: "The argument of the parse function must be valid JSON: " + err.Error()})
			}
			return ofValue(v)
		})},
	}
}

// javaDouble is the first nextDouble of a java.util.Random made with seed, by its documentation.
func javaDouble(seed int64) float64 {
	state := uint64(seed) ^ 0x5DEECE66D
	next := func(bits uint) uint64 {
		state = (state*0x5DEECE66D + 0xB) & (1<<48 - 1)
		return state >> (48 - bits)
	}
	high := next(26)
	return float64(high<<27+next(27)) / (1 << 53)
}

// partition cuts an array into arrays of a size.
func partition(ev *eval, in val, args []val) val {
	size := math.Trunc(arg(args, 1).num())
	if arg(args, 1).undef() || size == 0 || args[0].len() == 0 {
		return undefined
	}
	if !(size >= 1) {
		panic(&Error{Code: "D3137", Position: -1, Token: "partition", detail: arg(args, 1), Index: 2,
			Message: "The second argument of the partition function must be a positive number"})
	}
	list := args[0].list()
	var out []val
	for len(list) > 0 {
		n := int(min(size, float64(len(list))))
		ev.charge(4 * valSize)
		out = append(out, ofItems(list[:n:n]))
		list = list[n:]
	}
	return ofItems(out)
}

// steppedRange is the numbers from first to last by a step.
func steppedRange(ev *eval, in val, args []val) val {
	first, last, delta := math.Trunc(args[0].num()), math.Trunc(arg(args, 1).num()), math.Trunc(arg(args, 2).num())
	if arg(args, 1).undef() || arg(args, 2).undef() {
		return undefined
	}
	if delta == 0 || delta != delta {
		panic(&Error{Code: "D3137", Position: -1, Token: "range", detail: args[2], Index: 3,
			Message: "The third argument of the range function must not be zero"})
	}
	n := math.Floor((last-first)/delta) + 1
	if !(n > 0) {
		return undefined
	}
	if n > maxStepped {
		ev.tooMuch()
	}
	ev.chargeN(n, valSize)
	out := make([]val, int(n))
	for i := range out {
		out[i] = ofNum(first + float64(i)*delta)
	}
	if len(out) == 1 {
		return out[0] // a sequence of one, as AWS has it
	}
	return ofItems(out)
}

func hashText(ev *eval, in val, args []val) val {
	var h hash.Hash
	if arg(args, 1).undef() {
		return undefined
	}
	switch algorithm := arg(args, 1).text(); algorithm {
	case "MD5":
		h = md5.New()
	case "SHA-1":
		h = sha1.New()
	case "SHA-256":
		h = sha256.New()
	case "SHA-384":
		h = sha512.New384()
	case "SHA-512":
		h = sha512.New()
	default:
		panic(&Error{Code: "D3137", Position: -1, Token: "hash", detail: arg(args, 1), Index: 2,
			Message: "The hash algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512"})
	}
	h.Write([]byte(args[0].text()))
	return ofString(hex.EncodeToString(h.Sum(nil)))
}
