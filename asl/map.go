package asl

import (
	"strings"

	"anthill/value"
)

// mapping reads a Map state, inline or distributed.
func (p *parser) mapping(s *State, def value.Value) *MapSpec {
	m := &MapSpec{
		MaxConcurrency: p.number(def, s.Path, "", "MaxConcurrency", s.JSONata, 0, MaxSeconds),
		ToleratedCount: p.number(def, s.Path, "", "ToleratedFailureCount", s.JSONata, 0, MaxSeconds),
		ToleratedShare: p.percentage(s, def),
		Selector:       p.expression(def, s.Path, "", "ItemSelector", s.JSONata),
	}
	for _, f := range []string{"MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage"} {
		p.exclusive(def, s.Path, false, f, f+"Path")
	}
	if s.JSONata {
		m.ItemsExpr = p.expression(def, s.Path, "", "Items", true)
		if v := def.Get("Items"); !v.IsAbsent() && v.Kind() != value.Array {
			if _, ok := isJSONata(v); !ok {
				p.fail(s.Path+"/Items", "Expected value of type Array")
			}
		}
	} else {
		m.Items, _ = p.path(def, s.Path, "ItemsPath")
		if legacy := p.expression(def, s.Path, "", "Parameters", false); legacy != nil {
			if m.Selector != nil {
				p.fail(s.Path, "There should only be one of the following fields: [ItemSelector, Parameters]")
			}
			m.Selector = legacy
		}
	}
	p.processor(s, m, def)
	p.distribution(s, m, def)
	return m
}

// processor reads ItemProcessor, or Iterator as it was called before.
func (p *parser) processor(s *State, m *MapSpec, def value.Value) {
	field := "ItemProcessor"
	if def.Get(field).IsAbsent() && !def.Get("Iterator").IsAbsent() {
		field = "Iterator"
	}
	p.exclusive(def, s.Path, true, "ItemProcessor", "Iterator")
	obj := def.Get(field)
	at := s.Path + "/" + field
	if obj.Kind() != value.Object {
		if !obj.IsAbsent() {
			p.fail(at, "Expected value of type Object")
		}
		return
	}
	p.only(obj, at, "Comment", "ProcessorConfig", "StartAt", "States")
	config := obj.Get("ProcessorConfig")
	if !config.IsAbsent() && config.Kind() != value.Object {
		p.fail(at+"/ProcessorConfig", "Expected value of type Object")
	}
	at2 := at + "/ProcessorConfig"
	p.only(config, at2, "ExecutionType", "Mode")
	m.Distributed = p.oneOf(config, at2, "Mode", "INLINE", "DISTRIBUTED") == "DISTRIBUTED"
	switch kind := config.Get("ExecutionType"); {
	case m.Distributed:
		p.required(config, at2, "ExecutionType")
		m.Express = p.oneOf(config, at2, "ExecutionType", "STANDARD", "EXPRESS") == "EXPRESS"
	case !kind.IsAbsent():
		p.fail(at2, "Field 'ExecutionType' is not supported")
	}
	if m.Distributed && p.opt.Express && !p.inner {
		p.fail(at2+"/Mode", "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines")
	}
	m.Processor = &Flow{}
	first := len(p.machine.states)
	opt, inner := p.opt, p.inner
	if m.Distributed {
		p.opt = Options{Express: m.Express}
		p.inner = false
	}
	p.parseFlow(m.Processor, obj, at, p.machine.JSONata)
	p.opt, p.inner = opt, inner
	if m.Distributed {
		m.child = &Machine{Flow: *m.Processor, JSONata: p.machine.JSONata, definition: obj, states: p.machine.states[first:]}
	}
}

// distribution reads the fields of a distributed Map. ItemReader, ItemBatcher, ResultWriter and Label belong to it alone.
func (p *parser) distribution(s *State, m *MapSpec, def value.Value) {
	if label := def.Get("Label"); !label.IsAbsent() {
		p.label(s, m, label)
	}
	for _, f := range []string{"ItemReader", "ItemBatcher", "ResultWriter"} {
		v := def.Get(f)
		switch {
		case v.IsAbsent():
		case v.Kind() != value.Object:
			p.fail(s.Path+"/"+f, "Expected value of type Object")
		case !m.Distributed:
			p.fail(s.Path, "Field '%s' is not supported", f)
		}
	}
	if v := def.Get("ItemReader"); v.Kind() == value.Object {
		m.Reader = p.reader(s, v)
	}
	if v := def.Get("ItemBatcher"); v.Kind() == value.Object {
		at := s.Path + "/ItemBatcher"
		m.Batch = &BatchSpec{
			MaxItems: p.number(v, at, "ItemBatcher/", "MaxItemsPerBatch", s.JSONata, 1, MaxSeconds),
			MaxBytes: p.number(v, at, "ItemBatcher/", "MaxInputBytesPerBatch", s.JSONata, 1, 262144),
			Input:    p.expression(v, at, "ItemBatcher/", "BatchInput", s.JSONata),
		}
		if m.Batch.MaxItems == nil && m.Batch.MaxBytes == nil {
			p.fail(at, "This object should have only one of the following fields: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath]")
		}
	}
	if v := def.Get("ResultWriter"); v.Kind() == value.Object {
		at := s.Path + "/ResultWriter"
		m.Writer = &WriterSpec{Arguments: p.arguments(v, at, "ResultWriter/", s.JSONata), Config: v.Get("WriterConfig")}
		if r := v.Get("Resource"); r.Kind() == value.String {
			m.Writer.Resource = p.resource(r.Text(), at+"/Resource")
		} else if m.Writer.Config.IsAbsent() {
			p.fail(at, "These fields are required: [Resource]")
		}
		p.oneOf(m.Writer.Config, at+"/WriterConfig", "OutputType", "JSON", "JSONL")
		p.oneOf(m.Writer.Config, at+"/WriterConfig", "Transformation", "COMPACT", "FLATTEN", "NONE")
	}
}

