package interp

import (
	"cmp"
	"encoding/csv"
	"slices"
	"strings"
	"unicode/utf16"

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
	r.LazyQuotes = true
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
	for i, h := range headers {
		if slices.Contains(headers[:i], h) {
			return value.Value{}, unreadable("CSV headers cannot contain duplicates.")
		}
	}
	columns := hashOrder(headers)
	items := make([]value.Value, len(rows))
	for i, row := range rows {
		members := make([]value.Member, len(headers))
		for k, j := range columns {
			members[k] = value.Member{Key: headers[j], Value: value.OfString("")}
			if j < len(row) {
				members[k].Value = value.OfString(row[j])
			}
		}
		items[i] = value.OfObject(members...)
	}
	return value.OfArray(items...), nil
}

// hashOrder gives the places of names in the order of Java's HashMap, in which AWS shows the columns of a row: by the hash of
// the name modulo a power of two that leaves a quarter of it free, 16 at least.
func hashOrder(names []string) []int {
	size := uint32(16)
	for uint32(len(names))*4 > size*3 {
		size *= 2
	}
	buckets := make([]uint32, len(names))
	order := make([]int, len(names))
	for i, name := range names {
		h := uint32(0)
		for _, unit := range utf16.Encode([]rune(name)) {
			h = h*31 + uint32(unit)
		}
		buckets[i], order[i] = (h^h>>16)&(size-1), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(buckets[a], buckets[b]) })
	return order
}
