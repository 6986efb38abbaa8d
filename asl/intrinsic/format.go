package intrinsic

import (
	"errors"
	"strings"

	"anthill/asl/jsonpath"
	"anthill/value"
)

const formatName = "States.Format"

// template is what States.Format fills in: texts with a hole between each two.
type template struct {
	texts []string
	holes int
}

// parseTemplate reads text with its escapes.
func parseTemplate(text string) (*template, error) {
	t := &template{}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\\':
			if i++; i == len(text) || strings.IndexByte(`'{}\`, text[i]) < 0 {
				return nil, errors.New("Invalid template in States.Format: unexpected character after '\\'")
			}
			b.WriteByte(text[i])
		case '{':
			if i++; i == len(text) || text[i] != '}' {
				return nil, errors.New("Invalid template in States.Format: matching '}' not found for '{'")
			}
			t.texts = append(t.texts, b.String())
			t.holes++
			b.Reset()
		case '}':
			return nil, errors.New("Invalid template in States.Format: matching '{' not found for '}'")
		default:
			b.WriteByte(c)
		}
	}
	t.texts = append(t.texts, b.String())
	return t, nil
}

// fill puts args into the holes; there are as many.
func (t *template) fill(args []value.Value) (value.Value, error) {
	var b strings.Builder
	for i, text := range t.texts {
		b.WriteString(text)
		if i < len(args) {
			if args[i].Kind() == value.Array {
				if _, err := printed(nil, args[i]); err != nil {
					return value.Value{}, err
				}
			}
			b.WriteString(jsonpath.Text(args[i]))
		}
		if b.Len() > maxResult {
			return value.Value{}, errTooLarge
		}
	}
	return value.OfString(b.String()), nil
}

// printed adds v to b as JSON, unless that is too much. Only an array can be much larger than the input: States.Array may
// hold the same value many times.
func printed(b []byte, v value.Value) ([]byte, error) {
	if v.Kind() != value.Array {
		if b = v.AppendJSON(b); len(b) > maxResult {
			return nil, errTooLarge
		}
		return b, nil
	}
	b = append(b, '[')
	for i, x := range v.Items() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = printed(b, x); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func format(_ *jsonpath.Env, args []value.Value) (value.Value, error) {
	if len(args) == 0 || args[0].Kind() != value.String {
		return value.Value{}, errArguments
	}
	t, err := parseTemplate(args[0].Text())
	if err != nil {
		return value.Value{}, err
	}
	if t.holes != len(args)-1 {
		return value.Value{}, errors.New("Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.")
	}
	return t.fill(args[1:])
}
