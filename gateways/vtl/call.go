package vtl

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// call runs a method of a value: those of Java's String, Map, List and Number that mapping templates use. One that is not
// there gives nothing, as a reference without a value.
func call(v any, name string, args []any) (any, error) {
	switch name {
	case "toString":
		if len(args) == 0 {
			return Text(v), nil
		}
	case "equals":
		if len(args) == 1 {
			return equal(v, args[0]), nil
		}
	}
	switch v := v.(type) {
	case Object:
		x, _, err := v.Call(name, args)
		return x, err
	case string:
		return callString(v, name, args)
	case *Map:
		return callMap(v, name, args), nil
	case *List:
		return callList(v, name, args), nil
	case int64, float64:
		f, _ := number(v)
		switch name {
		case "intValue", "longValue":
			return int64(f), nil
		case "doubleValue", "floatValue":
			return f, nil
		}
	}
	return nil, nil
}

func callString(s, name string, args []any) (any, error) {
	switch len(args) {
	case 0:
		return plainString(s, name), nil
	case 1:
		if n, ok := args[0].(int64); ok {
			switch name {
			case "substring":
				return substring(s, n, int64(len([]rune(s)))), nil
			case "charAt":
				return substring(s, n, n+1), nil
			}
		}
		return oneString(s, name, Text(args[0]))
	case 2:
		from, ok1 := args[0].(int64)
		to, ok2 := args[1].(int64)
		if name == "substring" && ok1 && ok2 {
			return substring(s, from, to), nil
		}
		return twoString(s, name, Text(args[0]), Text(args[1]))
	}
	return nil, nil
}

func plainString(s, name string) any {
	switch name {
	case "length":
		return int64(len([]rune(s)))
	case "isEmpty":
		return s == ""
	case "toLowerCase":
		return strings.ToLower(s)
	case "toUpperCase":
		return strings.ToUpper(s)
	case "trim":
		return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	}
	return nil
}

func oneString(s, name, a string) (any, error) {
	switch name {
	case "contains":
		return strings.Contains(s, a), nil
	case "startsWith":
		return strings.HasPrefix(s, a), nil
	case "endsWith":
		return strings.HasSuffix(s, a), nil
	case "equalsIgnoreCase":
		return strings.EqualFold(s, a), nil
	case "concat":
		return s + a, nil
	case "indexOf":
		return runeIndex(s, strings.Index(s, a)), nil
	case "lastIndexOf":
		return runeIndex(s, strings.LastIndex(s, a)), nil
	case "compareTo":
		return int64(strings.Compare(s, a)), nil
	case "matches", "split":
		re, err := regexp.Compile(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if name == "matches" {
			at := re.FindStringIndex(s)
			return at != nil && at[0] == 0 && at[1] == len(s), nil
		}
		return split(re, s), nil
	}
	return nil, nil
}

// split is Java's: empty texts at the end are left out.
func split(re *regexp.Regexp, s string) *List {
	parts := re.Split(s, -1)
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	l := &List{}
	for _, x := range parts {
		l.Items = append(l.Items, x)
	}
	return l
}

func twoString(s, name, a, b string) (any, error) {
	switch name {
	case "replace":
		if len(a) == 0 && len(s)*len(b) > maxOutput || len(a) > 0 && strings.Count(s, a)*len(b) > maxOutput {
			return nil, ErrTooMuch
		}
		return strings.ReplaceAll(s, a, b), nil
	case "replaceAll", "replaceFirst":
		re, err := regexp.Compile(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b = javaGroup.ReplaceAllString(b, "$${$1}") // Java's $1x is group 1 and an x
		if name == "replaceFirst" {
			at := re.FindStringSubmatchIndex(s)
			if at == nil {
				return s, nil
			}
			return s[:at[0]] + string(re.ExpandString(nil, b, s, at)) + s[at[1]:], nil
		}
		if (len(s)+1)*(len(b)+1) > maxOutput {
			return nil, ErrTooMuch
		}
		return re.ReplaceAllString(s, b), nil
	}
	return nil, nil
}

var javaGroup = regexp.MustCompile(`\$(\d)`)

func runeIndex(s string, at int) int64 {
	if at < 0 {
		return -1
	}
	return int64(len([]rune(s[:at])))
}

func substring(s string, from, to int64) any {
	r := []rune(s)
	if from < 0 || to > int64(len(r)) || from > to {
		return nil
	}
	return string(r[from:to])
}

func callMap(m *Map, name string, args []any) any {
	switch {
	case name == "get" && len(args) == 1:
		return m.Get(Text(args[0]))
	case name == "put" && len(args) == 2:
		return m.Put(Text(args[0]), args[1])
	case name == "remove" && len(args) == 1:
		return m.Remove(Text(args[0]))
	case name == "containsKey" && len(args) == 1:
		return m.Has(Text(args[0]))
	case name == "containsValue" && len(args) == 1:
		return slices.ContainsFunc(each(m), func(x any) bool { return equal(x, args[0]) })
	case name == "getOrDefault" && len(args) == 2:
		if m.Has(Text(args[0])) {
			return m.Get(Text(args[0]))
		}
		return args[1]
	case name == "putAll" && len(args) == 1:
		if from, ok := args[0].(*Map); ok {
			for _, k := range slices.Clone(from.keys) {
				m.Put(k, from.items[k])
			}
		}
	case name == "size" && len(args) == 0:
		return int64(len(m.keys))
	case name == "isEmpty" && len(args) == 0:
		return len(m.keys) == 0
	case name == "values" && len(args) == 0:
		return &List{Items: each(m)}
	case name == "keySet" && len(args) == 0:
		l := &List{}
		for _, k := range m.keys {
			l.Items = append(l.Items, k)
		}
		return l
	case name == "entrySet" && len(args) == 0:
		l := &List{}
		for _, k := range m.keys {
			l.Items = append(l.Items, &entry{k, m.items[k]})
		}
		return l
	}
	return nil
}

// entry is a pair of a map: $e.key, $e.value, $e.getKey(), $e.getValue().
type entry struct {
	key   string
	value any
}

func (e *entry) Property(name string) (any, bool) {
	switch name {
	case "key":
		return e.key, true
	case "value":
		return e.value, true
	}
	return nil, false
}

func (e *entry) Call(name string, _ []any) (any, bool, error) {
	switch name {
	case "getKey":
		return e.key, true, nil
	case "getValue":
		return e.value, true, nil
	}
	return nil, false, nil
}

func callList(l *List, name string, args []any) any {
	if len(args) == 0 {
		switch name {
		case "size":
			return int64(len(l.Items))
		case "isEmpty":
			return len(l.Items) == 0
		case "clear":
			l.Items = nil
		}
		return nil
	}
	find := func() int { return slices.IndexFunc(l.Items, func(x any) bool { return equal(x, args[0]) }) }
	switch name {
	case "get":
		return item(l, args[0])
	case "add":
		l.Items = append(l.Items, args[0])
		return true
	case "addAll":
		l.Items = append(l.Items, each(args[0])...)
		return true
	case "contains":
		return find() >= 0
	case "indexOf":
		return int64(find())
	case "remove":
		at := find()
		if n, ok := args[0].(int64); ok {
			at = int(n)
		}
		if at >= 0 && at < len(l.Items) {
			old := l.Items[at]
			l.Items = slices.Delete(l.Items, at, at+1)
			return old
		}
	case "set":
		n, ok := args[0].(int64)
		if ok && len(args) == 2 && n >= 0 && n < int64(len(l.Items)) {
			old := l.Items[n]
			l.Items[n] = args[1]
			return old
		}
	}
	return nil
}
