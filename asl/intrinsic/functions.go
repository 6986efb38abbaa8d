package intrinsic

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"anthill/asl/jsonpath"
	"anthill/uuid"
	"anthill/value"
)

// errArguments becomes "Invalid arguments in NAME".
var errArguments = errors.New("invalid arguments")

// errTooLarge becomes States.DataLimitExceeded.
var errTooLarge = errors.New("result too large")

const maxResult = 256 << 10 // bytes of a text that a function makes: the largest payload

const maxEncoded = 10_000 // characters that Base64Encode, Base64Decode and Hash take

// function is one of the eighteen (Amazon States Language, appendix B).
type function struct {
	name  string
	eval  func(env *jsonpath.Env, args []value.Value) (value.Value, error)
	keeps bool // the result holds on to args
}

func find(name string) *function {
	switch name {
	case formatName:
		return &function{name: name, eval: format}
	case "States.StringToJson":
		return &function{name: name, eval: stringToJSON}
	case "States.JsonToString":
		return &function{name: name, eval: jsonToString}
	case "States.Array":
		return &function{name: name, eval: array, keeps: true}
	case "States.ArrayPartition":
		return &function{name: name, eval: arrayPartition}
	case "States.ArrayContains":
		return &function{name: name, eval: arrayContains}
	case "States.ArrayRange":
		return &function{name: name, eval: arrayRange}
	case "States.ArrayGetItem":
		return &function{name: name, eval: arrayGetItem}
	case "States.ArrayLength":
		return &function{name: name, eval: arrayLength}
	case "States.ArrayUnique":
		return &function{name: name, eval: arrayUnique}
	case "States.Base64Encode":
		return &function{name: name, eval: base64Encode}
	case "States.Base64Decode":
		return &function{name: name, eval: base64Decode}
	case "States.Hash":
		return &function{name: name, eval: hash}
	case "States.JsonMerge":
		return &function{name: name, eval: jsonMerge}
	case "States.MathRandom":
		return &function{name: name, eval: mathRandom}
	case "States.MathAdd":
		return &function{name: name, eval: mathAdd}
	case "States.StringSplit":
		return &function{name: name, eval: stringSplit}
	case "States.UUID":
		return &function{name: name, eval: newUUID}
	}
	return nil
}

// kinds reports whether args are as many as want, and of these kinds. Absent stands for any kind.
func kinds(args []value.Value, want ...value.Kind) bool {
	if len(args) != len(want) {
		return false
	}
	for i, k := range want {
		if k != value.Absent && args[i].Kind() != k {
			return false
		}
	}
	return true
}

func stringToJSON(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.String) {
		return value.Value{}, errArguments
	}
	v, err := value.Parse(args[0].Text())
	if err != nil {
		return value.Value{}, errArguments
	}
	return v, nil
}

func jsonToString(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Absent) {
		return value.Value{}, errArguments
	}
	b, err := printed(nil, args[0])
	return value.OfString(string(b)), err
}

func jsonMerge(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Object, value.Object, value.Bool) || args[2].Bool() {
		return value.Value{}, errArguments // a deep merge is not built by AWS either
	}
	ms := make([]value.Member, 0, args[0].Len()+args[1].Len())
	for k, v := range args[1].Members() { // AWS puts the second object's keys first
		ms = append(ms, value.Member{Key: k, Value: v})
	}
	for k, v := range args[0].Members() {
		if args[1].Get(k).IsAbsent() {
			ms = append(ms, value.Member{Key: k, Value: v})
		}
	}
	return value.OfObject(ms...), nil
}

func base64Encode(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.String) || len(args[0].Text()) > maxEncoded {
		return value.Value{}, errArguments
	}
	return value.OfString(base64.StdEncoding.EncodeToString([]byte(args[0].Text()))), nil
}

func base64Decode(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.String) || len(args[0].Text()) > maxEncoded {
		return value.Value{}, errArguments
	}
	text := strings.TrimRight(args[0].Text(), "=")
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return value.Value{}, errArguments
	}
	return value.OfString(strings.ToValidUTF8(string(b), "\uFFFD")), nil
}

func hash(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.Absent, value.String) {
		return value.Value{}, errArguments
	}
	data := []byte(args[0].Text())
	if args[0].Kind() != value.String {
		var err error
		if data, err = printed(nil, args[0]); err != nil {
			return value.Value{}, err
		}
	}
	if len(data) > maxEncoded {
		return value.Value{}, errArguments
	}
	var sum []byte
	switch args[1].Text() {
	case "MD5":
		s := md5.Sum(data)
		sum = s[:]
	case "SHA-1":
		s := sha1.Sum(data)
		sum = s[:]
	case "SHA-256":
		s := sha256.Sum256(data)
		sum = s[:]
	case "SHA-384":
		s := sha512.Sum384(data)
		sum = s[:]
	case "SHA-512":
		s := sha512.Sum512(data)
		sum = s[:]
	default:
		return value.Value{}, errArguments
	}
	return value.OfString(hex.EncodeToString(sum)), nil
}

// stringSplit splits at any of the characters of the second argument; nothing between two of them counts as nothing.
func stringSplit(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if !kinds(args, value.String, value.String) {
		return value.Value{}, errArguments
	}
	parts := strings.FieldsFunc(args[0].Text(), func(r rune) bool { return strings.ContainsRune(args[1].Text(), r) })
	items := make([]value.Value, len(parts))
	for i, s := range parts {
		items[i] = value.OfString(s)
	}
	return value.OfArray(items...), nil
}

// newUUID makes a UUID of the environment's random bits.
func newUUID(env *jsonpath.Env, args []value.Value) (value.Value, error) {
	if len(args) != 0 {
		return value.Value{}, errArguments
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], env.Random())
	binary.BigEndian.PutUint64(b[8:], env.Random())
	return value.OfString(uuid.Of(b)), nil
}
