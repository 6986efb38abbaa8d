package protocol

import (
	"regexp"
	"strings"
	"sync"
)

// patterns keeps a service's compiled patterns. They are compiled when first used. The zero value is empty.
type patterns struct {
	mu struct {
		sync.RWMutex
		byText map[string]*pattern
	}
}

// pattern is one of AWS's Java patterns in Go's syntax. AWS matches the whole text.
type pattern struct {
	must *regexp.Regexp
	not  *regexp.Regexp // nil, or what must not be found: Go has no lookaround
}

// match reports whether all of text matches AWS's pattern.
func (ps *patterns) match(source, text string) bool {
	ps.mu.RLock()
	p := ps.mu.byText[source]
	ps.mu.RUnlock()
	if p == nil {
		var err error
		if p, err = compile(source); err != nil {
			return true // a test compiles every pattern of every model
		}
		ps.mu.Lock()
		if ps.mu.byText == nil {
			ps.mu.byText = map[string]*pattern{}
		}
		ps.mu.byText[source] = p
		ps.mu.Unlock()
	}
	return p.must.MatchString(text) && (p.not == nil || !p.not.MatchString(text))
}

// lookarounds says what the patterns with lookaround mean in two patterns without.
func lookarounds(source string) (must, not string) {
	switch source {
	case `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`: // lambda Alias
		return `[a-zA-Z0-9-_]+`, `^[0-9]+$`
	case `((?!^\d+$)^[0-9a-zA-Z-_]+$)`: // lambda FunctionUrlQualifier
		return `[0-9a-zA-Z-_]+`, `^\d+$`
	case `(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`: // lambda CollectionName
		return `[_a-zA-Z0-9][^$]*`, `^system\.`
	case `[0-9A-Za-z\.\-_]*(?<!\.)`: // lambda S3Bucket
		return `[0-9A-Za-z\.\-_]*`, `\.$`
	case `^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`: // sfn CharacterRestrictedName
		return `[a-zA-Z0-9_\-\.]+`, `^[0-9]*$`
	case `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: // iam accountAliasType
		return `[a-z0-9]([a-z0-9]|-){1,61}[a-z0-9]`, `--`
	default:
		return source, ""
	}
}

func compile(source string) (*pattern, error) {
	must, not := lookarounds(source)
	must = strings.ReplaceAll(must, `\p{ASCII}`, `[\x00-\x7F]`)
	must = goEscapes(must)
	var p pattern
	var err error
	if p.must, err = regexp.Compile(`^(?:` + must + `)$`); err != nil {
		return nil, err
	}
	if not != "" {
		p.not, err = regexp.Compile(not)
	}
	return &p, err
}

// goEscapes writes Java's escape of one UTF-16 unit, \u0020, as Go's.
func goEscapes(source string) string {
	parts := strings.Split(source, `\u`)
	for i, p := range parts[1:] {
		if len(p) >= 4 {
			parts[i+1] = `\x{` + p[:4] + `}` + p[4:]
		}
	}
	return strings.Join(parts, "")
}
