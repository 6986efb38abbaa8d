package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"anthill/arn"
	"anthill/fault"
)

// MetricFilter is a metric filter as it was given. It is recorded: the platform keeps no metrics.
type MetricFilter struct {
	Name, Pattern   string
	Created         int64
	Transformations []Transformation
}

// Transformation says which metric a match becomes.
type Transformation struct {
	Namespace, Metric, Value string
	Default                  *float64
	Unit                     string
	Dimensions               map[string]string
}

// Subscription sends the events that match to a function.
type Subscription struct {
	Name, Pattern string
	Destination   string // ARN of a function
	Role          string
	Distribution  string
	Created       int64
}

// PutMetric records a metric filter, in the place of one of the same name.
func (s *Service) PutMetric(p Place, group string, f MetricFilter) error {
	return s.Update(p, group, func(g *Group) error {
		f.Created = s.millis()
		i, found := slices.BinarySearchFunc(g.Metrics, f.Name, func(m MetricFilter, name string) int { return strings.Compare(m.Name, name) })
		if found {
			g.Metrics[i] = f
		} else {
			g.Metrics = slices.Insert(g.Metrics, i, f)
		}
		return nil
	})
}

// DeleteMetric forgets a metric filter.
func (s *Service) DeleteMetric(p Place, group, name string) error {
	return s.Update(p, group, func(g *Group) error {
		n := len(g.Metrics)
		if g.Metrics = slices.DeleteFunc(g.Metrics, func(m MetricFilter) bool { return m.Name == name }); len(g.Metrics) == n {
			return missing("logs.DeleteMetric", "metric filter", name)
		}
		return nil
	})
}

// maxSubscriptions is how many subscriptions AWS allows a group.
const maxSubscriptions = 2

// Subscribe makes or changes a subscription. Its destination must be a function of the group's account.
func (s *Service) Subscribe(p Place, group string, f Subscription) error {
	const op = "logs.Subscribe"
	if err := s.checkDestination(op, p, f); err != nil {
		return err
	}
	if _, err := ParsePattern(f.Pattern); err != nil {
		return err
	}
	return s.Update(p, group, func(g *Group) error {
		f.Created = s.millis()
		i := slices.IndexFunc(g.Subscriptions, func(o Subscription) bool { return o.Name == f.Name })
		switch {
		case i >= 0:
			f.Created = g.Subscriptions[i].Created
			g.Subscriptions[i] = f
		case len(g.Subscriptions) >= maxSubscriptions:
			return &fault.Error{Kind: fault.Full, Op: op, Noun: "subscription", Name: f.Name, Detail: "Resource limit exceeded."}
		default:
			g.Subscriptions = append(g.Subscriptions, f)
		}
		return nil
	})
}

func (s *Service) checkDestination(op string, p Place, f Subscription) error {
	a, err := arn.Parse(f.Destination)
	switch {
	case err != nil:
		return invalid(op, "destinationArn is not a valid ARN")
	case a.Service == "lambda" && a.Account != p.Account:
		return &fault.Error{Kind: fault.Denied, Op: op, Noun: "function", Name: f.Destination,
			Detail: "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross account lambda triggers."}
	case a.Service == "lambda" && s.c.Deliver != nil:
		return nil
	case a.Service != "lambda" && f.Role == "":
		return invalid(op, "destinationArn for vendor "+a.Service+" cannot be used without roleArn")
	}
	return &fault.Error{Kind: fault.Unsupported, Op: op, Noun: "subscription", Name: f.Name,
		Detail: "Anthill delivers subscriptions to Lambda functions only; this one goes to " + f.Destination}
}

// Unsubscribe forgets a subscription.
func (s *Service) Unsubscribe(p Place, group, name string) error {
	return s.Update(p, group, func(g *Group) error {
		n := len(g.Subscriptions)
		if g.Subscriptions = slices.DeleteFunc(g.Subscriptions, func(o Subscription) bool { return o.Name == name }); len(g.Subscriptions) == n {
			return missing("logs.Unsubscribe", "subscription filter", name)
		}
		return nil
	})
}

// delivery is a batch on its way to a subscriber.
type delivery struct {
	place         Place
	group, stream string
	to            Subscription
	events        []Event
}

// subscribedLocked queues what subscriptions want of a batch. A queue that is full loses the batch, as AWS does after
// its retries.
func (s *Service) subscribedLocked(st *stream, batch []Event) {
	for _, f := range st.group.Subscriptions {
		select {
		case s.deliver <- delivery{st.Place, st.streamDoc.Group, st.Name, f, batch}:
		default:
			s.mu.lost += len(batch)
		}
	}
}

// deliverAll hands batches to functions until ctx ends.
func (s *Service) deliverAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-s.deliver:
			payload, err := d.payload()
			if err == nil && payload != nil {
				err = s.c.Deliver(ctx, d.place.Account, d.place.Region, d.to.Destination, payload)
			}
			if err != nil && ctx.Err() == nil {
				s.c.Log.Warn("a subscription could not be delivered", "group", d.group, "filter", d.to.Name, "err", err)
			}
		}
	}
}

// payload is the event that a function gets, "Using CloudWatch Logs subscription filters" in the CloudWatch Logs User
// Guide: gzipped JSON in base64. It is nil when nothing matches.
func (d *delivery) payload() ([]byte, error) {
	match, err := ParsePattern(d.to.Pattern)
	if err != nil {
		return nil, err
	}
	type event struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	message := struct {
		MessageType         string   `json:"messageType"`
		Owner               string   `json:"owner"`
		LogGroup            string   `json:"logGroup"`
		LogStream           string   `json:"logStream"`
		SubscriptionFilters []string `json:"subscriptionFilters"`
		LogEvents           []event  `json:"logEvents"`
	}{"DATA_MESSAGE", d.place.Account, d.group, d.stream, []string{d.to.Name}, nil}
	for _, e := range d.events {
		if match(e.Text) {
			message.LogEvents = append(message.LogEvents, event{EventID(e.Time.UnixNano(), d.stream, e.Pos), e.Millis(), e.Text})
		}
	}
	if len(message.LogEvents) == 0 {
		return nil, nil
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if err := json.NewEncoder(w).Encode(message); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(z.Bytes())), nil
}

// EventID is an id of 56 digits, as CloudWatch gives its events.
func EventID(nanos int64, stream string, pos uint64) string {
	sum := uint32(2166136261)
	for i := range len(stream) {
		sum = (sum ^ uint32(stream[i])) * 16777619
	}
	return fmt.Sprintf("%026d%010d%020d", nanos, sum, pos)
}
