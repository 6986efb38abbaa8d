package sfn

import (
	"strconv"

	"anthill/arn"
	"anthill/value"
	"anthill/workflows"
)

// LogLine is a history event as Step Functions writes it to CloudWatch Logs: one JSON object, whose numbers are texts.
// data says whether inputs and outputs are shown.
func LogLine(of *workflows.Execution, e *workflows.Event, data bool) string {
	p := projection{of: of, data: data, silent: true}
	if a, err := arn.Parse(of.ARN); err == nil {
		p.region = a.Region
	}
	shown, err := value.ParseBytes(model.Encode("HistoryEvent", p.event(e)))
	if err != nil {
		return "{}"
	}
	details := value.OfObject()
	for _, v := range shown.Members() {
		if v.Kind() == value.Object { // the one …EventDetails that an event has
			details = v
		}
	}
	number := func(n int64) value.Value { return value.OfString(strconv.FormatInt(n, 10)) }
	return value.OfObject(
		value.Member{Key: "id", Value: number(e.ID)},
		value.Member{Key: "type", Value: value.OfString(e.Type.String())},
		value.Member{Key: "details", Value: details},
		value.Member{Key: "previous_event_id", Value: number(e.Prev)},
		value.Member{Key: "event_timestamp", Value: number(e.Time.UnixMilli())},
		value.Member{Key: "execution_arn", Value: value.OfString(of.ARN)},
		value.Member{Key: "redrive_count", Value: number(int64(of.Redrives))},
	).String()
}