// arguments reads Parameters, or Arguments in JSONata, of an ItemReader or ResultWriter.
func (p *parser) arguments(v value.Value, at, prefix string, inJSONata bool) *Expression {
	if inJSONata {
		return p.expression(v, at, prefix, "Arguments", true)
	}
	return p.expression(v, at, prefix, "Parameters", false)
}

func (p *parser) reader(s *State, v value.Value) *ReaderSpec {
	at := s.Path + "/ItemReader"
	config := v.Get("ReaderConfig")
	r := &ReaderSpec{Arguments: p.arguments(v, at, "ItemReader/", s.JSONata), Config: config}
	if !config.IsAbsent() && config.Kind() != value.Object {
		p.fail(at+"/ReaderConfig", "Expected value of type Object")
	}
	r.MaxItems = p.number(config, at+"/ReaderConfig", "ItemReader/ReaderConfig/", "MaxItems", s.JSONata, 0, 100000000)
	p.exclusive(config, at+"/ReaderConfig", false, "MaxItems", "MaxItemsPath")
	if res := v.Get("Resource"); res.Kind() == value.String {
		r.Resource = p.resource(res.Text(), at+"/Resource")
	} else if p.required(v, at, "Resource") {
		p.fail(at+"/Resource", "Expected value of type String")
	}
	if r.Resource.ARN != "" && (r.Resource.Service != "s3" || r.Resource.Action != "getObject" && r.Resource.Action != "listObjectsV2") {
		p.fail(at+"/Resource", "The field 'Resource' does not match any of the allowed values")
	}
	at += "/ReaderConfig"
	kind := p.oneOf(config, at, "InputType", "CSV", "JSON", "JSONL", "MANIFEST", "PARQUET")
	p.oneOf(config, at, "Transformation", "LOAD_AND_FLATTEN", "NONE")
	p.oneOf(config, at, "ManifestType", "ATHENA_DATA", "S3_INVENTORY")
	p.oneOf(config, at, "CSVDelimiter", "COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")
	switch location := p.oneOf(config, at, "CSVHeaderLocation", "FIRST_ROW", "GIVEN"); {
	case kind == "JSON" && !config.Get("CSVHeaderLocation").IsAbsent():
		p.fail(at, "Field 'CSVHeaderLocation' is not supported")
	case kind == "CSV" && config.Get("CSVHeaderLocation").IsAbsent():
		p.fail(at, "The field 'CSVHeaderLocation' is required")
	case location == "GIVEN":
		p.required(config, at, "CSVHeaders")
	}
	return r
}

// percentage reads ToleratedFailurePercentage, the one number that may have a fraction.
func (p *parser) percentage(s *State, def value.Value) *Number {
	const field = "ToleratedFailurePercentage"
	v := def.Get(field)
	if v.Kind() != value.Number {
		return p.number(def, s.Path, "", field, s.JSONata, 0, 100)
	}
	if f := v.Float(); f < 0 {
		p.fail(s.Path+"/"+field, "Minimum value is 0")
	} else if f > 100 {
		p.fail(s.Path+"/"+field, "Maximum value is 100")
	}
	return &Number{Field: field, Literal: v}
}

// badInLabel is what a label must not have (Developer Guide, "Distributed mode", Label).
const badInLabel = ` ?*<>{}[]:;,\|^~$#%&` + "`\""

// label checks the Label of a distributed Map: 40 characters at most, unique in the machine.
func (p *parser) label(s *State, m *MapSpec, v value.Value) {
	at := s.Path + "/Label"
	if v.Kind() != value.String {
		p.fail(at, "Expected value of type String")
		return
	}
	m.Label = v.Text()
	switch n := len([]rune(m.Label)); {
	case n == 0:
		p.badLabel(at, "Label cannot be empty")
		return
	case n > 40:
		p.badLabel(at, "Label cannot exceed 40 characters")
		return
	}
	for _, r := range m.Label {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || strings.ContainsRune(badInLabel, r) {
			p.badLabel(at, "Label contains invalid character: "+quoted(string(r)))
			return
		}
	}
	if p.labels[m.Label] {
		p.report("DUPLICATE_LABEL_NAME", at, "Duplicate Label name: "+m.Label)
	}
	p.labels[m.Label] = true
}
