package logs

import (
	"context"
	"fmt"

	"anthill/logs"
)

func (d *door) queries(o *Operations) {
	o.StartQuery = func(ctx context.Context, in *StartQueryInput) (*StartQueryOutput, error) {
		if l := value(in.QueryLanguage); l != "" && l != "CWLI" {
			return nil, refuse("queries in " + l)
		}
		q := logs.Query{Place: place(ctx), Text: *in.QueryString, Start: *in.StartTime, End: *in.EndTime}
		if in.LogGroupName != nil {
			q.Groups = append(q.Groups, *in.LogGroupName)
		}
		q.Groups = append(append(q.Groups, in.LogGroupNames...), in.LogGroupIdentifiers...)
		if in.Limit != nil {
			q.Text += fmt.Sprintf(" | limit %d", *in.Limit)
		}
		q, err := d.s.StartQuery(q)
		return answer(&StartQueryOutput{QueryId: &q.ID}, err)
	}
	o.DescribeQueries = func(ctx context.Context, in *DescribeQueriesInput) (*DescribeQueriesOutput, error) {
		all := d.s.Queries(place(ctx), value(in.LogGroupName))
		if s := value(in.Status); s != "" && s != "Complete" {
			all = nil
		}
		var out DescribeQueriesOutput
		var err error
		out.Queries, out.NextToken, err = page(collect(all, func(q *logs.Query) QueryInfo {
			return QueryInfo{QueryLanguage: new("CWLI"), QueryId: &q.ID, Status: new("Complete"), CreateTime: &q.Created, LogGroupName: &q.Group,
				QueryString: new(fmt.Sprintf("SOURCE %q START=%d000 END=%d999 | %s", q.Group, q.Start, q.End, q.Text))}
		}), in.NextToken, in.MaxResults, 1000)
		return answer(&out, err)
	}
	o.GetQueryResults = func(ctx context.Context, in *GetQueryResultsInput) (*GetQueryResultsOutput, error) {
		q, err := d.s.Query(place(ctx), *in.QueryId)
		if err != nil {
			return nil, translate(err)
		}
		rows, scanned, matched, err := d.s.Results(q)
		if err != nil {
			return nil, translate(err)
		}
		out := &GetQueryResultsOutput{QueryLanguage: new("CWLI"), Status: new("Complete"), Results: [][]ResultField{}, Statistics: &QueryStatistics{
			RecordsMatched: new(float64(matched)), RecordsScanned: new(float64(scanned)), BytesScanned: new(0.0), LogGroupsScanned: new(float64(len(q.Groups)))}}
		for _, row := range rows {
			out.Results = append(out.Results, collect(row, func(f *logs.Field) ResultField { return ResultField{Field: &f.Name, Value: &f.Value} }))
		}
		return out, nil
	}
	o.StopQuery = func(ctx context.Context, in *StopQueryInput) (*StopQueryOutput, error) {
		if _, err := d.s.Query(place(ctx), *in.QueryId); err != nil {
			return nil, translate(err)
		}
		return nil, bad("The query has already ended; queries here end at once.")
	}
}
