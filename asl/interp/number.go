package interp

import (
	"strconv"
	"strings"
	"time"

	"anthill/asl"
	"anthill/value"
)

// number evaluates a whole number of the definition. given is false when n is nil. input is "$" of JSONPath.
func (v *view) number(n *asl.Number, input value.Value) (got int64, given bool, t *trouble) {
	switch {
	case n == nil:
		return 0, false, nil
	case n.Path != nil:
		at, t := v.path(n.Path, input)
		if t != nil {
			return 0, false, t
		}
		if got, ok := wholeOf(at); ok {
			return got, true, nil
		}
		return 0, false, v.f.runtimeTrouble("The %s field refers to value \"%s\" which is not a valid integer: %s", n.Field, plain(at), n.Path)
	case n.Expr != nil:
		out, t := v.expr(n.Expr, input)
		if t != nil {
			return 0, false, t
		}
		got, ok := out.Int()
		if !ok {
			if t := v.expect(n.Expr, out, value.Number); t != nil {
				return 0, false, t
			}
			return 0, false, v.f.evaluation(n.Expr.Field, "The %s field is not a valid integer: %s", n.Field, out)
		}
		if got < 0 {
			return 0, false, v.f.evaluation(n.Expr.Field, "The %s field must not be negative: %s", n.Field, out)
		}
		return got, true, nil
	}
	got, _ = n.Literal.Int()
	return got, true, nil
}

// share evaluates a percentage.
func (v *view) share(n *asl.Number, input value.Value) (float64, *trouble) {
	switch {
	case n == nil:
		return 0, nil
	case n.Path != nil:
		at, t := v.path(n.Path, input)
		if t != nil {
			return 0, t
		}
		if at.Kind() == value.Number {
			return at.Float(), nil
		}
		f, err := strconv.ParseFloat(at.Text(), 64)
		if err != nil {
			return 0, v.f.runtimeTrouble("The %s field refers to value \"%s\" which is not a valid float: %s", n.Field, plain(at), n.Path)
		}
		return f, nil
	case n.Expr != nil:
		out, t := v.expr(n.Expr, input)
		if t == nil {
			t = v.expect(n.Expr, out, value.Number)
		}
		return out.Float(), t
	}
	return n.Literal.Float(), nil
}

// wholeOf is the whole number that v is, or says as a text.
func wholeOf(v value.Value) (int64, bool) {
	if v.Kind() == value.String {
		n, err := strconv.ParseInt(v.Text(), 10, 64)
		return n, err == nil
	}
	return v.Int()
}

// plain is v as causes print it: a text without quotes.
func plain(v value.Value) string {
	if v.Kind() == value.String {
		return v.Text()
	}
	return v.String()
}

// seconds evaluates Seconds or SecondsPath of a Wait state.
func (v *view) seconds(n *asl.Number, input value.Value) (int64, *trouble) {
	if n.Path == nil {
		got, _, t := v.number(n, input)
		if t != nil {
			t.late = true
		}
		return got, t
	}
	at := v.lookupPath(n, input)
	if at.IsAbsent() {
		return 0, v.f.runtimeTrouble("The %s parameter does not reference an input value: %s", n.Field, n.Path)
	}
	got, ok := at.Int()
	if ok && at.NumberText() != strconv.FormatInt(got, 10) {
		ok = !strings.ContainsAny(at.NumberText(), ".eE")
	}
	switch {
	case !ok && at.Kind() != value.Number:
		return 0, v.f.runtimeTrouble("The %s parameter does not reference an input value: %s", n.Field, n.Path)
	case !ok:
		return 0, v.f.runtimeTrouble("The %s parameter cannot be parsed as a long value: %s == %s", n.Field, n.Path, plain(at))
	case got < 0:
		return 0, v.f.runtimeTrouble("The %s parameter references a negative value: %s == %s", n.Field, n.Path, plain(at))
	}
	return got, nil
}

func (v *view) lookupPath(n *asl.Number, input value.Value) value.Value {
	at, t := v.path(n.Path, input)
	if t != nil {
		return value.Value{}
	}
	return at
}

// instant evaluates Timestamp or TimestampPath of a Wait state.
func (v *view) instant(w *asl.Text, input value.Value) (time.Time, *trouble) {
	text := w.Literal
	switch {
	case w.Path != nil:
		at, t := v.path(w.Path, input)
		if t != nil {
			return time.Time{}, v.f.runtimeTrouble("The %s parameter does not reference an input value: %s", w.Field, w.Path)
		}
		when, ok := offsetDateTime(at.Text())
		if !ok {
			return when, v.f.runtimeTrouble("The %s parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", w.Field, w.Path, plain(at))
		}
		return when, nil
	case w.Expr != nil:
		out, t := v.expr(w.Expr, input)
		if t == nil {
			t = v.expect(w.Expr, out, value.String)
		}
		if t != nil {
			t.late = true
			return time.Time{}, t
		}
		text = out.Text()
	}
	when, ok := offsetDateTime(text)
	if !ok {
		t := v.f.evaluation(w.Field, "The %s field cannot be parsed as an ISO-8601 extended offset date-time format string: %s", w.Field, text)
		t.late = true
		return when, t
	}
	return when, nil
}

// offsetDateTime reads an instant as Java's OffsetDateTime does: seconds may be left out.
func offsetDateTime(text string) (time.Time, bool) {
	if when, ok := asl.ParseTimestamp(text); ok {
		return when, true
	}
	when, err := time.Parse("2006-01-02T15:04Z07:00", text)
	return when, err == nil
}
