package interp

import (
	"encoding/csv"
	"strings"

	"anthill/asl/failure"
	"anthill/value"
)

// ReadItems makes the items of a distributed Map of what its ItemReader has read, as found in its source. config is the
// ReaderConfig; Absent means a list that S3 has given, which is a JSON array (Developer Guide, "ItemReader"). The error is a
// *failure.Failure.
func ReadItems(config value.Value, data string) (value.Value, error) {
	switch kind := config.Get("InputType").Text(); kind {
	case "CSV":
		return readCSV(config, data)
	case "JSONL":
		return readJSONLines(data)
	case "PARQUET":
		return value.Value{}, unreadable("The InputType %s is not supported.", kind)
	}
	v, err := value.Parse(data)
	if err != nil {
		return v, unreadable("Attempting to parse the data of the ItemReader as JSON failed: %v", err)
	}
	if p := config.Get("ItemsPointer"); !p.IsAbsent() {
		if v = pointed(v, p.Text()); v.IsAbsent() {
			return v, unreadable("The ItemsPointer '%s' could not be found in the data of the ItemReader.", p.Text())
		}
	}
	switch v.Kind() {
	case value.Array:
		return v, nil
	case value.Object:
		pairs := make([]value.Value, 0, v.Len())
		for k, x := range v.Members() {
			pairs = append(pairs, value.OfObject(value.Member{Key: "Key", Value: value.OfString(k)}, value.Member{Key: "Value", Value: x}))
		}
		return value.OfArray(pairs...), nil
	}
	return v, unreadable("The data of the ItemReader must be a JSON array or object.")
}

func unreadable(format string, args ...any) error {
	return failure.New(failure.ItemReaderFailed, format, args...)
}

// pointed is what a JSON pointer (RFC 6901) leads to; Absent for nothing.
func pointed(v value.Value, pointer string) value.Value {
	if pointer == "" {
		return v
	}
	if pointer[0] != '/' {
		return value.Value{}
	}
	for step := range strings.SplitSeq(pointer[1:], "/") {
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		if v.Kind() != value.Array {
			v = v.Get(step)
			continue
		}
		n, ok := value.OfNumberText(step).Int()
		if step == "" || strings.Trim(step, "0123456789") != "" || !ok || n >= int64(v.Len()) {
			return value.Value{}
		}
		v = v.Index(int(n))
	}
	return v
}

// readJSONLines reads one JSON value a line; empty lines are passed over.
func readJSONLines(data string) (value.Value, error) {
	var items []value.Value
	for line := range strings.Lines(data) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		v, err := value.Parse(line)
		if err != nil {
			return v, unreadable("Attempting to parse the data of the ItemReader as JSON failed: %v", err)
		}
		items = append(items, v)
	}
	return value.OfArray(items...), nil
}

// readCSV makes an object of each row. Cells that a row lacks are empty, those beyond the headers are left out.
func readCSV(config value.Value, data string) (value.Value, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(data, "\ufeff")))
	r.FieldsPerRecord = -1
	if d, ok := map[string]rune{"PIPE": '|', "SEMICOLON": ';', "SPACE": ' ', "TAB": '\t'}[config.Get("CSVDelimiter").Text()]; ok {
		r.Comma = d
	}
	rows, err := r.ReadAll()
	if err != nil {
		return value.Value{}, unreadable("Attempting to parse the data of the ItemReader as CSV failed: %v", err)
	}
	var headers []string
	if config.Get("CSVHeaderLocation").Text() == "GIVEN" {
		for _, h := range config.Get("CSVHeaders").Items() {
			headers = append(headers, h.Text())
		}
	} else if len(rows) > 0 {
		headers, rows = rows[0], rows[1:]
	}
	items := make([]value.Value, len(rows))
	for i, row := range rows {
		members := make([]value.Member, len(headers))
		for j, h := range headers {
			members[j] = value.Member{Key: h, Value: value.OfString("")}
			if j < len(row) {
				members[j].Value = value.OfString(row[j])
			}
		}
		items[i] = value.OfObject(members...)
	}
	return value.OfArray(items...), nil
}
