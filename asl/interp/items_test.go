package interp_test

import (
	"errors"
	"testing"

	"anthill/asl/failure"
	"anthill/asl/interp"
	"anthill/value"
)

// TestItemsAreRead holds the formats of ItemReader (Developer Guide, "ItemReader").
func TestItemsAreRead(t *testing.T) {
	for _, c := range []struct{ name, config, data, want string }{
		{"a JSON array", `{"InputType":"JSON"}`, `[1,{"a":2}]`, `[1,{"a":2}]`},
		{"a JSON object gives pairs", `{"InputType":"JSON"}`, `{"a":1,"b":[2]}`, `[{"Key":"a","Value":1},{"Key":"b","Value":[2]}]`},
		{"a pointer", `{"InputType":"JSON","ItemsPointer":"/a/1/b~1c"}`, `{"a":[0,{"b/c":[5]}]}`, `[5]`},
		{"a pointer into nothing", `{"InputType":"JSON","ItemsPointer":"/a/2"}`, `{"a":[0]}`, ""},
		{"a pointer that is none", `{"InputType":"JSON","ItemsPointer":"a"}`, `{"a":[0]}`, ""},
		{"a scalar", `{"InputType":"JSON"}`, `1`, ""},
		{"JSON lines", `{"InputType":"JSONL"}`, "{\"a\":1}\n\n[2]\r\n", `[{"a":1},[2]]`},
		{"a bad line", `{"InputType":"JSONL"}`, "{}\n{", ""},
		{"CSV with its own headers", `{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}`, "a,b\n\"1,5\",\n2", `[{"a":"1,5","b":""},{"a":"2","b":""}]`},
		{"CSV with given headers", `{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["x"],"CSVDelimiter":"PIPE"}`, "1|2\n3", `[{"x":"1"},{"x":"3"}]`},
		{"CSV with a header twice", `{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}`, "a,a\n1,2", ""},
		{"columns come in the order of their hashes", `{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}`, "0,True,{}\n1,2,3", `[{"0":"1","{}":"3","True":"2"}]`},
		{"an empty CSV", `{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}`, "", `[]`},
		{"a list from S3", `null`, `[{"Key":"k"}]`, `[{"Key":"k"}]`},
		{"what is no text", `{"InputType":"PARQUET"}`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := interp.ReadItems(value.MustParse(c.config), c.data)
			if c.want == "" {
				var f *failure.Failure
				if !errors.As(err, &f) || f.Name != failure.ItemReaderFailed {
					t.Errorf("%s %v, want %s", got, err, failure.ItemReaderFailed)
				}
				return
			}
			if err != nil || got.String() != c.want {
				t.Errorf("%s %v, want %s", got, err, c.want)
			}
		})
	}
}

func FuzzReadItems(f *testing.F) {
	for _, config := range []string{`{"InputType":"JSON","ItemsPointer":"/a/0"}`, `{"InputType":"JSONL"}`, `{"InputType":"CSV","CSVDelimiter":"TAB"}`} {
		for _, data := range []string{"", `{"a":[[1]]}`, "[1]\n2", "a\tb\n1\t\"2"} {
			f.Add(config, data)
		}
	}
	f.Fuzz(func(t *testing.T, config, data string) {
		c, err := value.Parse(config)
		if err != nil {
			return
		}
		if items, err := interp.ReadItems(c, data); err == nil && items.Kind() != value.Array {
			t.Errorf("items are %s", items.Kind())
		}
	})
}
