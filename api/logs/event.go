package logs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"anthill/logs"
)

// sequenceToken is what PutLogEvents answers. AWS ignores it since 2023, and so do we.
const sequenceToken = "49039859625694459137580571183394930424281532312013700898"

func streamOf(st *logs.Stream) LogStream {
	out := LogStream{LogStreamName: &st.Name, CreationTime: &st.Created, Arn: &st.ARN, StoredBytes: new(int64(0))}
	if st.Count > 0 {
		out.FirstEventTimestamp, out.LastEventTimestamp, out.LastIngestionTime = &st.First, &st.Last, &st.Ingested
		out.UploadSequenceToken = new(sequenceToken)
	}
	return out
}

func (d *door) streams(o *Operations) {
	o.CreateLogStream = func(ctx context.Context, in *CreateLogStreamInput) (*CreateLogStreamOutput, error) {
		return none[CreateLogStreamOutput](d.s.CreateStream(place(ctx), *in.LogGroupName, *in.LogStreamName))
	}
	o.DeleteLogStream = func(ctx context.Context, in *DeleteLogStreamInput) (*DeleteLogStreamOutput, error) {
		return none[DeleteLogStreamOutput](d.s.DeleteStream(place(ctx), *in.LogGroupName, *in.LogStreamName))
	}
	o.DescribeLogStreams = func(ctx context.Context, in *DescribeLogStreamsInput) (*DescribeLogStreamsOutput, error) {
		group, err := groupName(in.LogGroupName, in.LogGroupIdentifier)
		if err != nil {
			return nil, err
		}
		byTime := value(in.OrderBy) == "LastEventTime"
		if byTime && in.LogStreamNamePrefix != nil {
			return nil, bad("Cannot order by LastEventTime with a logStreamNamePrefix.")
		}
		all, err := d.s.Streams(place(ctx), group, value(in.LogStreamNamePrefix), byTime)
		if err != nil {
			return nil, translate(err)
		}
		if in.Descending != nil && *in.Descending {
			slices.Reverse(all)
		}
		var out DescribeLogStreamsOutput
		out.LogStreams, out.NextToken, err = page(collect(all, streamOf), in.NextToken, in.Limit, 50)
		return answer(&out, err)
	}
}

func (d *door) events(o *Operations) {
	o.PutLogEvents = d.putLogEvents
	o.GetLogEvents = d.getLogEvents
	o.FilterLogEvents = d.filterLogEvents
}

// Limits of PutLogEvents, from its page in the API reference.
const (
	maxBatchBytes = 1 << 20
	perEvent      = 26 // bytes that each event counts beside its message
	tooNew        = 2 * time.Hour
	tooOld        = 14 * 24 * time.Hour
	maxSpan       = 24 * time.Hour
)

