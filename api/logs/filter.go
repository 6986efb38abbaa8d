package logs

import (
	"context"
	"strings"

	"anthill/api/protocol"
	"anthill/logs"
)

func (d *door) filters(o *Operations) {
	o.PutMetricFilter = func(ctx context.Context, in *PutMetricFilterInput) (*PutMetricFilterOutput, error) {
		if in.ApplyOnTransformedLogs != nil && *in.ApplyOnTransformedLogs || in.FieldSelectionCriteria != nil || len(in.EmitSystemFieldDimensions) > 0 {
			return nil, refuse("metric filters on transformed logs or system fields")
		}
		return none[PutMetricFilterOutput](d.s.PutMetric(place(ctx), *in.LogGroupName, logs.MetricFilter{Name: *in.FilterName, Pattern: *in.FilterPattern,
			Transformations: collect(in.MetricTransformations, func(t *MetricTransformation) logs.Transformation {
				return logs.Transformation{Namespace: *t.MetricNamespace, Metric: *t.MetricName, Value: *t.MetricValue, Default: t.DefaultValue,
					Unit: value(t.Unit), Dimensions: t.Dimensions}
			})}))
	}
	o.DeleteMetricFilter = func(ctx context.Context, in *DeleteMetricFilterInput) (*DeleteMetricFilterOutput, error) {
		return none[DeleteMetricFilterOutput](d.s.DeleteMetric(place(ctx), *in.LogGroupName, *in.FilterName))
	}
	o.DescribeMetricFilters = d.describeMetricFilters
	o.TestMetricFilter = func(_ context.Context, in *TestMetricFilterInput) (*TestMetricFilterOutput, error) {
		match, err := logs.ParsePattern(*in.FilterPattern)
		if err != nil {
			return nil, translate(err)
		}
		out := &TestMetricFilterOutput{Matches: []MetricFilterMatchRecord{}}
		for i, text := range in.LogEventMessages {
			if match(text) {
				out.Matches = append(out.Matches, MetricFilterMatchRecord{EventNumber: new(int64(i + 1)), EventMessage: &text, ExtractedValues: map[string]string{}})
			}
		}
		return out, nil
	}
	o.PutSubscriptionFilter = func(ctx context.Context, in *PutSubscriptionFilterInput) (*PutSubscriptionFilterOutput, error) {
		if in.ApplyOnTransformedLogs != nil && *in.ApplyOnTransformedLogs || in.FieldSelectionCriteria != nil || len(in.EmitSystemFields) > 0 {
			return nil, refuse("subscription filters on transformed logs or system fields")
		}
		return none[PutSubscriptionFilterOutput](d.s.Subscribe(place(ctx), *in.LogGroupName, logs.Subscription{Name: *in.FilterName, Pattern: *in.FilterPattern,
			Destination: *in.DestinationArn, Role: value(in.RoleArn), Distribution: value(in.Distribution)}))
	}
	o.DeleteSubscriptionFilter = func(ctx context.Context, in *DeleteSubscriptionFilterInput) (*DeleteSubscriptionFilterOutput, error) {
		return none[DeleteSubscriptionFilterOutput](d.s.Unsubscribe(place(ctx), *in.LogGroupName, *in.FilterName))
	}
	o.DescribeSubscriptionFilters = func(ctx context.Context, in *DescribeSubscriptionFiltersInput) (*DescribeSubscriptionFiltersOutput, error) {
		g, err := d.s.Group(place(ctx), *in.LogGroupName)
		if err != nil {
			return nil, translate(err)
		}
		all := []SubscriptionFilter{}
		for _, f := range g.Subscriptions {
			if !strings.HasPrefix(f.Name, value(in.FilterNamePrefix)) {
				continue
			}
			s := SubscriptionFilter{FilterName: &f.Name, LogGroupName: &g.Name, FilterPattern: &f.Pattern, DestinationArn: &f.Destination,
				RoleArn: protocol.Optional(f.Role), Distribution: protocol.Optional(f.Distribution), CreationTime: &f.Created, ApplyOnTransformedLogs: new(false)}
			if s.Distribution == nil {
				s.Distribution = new("ByLogStream")
			}
			all = append(all, s)
		}
		var out DescribeSubscriptionFiltersOutput
		out.SubscriptionFilters, out.NextToken, err = page(all, in.NextToken, in.Limit, 50)
		return answer(&out, err)
	}
}

func (d *door) describeMetricFilters(ctx context.Context, in *DescribeMetricFiltersInput) (*DescribeMetricFiltersOutput, error) {
	if in.LogGroupName != nil {
		if _, err := d.s.Group(place(ctx), *in.LogGroupName); err != nil {
			return nil, translate(err)
		}
	}
	var all []MetricFilter
	for _, g := range d.s.Groups(place(ctx), func(g *logs.Group) bool { return in.LogGroupName == nil || g.Name == *in.LogGroupName }) {
		for _, f := range g.Metrics {
			if strings.HasPrefix(f.Name, value(in.FilterNamePrefix)) && makes(&f, value(in.MetricNamespace), value(in.MetricName)) {
				all = append(all, MetricFilter{FilterName: &f.Name, FilterPattern: &f.Pattern, CreationTime: &f.Created, LogGroupName: &g.Name,
					ApplyOnTransformedLogs: new(false), MetricTransformations: collect(f.Transformations, func(t *logs.Transformation) MetricTransformation {
						return MetricTransformation{MetricName: &t.Metric, MetricNamespace: &t.Namespace, MetricValue: &t.Value, DefaultValue: t.Default,
							Unit: protocol.Optional(t.Unit), Dimensions: t.Dimensions}
					})})
			}
		}
	}
	var out DescribeMetricFiltersOutput
	var err error
	out.MetricFilters, out.NextToken, err = page(all, in.NextToken, in.Limit, 50)
	return answer(&out, err)
}

// makes reports whether a filter feeds the metric; empty names mean any.
func makes(f *logs.MetricFilter, namespace, metric string) bool {
	for _, t := range f.Transformations {
		if (namespace == "" || namespace == t.Namespace) && (metric == "" || metric == t.Metric) {
			return true
		}
	}
	return namespace == "" && metric == ""
}
