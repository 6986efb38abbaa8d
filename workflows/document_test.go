package workflows

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// Every field of an execution comes back from its document, one that is added later too.
func TestExecutionsAreReadAsTheyWereWritten(t *testing.T) {
	var full Execution
	v := reflect.ValueOf(&full).Elem()
	at := time.Date(2026, 3, 1, 12, 30, 1, 123456789, time.UTC)
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(at.Add(time.Duration(i))))
		case []redriveToken:
			f.Set(reflect.ValueOf([]redriveToken{{"one", at}, {"two", at}}))
		default:
			if f.Kind() == reflect.String {
				f.SetString("\"Größe\"\n\u2028<" + v.Type().Field(i).Name)
			} else {
				f.SetInt(int64(100 + i))
			}
		}
	}
	for _, e := range []Execution{full, {}, {ARN: "a", Started: at.In(time.FixedZone("", 3600))}} {
		text, ok := e.appendJSON(nil)
		var got Execution
		if err := json.Unmarshal(text, &got); err != nil || !ok {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Error(diff)
		}
	}
	if _, ok := (&Execution{TraceHeader: "\xff"}).appendJSON(nil); ok {
		t.Error("a text that is not UTF-8 is written")
	}
}
