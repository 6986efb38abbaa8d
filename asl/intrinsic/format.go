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
			b.WriteString(jsonpath.Text(args[i]))
		}
	}
	return value.OfString(b.String()), nil
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
