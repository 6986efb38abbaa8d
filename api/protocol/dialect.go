package protocol

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// dialect is where AWS's services differ from one another in how they refuse a request.
type dialect struct {
	code       string // of a request that breaks the model
	bodyPrefix bool   // members of the body are named below "createRestApiInput"
	terse      bool   // neither values nor enum sets are shown
	lambda     bool   // see items and invalid
	logs       bool   // long names have a text of their own
	ecr        bool   // one violation at a time, in words of its own
}

func dialectOf(m *Model) dialect {
	switch m.Name {
	case "logs":
		return dialect{code: "InvalidParameterException", logs: true}
	case "ecr":
		return dialect{code: "InvalidParameterException", ecr: true}
	case "iam":
		return dialect{code: "ValidationError", terse: true}
	case "sts":
		return dialect{code: "ValidationError"}
	case "apigateway":
		return dialect{code: "ValidationException", bodyPrefix: true}
	case "lambda":
		return dialect{code: "ValidationException", lambda: true}
	default:
		return dialect{code: "ValidationException"}
	}
}

// invalid joins violations to the one error that AWS answers.
func (d dialect) invalid(found []violation) error {
	if d.ecr {
		must := strings.TrimPrefix(found[0].must, "Member ")
		if pattern, ok := strings.CutPrefix(must, "must satisfy regular expression pattern: "); ok {
			must = "must satisfy regular expression '" + pattern + "'"
		}
		return Fail(d.code, "Invalid parameter at '"+found[0].at+"' failed to satisfy constraint: '"+must+"'")
	}
	texts := make([]string, len(found))
	for i, f := range found {
		if d.logs && f.shape != nil && (f.shape.Name == "LogGroupName" || f.shape.Name == "LogStreamName") && strings.Contains(f.must, "length less") {
			return Fail(d.code, "Invalid LogGroup or LogStream, both must have length less than or equal to "+whole(*f.shape.Max)+".")
		}
		value, must := " "+f.value, f.must
		if d.terse && f.shape != nil {
			value = ""
			must, _, _ = strings.Cut(must, " set: [")
			if must != f.must {
				must += " set"
			}
		}
		if d.lambda && f.at == "runtime" && f.shape.Enum != nil {
			return &Error{Code: "InvalidParameterValueException", Extra: map[string]string{"Type": "User"}, Message: "Value " +
				strings.Trim(f.value, "'") + " at 'runtime' failed to satisfy constraint: " + f.must + " or be a valid ARN"}
		}
		texts[i] = "Value" + value + " at '" + f.at + "' failed to satisfy constraint: " + must
	}
	noun := "errors"
	if len(found) == 1 {
		noun = "error"
	}
	return Fail(d.code, fmt.Sprintf("%d validation %s detected: %s", len(found), noun, strings.Join(texts, "; ")))
}

// items is the constraint of a list whose scalar items break theirs.
func (d dialect) items(list, elem *Shape) string {
	if list.Name == "CompatibleRuntimes" { // the only list whose text names fewer values than its items' own
		return "Member must satisfy enum value set: [nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, " +
			"nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, " +
			"dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2]"
	}
	parts := all(elem)
	if d.lambda && elem.Enum != nil {
		parts = append(parts, "Member must not be null")
	}
	return "Member must satisfy constraint: [" + strings.Join(parts, ", ") + "]"
}

// mismatch words a JSON value of another type than the model's.
func (d dialect) mismatch(got jsontext.Kind, want Kind) string {
	target := map[Kind]string{String: "String", Integer: "Integer", Long: "Long", Float: "Double", Boolean: "Boolean",
		Blob: "Blob", Timestamp: "Timestamp"}[want]
	article := "a"
	if want == Integer {
		article = "an"
	}
	have := ""
	switch got {
	case '"':
		have = "STRING_VALUE"
	case '0':
		have = "NUMBER_VALUE"
		if d.bodyPrefix { // API Gateway's framework names its own class, and has the article wrong
			have, article = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber", "an"
		}
	case 't':
		have = "TRUE_VALUE"
	case 'f':
		have = "FALSE_VALUE"
	case '[':
		return "Start of list found where not expected"
	case '{':
		return "Start of structure or map found where not expected"
	}
	if target == "" {
		return "Unexpected field type"
	}
	return have + " can not be converted to " + article + " " + target
}
