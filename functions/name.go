package functions

import (
	"strings"

	"anthill/arn"
)

// Latest is the qualifier of the version that is still being changed.
const Latest = "$LATEST"

// namePattern is AWS's own, as its errors quote it (API reference, Invoke, FunctionName).
const namePattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`

// Key names a function on the platform.
type Key struct{ Account, Region, Name string }

// ARN is the function's name without a qualifier.
func (k Key) ARN() string {
	return arn.New("lambda", k.Region, k.Account, "function:"+k.Name).String()
}

// path is the key of the function's document, and the tail of its stream.
func (k Key) path() string { return k.Account + "/" + k.Region + "/" + k.Name }

// Ref names a function as a caller does.
type Ref struct {
	Account, Region string
	Name            string // the plain name
	Qualifier       string // "", "$LATEST", a version number or an alias
}

// Key is the function that r names, whichever version.
func (r Ref) Key() Key { return Key{r.Account, r.Region, r.Name} }

// ARN is the name with its qualifier, when it has one.
func (r Ref) ARN() string {
	if r.Qualifier == "" {
		return r.Key().ARN()
	}
	return r.Key().ARN() + ":" + r.Qualifier
}

// ParseRef takes apart a function's name in any form that Lambda accepts: "hello", "hello:prod",
// "123456789012:function:hello", "arn:aws:lambda:us-east-1:123456789012:function:hello:1". account and region are the
// caller's, for what the name does not say; qualifier is the one given beside the name, or "". The errors are AWS's:
// a broken name, a qualifier that contradicts the name, a function of another region.
func ParseRef(account, region, name, qualifier string) (Ref, error) {
	const op = "functions.ParseRef"
	r := Ref{Account: account, Region: region, Name: name, Qualifier: qualifier}
	if wordOf(name) && !strings.Contains(name, ":") {
		return r, nil
	}
	bad := func() (Ref, error) {
		return Ref{}, broken(op, name, "functionName", "Member must satisfy regular expression pattern: "+namePattern)
	}
	rest := name
	if strings.HasPrefix(rest, "arn:") {
		partition, after, ok := strings.Cut(rest[len("arn:"):], ":lambda:")
		if !ok || partition != "" && !strings.HasPrefix(partition, "aws") {
			return bad()
		}
		rest = after
	}
	parts := strings.Split(rest, ":")
	in := region
	if len(parts) > 1 && isRegion(parts[0]) {
		in, parts = parts[0], parts[1:]
	}
	if len(parts) > 1 && isAccount(parts[0]) {
		r.Account, parts = parts[0], parts[1:]
	}
	if len(parts) > 1 && parts[0] == "function" {
		parts = parts[1:]
	}
	if len(parts) > 2 || !wordOf(parts[0]) {
		return bad()
	}
	r.Name = parts[0]
	if len(parts) == 2 {
		if q := parts[1]; q != Latest && q != Latest+".PUBLISHED" && (!wordOf(q) || strings.Contains(q, ".")) {
			return bad()
		}
		if qualifier != "" && qualifier != parts[1] {
			return Ref{}, invalid(op, "The derived qualifier from the function name does not match the specified qualifier.")
		}
		r.Qualifier = parts[1]
	}
	if in != region {
		return Ref{}, notFound(op, name, "Functions from '%s' are not reachable in this region ('%s')", in, region)
	}
	return r, nil
}

// wordOf reports whether s is one or more of the characters that a function's name may have in a request.
func wordOf(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != ""
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isAccount(s string) bool { return len(s) == 12 && digits(s) }

// isRegion reports whether s looks like a region: "us-east-1", "us-gov-west-1", "eusc-de-east-1".
func isRegion(s string) bool {
	parts := strings.Split(strings.TrimPrefix(s, "eusc-"), "-")
	n := len(parts)
	if n < 3 || n > 4 || len(parts[0]) != 2 || len(parts[n-1]) != 1 || !digits(parts[n-1]) {
		return false
	}
	for _, p := range parts[:n-1] {
		if strings.Trim(p, "abcdefghijklmnopqrstuvwxyz") != "" || p == "" {
			return false
		}
	}
	return n == 3 || parts[1] == "gov" || strings.HasPrefix(parts[1], "iso") && len(parts[1]) <= 4
}
