package api_test

import (
	"iter"
	"reflect"
	"testing"
	"time"

	"anthill/api/apigateway"
	"anthill/api/ecr"
	"anthill/api/iam"
	"anthill/api/lambda"
	"anthill/api/logs"
	"anthill/api/protocol"
	"anthill/api/sfn"
	"anthill/api/sts"
)

// every service with every operation built by build, which makes the function of one field.
func services(build func(f reflect.StructField) reflect.Value) []*protocol.Service {
	fill := func(ops any) {
		v := reflect.ValueOf(ops).Elem()
		for i := range v.NumField() {
			if f := build(v.Type().Field(i)); f.IsValid() {
				v.Field(i).Set(f)
			}
		}
	}
	var (
		a apigateway.Operations
		e ecr.Operations
		i iam.Operations
		l lambda.Operations
		g logs.Operations
		s sfn.Operations
		t sts.Operations
	)
	for _, ops := range []any{&a, &e, &i, &l, &g, &s, &t} {
		fill(ops)
	}
	return []*protocol.Service{a.Service(), e.Service(), i.Service(), l.Service(), g.Service(), s.Service(), t.Service()}
}

// sample fills v with something in every member, so that a member lost on the way shows.
func sample(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 8 {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		sample(v.Elem(), depth)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 22, 20, 30, 40, 123_000_000, time.UTC)))
			return
		}
		for i := range v.NumField() {
			sample(v.Field(i), depth+1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("bytes \x00\xff"))
			return
		}
		if depth > 8 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		sample(v.Index(0), depth+1)
		sample(v.Index(1), depth+1)
	case reflect.Map:
		if depth > 8 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for _, k := range []string{"one", "two & <three>"} {
			e := reflect.New(v.Type().Elem()).Elem()
			sample(e, depth+1)
			v.SetMapIndex(reflect.ValueOf(k), e)
		}
	case reflect.String:
		v.SetString("text <&> \"é\"")
	case reflect.Int32, reflect.Int64:
		v.SetInt(200)
	case reflect.Float64:
		v.SetFloat(0.25)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// plain gives a structure's members by their names in the model, as boto3 shows them: bytes and times are marked.
func plain(m *protocol.Model, id protocol.ShapeID, v reflect.Value) any {
	s := &m.Shapes[id]
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch s.Kind {
	case protocol.Structure:
		out := map[string]any{}
		for i, mem := range s.Members {
			f := v.Field(i)
			switch f.Kind() {
			case reflect.Pointer, reflect.Slice, reflect.Map:
				if f.IsNil() {
					continue
				}
			case reflect.Func:
				continue
			default:
				if s.Error != nil && f.IsZero() {
					continue
				}
			}
			out[mem.Name] = plain(m, mem.Shape, f)
		}
		return out
	case protocol.List:
		out := []any{}
		for i := range v.Len() {
			out = append(out, plain(m, s.Elem, v.Index(i)))
		}
		return out
	case protocol.Map:
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			out[k.String()] = plain(m, s.Elem, v.MapIndex(k))
		}
		return out
	case protocol.Blob:
		return map[string]any{"$bytes": v.Bytes()}
	case protocol.Timestamp:
		return map[string]any{"$time": v.Interface().(time.Time).UnixMilli()}
	default:
		return v.Interface()
	}
}

var _ iter.Seq2[int, error] // the field type of event streams; such members are left out of samples

func unlimited(s *protocol.Service) *protocol.Service {
	m := *s.Model
	m.Shapes = append([]protocol.Shape(nil), m.Shapes...)
	for i := range m.Shapes {
		m.Shapes[i].Pattern, m.Shapes[i].Enum, m.Shapes[i].Min, m.Shapes[i].Max = "", nil, nil, nil
	}
	return &protocol.Service{Model: &m, Serve: s.Serve}
}

func TestEveryOperationIsKnown(t *testing.T) {
	for _, s := range services(func(reflect.StructField) reflect.Value { return reflect.Value{} }) {
		if len(s.Serve) != len(s.Model.Operations) || len(s.Serve) == 0 {
			t.Errorf("%s: %d operations in the model, %d in the struct", s.Model.Name, len(s.Model.Operations), len(s.Serve))
		}
	}
}
