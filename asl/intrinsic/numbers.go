package intrinsic

import (
	"math"

	"anthill/asl/jsonpath"
	"anthill/value"
)

// whole is v rounded to the nearest whole number, as AWS does it for every number it wants whole; ok is false when it does
// not fit 32 bits.
func whole(v value.Value) (n int64, ok bool) {
	f := math.Floor(v.Float() + 0.5)
	if v.Kind() != value.Number || f < math.MinInt32 || f > math.MaxInt32 {
		return 0, false
	}
	return int64(f), true
}

func mathAdd(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Number, value.Number) {
		return value.Value{}, errArguments
	}
	a, ok1 := whole(args[0])
	b, ok2 := whole(args[1])
	if !ok1 || !ok2 || a+b < math.MinInt32 || a+b > math.MaxInt32 {
		return value.Value{}, errArguments
	}
	return value.OfInt(a + b), nil
}

// mathRandom draws from start up to, not including, end. With a seed the draw is always the same.
func mathRandom(env *jsonpath.Env, args []value.Value) (value.Value, error) {
	if len(args) != 2 && len(args) != 3 {
		return value.Value{}, errArguments
	}
	start, ok1 := whole(args[0])
	end, ok2 := whole(args[1])
	if !ok1 || !ok2 || start >= end {
		return value.Value{}, errArguments
	}
	if len(args) == 2 {
		return value.OfInt(start + int64(env.Random()%uint64(end-start))), nil
	}
	seed, ok := whole(args[2])
	if !ok {
		return value.Value{}, errArguments
	}
	r := javaRandom(seed)
	return value.OfInt(r.between(start, end)), nil
}

// random is the generator that Java documents for java.util.Random: 48 bits, linear congruential.
type random uint64

const (
	randomMultiplier = 0x5DEECE66D
	randomMask       = 1<<48 - 1
)

func javaRandom(seed int64) random { return random((uint64(seed) ^ randomMultiplier) & randomMask) }

func (r *random) next(bits uint) int32 {
	*r = (*r*randomMultiplier + 0xB) & randomMask
	return int32(uint64(*r) >> (48 - bits))
}

// between draws from start up to, not including, end.
func (r *random) between(start, end int64) int64 {
	n := end - start
	if n > math.MaxInt32 {
		for {
			if x := int64(r.next(32)); x >= start && x < end {
				return x
			}
		}
	}
	if n&(n-1) == 0 {
		return start + (n*int64(r.next(31)))>>31
	}
	for {
		bits := int64(r.next(31))
		if x := bits % n; bits-x+n-1 <= math.MaxInt32 {
			return start + x
		}
	}
}
