package intrinsic

import (
	"slices"
	"strconv"
	"strings"

	"anthill/asl/jsonpath"
	"anthill/value"
)

const maxRange = 1000 // items that ArrayRange makes

func array(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	return value.OfArray(args...), nil
}

func arrayPartition(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Array, value.Number) {
		return value.Value{}, errArguments
	}
	size, ok := whole(args[1])
	if !ok || size < 1 {
		return value.Value{}, errArguments
	}
	items := args[0].Slice()
	size = min(size, int64(len(items))+1)
	chunks := make([]value.Value, 0, len(items)/int(size)+1)
	for chunk := range slices.Chunk(items, int(size)) {
		chunks = append(chunks, value.OfArray(chunk...))
	}
	return value.OfArray(chunks...), nil
}

func arrayContains(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Array, value.Absent) {
		return value.Value{}, errArguments
	}
	want := string(appendIdentity(nil, args[1]))
	for _, x := range args[0].Items() {
		if x.Kind() == args[1].Kind() && string(appendIdentity(nil, x)) == want {
			return value.OfBool(true), nil
		}
	}
	return value.OfBool(false), nil
}

func arrayRange(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Number, value.Number, value.Number) {
		return value.Value{}, errArguments
	}
	from, ok1 := whole(args[0])
	to, ok2 := whole(args[1])
	by, ok3 := whole(args[2])
	if !ok1 || !ok2 || !ok3 || by == 0 {
		return value.Value{}, errArguments
	}
	items := []value.Value{}
	for n := from; by > 0 && n <= to || by < 0 && n >= to; n += by {
		if len(items) == maxRange {
			return value.Value{}, errArguments
		}
		items = append(items, value.OfInt(n))
	}
	return value.OfArray(items...), nil
}

func arrayGetItem(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Array, value.Number) {
		return value.Value{}, errArguments
	}
	n, ok := whole(args[1])
	if !ok || n < 0 || n >= int64(args[0].Len()) {
		return value.Value{}, errArguments
	}
	return args[0].Index(int(n)), nil
}

func arrayLength(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Array) {
		return value.Value{}, errArguments
	}
	return value.OfInt(int64(args[0].Len())), nil
}

func arrayUnique(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Array) {
		return value.Value{}, errArguments
	}
	seen := make(map[string]bool, args[0].Len())
	items := make([]value.Value, 0, args[0].Len())
	for _, x := range args[0].Items() {
		id := string(appendIdentity(nil, x))
		if !seen[id] {
			seen[id] = true
			items = append(items, x)
		}
	}
	return value.OfArray(items...), nil
}

// appendIdentity adds a text that two values share when AWS takes them for equal: the order of keys does not matter, and
// 1 is not 1.0.
func appendIdentity(b []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.Number:
		text := v.NumberText()
		if strings.ContainsAny(text, ".eE") {
			return strconv.AppendFloat(append(b, 'f'), v.Float(), 'g', -1, 64)
		}
		return append(b, text...)
	case value.Array:
		b = append(b, '[')
		for _, x := range v.Items() {
			b = append(appendIdentity(b, x), ',')
		}
		return append(b, ']')
	case value.Object:
		keys := slices.Sorted(slices.Values(v.Keys()))
		b = append(b, '{')
		for _, k := range keys {
			b = append(value.AppendQuoted(b, k), ':')
			b = append(appendIdentity(b, v.Get(k)), ',')
		}
		return append(b, '}')
	}
	return v.AppendJSON(b)
}