func (d *door) putLogEvents(ctx context.Context, in *PutLogEventsInput) (*PutLogEventsOutput, error) {
	size := 0
	for i, e := range in.LogEvents {
		if i > 0 && *e.Timestamp < *in.LogEvents[i-1].Timestamp {
			return nil, bad("Log events in a single PutLogEvents request must be in chronological order.")
		}
		size += len(*e.Message) + perEvent
	}
	first, last := *in.LogEvents[0].Timestamp, *in.LogEvents[len(in.LogEvents)-1].Timestamp
	switch {
	case size > maxBatchBytes:
		return nil, bad(fmt.Sprintf("Upload too large: %d bytes exceeds limit of %d", size, maxBatchBytes))
	case last-first > maxSpan.Milliseconds():
		return nil, bad("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	g, err := d.s.Group(place(ctx), *in.LogGroupName)
	if err != nil {
		return nil, translate(err)
	}
	good, rejected := sift(in.LogEvents, g.Retention, time.Now())
	err = d.s.Put(place(ctx), *in.LogGroupName, *in.LogStreamName, good)
	return answer(&PutLogEventsOutput{NextSequenceToken: new(sequenceToken), RejectedLogEventsInfo: rejected}, err)
}

// sift separates the events that are kept from those that are too old or too new: with a group's retention in days.
func sift(all []InputLogEvent, retention int, now time.Time) (good []logs.Event, rejected *RejectedLogEventsInfo) {
	reject := func() *RejectedLogEventsInfo {
		if rejected == nil {
			rejected = &RejectedLogEventsInfo{}
		}
		return rejected
	}
	for i, e := range all {
		at := time.UnixMilli(*e.Timestamp)
		switch age := now.Sub(at); {
		case age > tooOld:
			reject().TooOldLogEventEndIndex = new(int32(i + 1))
		case retention > 0 && age > time.Duration(retention)*24*time.Hour:
			reject().ExpiredLogEventEndIndex = new(int32(i + 1))
		case -age > tooNew:
			if reject().TooNewLogEventStartIndex == nil {
				rejected.TooNewLogEventStartIndex = new(int32(i))
			}
		default:
			good = append(good, logs.Event{Time: at, Text: *e.Message})
		}
	}
	return good, rejected
}

func span(start, end *int64, limit *int32) logs.Range {
	var r logs.Range
	if start != nil {
		r.Start = *start
	}
	if end != nil {
		r.End = *end
	}
	if limit != nil {
		r.Limit = int(*limit)
	}
	return r
}

func (d *door) getLogEvents(ctx context.Context, in *GetLogEventsInput) (*GetLogEventsOutput, error) {
	group, err := groupName(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	forward, from := in.StartFromHead != nil && *in.StartFromHead, uint64(0)
	if in.NextToken != nil {
		if forward, from, err = parseToken(*in.NextToken); err != nil {
			return nil, err
		}
	}
	p, err := d.s.Get(place(ctx), group, *in.LogStreamName, span(in.StartTime, in.EndTime, in.Limit), from, forward)
	if err != nil {
		return nil, translate(err)
	}
	return &GetLogEventsOutput{NextForwardToken: new(fmt.Sprintf("f/%056d/s", p.Next)), NextBackwardToken: new(fmt.Sprintf("b/%056d/s", p.Prev)),
		Events: collect(p.Events, func(e *logs.Event) OutputLogEvent {
			return OutputLogEvent{Timestamp: new(e.Millis()), Message: &e.Text, IngestionTime: &e.Ingested}
		})}, nil
}

// parseToken reads f/…/s or b/…/s: the place at which a page forwards begins, or before which one backwards ends.
func parseToken(token string) (forward bool, from uint64, err error) {
	var direction byte
	if n, _ := fmt.Sscanf(token, "%c/%d/s", &direction, &from); n != 2 || direction != 'f' && direction != 'b' || from == 0 {
		return false, 0, bad("The specified nextToken is invalid.")
	}
	return direction == 'f', from, nil
}

func (d *door) filterLogEvents(ctx context.Context, in *FilterLogEventsInput) (*FilterLogEventsOutput, error) {
	group, err := groupName(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != nil {
		return nil, bad("logStreamNamePrefix and logStreamNames are mutually exclusive parameters")
	}
	match, err := logs.ParsePattern(value(in.FilterPattern))
	if err != nil {
		return nil, translate(err)
	}
	var after logs.Cursor
	if in.NextToken != nil {
		text, derr := base64.RawURLEncoding.DecodeString(*in.NextToken)
		if derr != nil || json.Unmarshal(text, &after) != nil {
			return nil, bad("The specified nextToken is invalid.")
		}
	}
	want := func(stream string) bool {
		return (len(in.LogStreamNames) == 0 || slices.Contains(in.LogStreamNames, stream)) && strings.HasPrefix(stream, value(in.LogStreamNamePrefix))
	}
	found, next, more, err := d.s.Filter(place(ctx), group, want, match, span(in.StartTime, inclusive(in.EndTime), in.Limit), after)
	if err != nil {
		return nil, translate(err)
	}
	out := &FilterLogEventsOutput{SearchedLogStreams: []SearchedLogStream{}, Events: collect(found, func(e *logs.Found) FilteredLogEvent {
		return FilteredLogEvent{LogStreamName: &e.Stream, Timestamp: new(e.Millis()), Message: &e.Text, IngestionTime: &e.Ingested,
			EventId: new(logs.EventID(e.Time.UnixNano(), e.Stream, e.Pos))}
	})}
	if more {
		text, err := json.Marshal(next)
		if err != nil {
			return nil, err
		}
		out.NextToken = new(base64.RawURLEncoding.EncodeToString(text))
	}
	return out, nil
}

// inclusive is the end of a range whose last millisecond counts: FilterLogEvents excludes only "later than this time".
func inclusive(end *int64) *int64 {
	if end == nil {
		return nil
	}
	return new(*end + 1)
}
