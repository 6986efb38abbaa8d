package server

import (
	"bytes"
	"context"
	"strings"

	"anthill/api/remote"
	"anthill/arn"
	"anthill/asl"
	"anthill/asl/interp"
	"anthill/buckets"
	"anthill/fault"
	"anthill/functions"
	"anthill/value"
	"anthill/workflows"
)

// destinations are where records of queued invocations go: buckets, and the services at endpoints that can take them.
func (h *house) destinations() map[string]functions.Destination {
	out := map[string]functions.Destination{"s3": records{h}}
	for service, send := range map[string]func(sender, functions.Delivery) error{
		"sqs": sender.queue, "sns": sender.publish, "events": sender.put} {
		if h.remote.Configured(service) {
			out[service] = endpoint{h.remote, send}
		}
	}
	return out
}

// endpoint is a service at an endpoint. Whether its resource exists shows when a record is sent there.
type endpoint struct {
	calls *remote.Caller
	send  func(sender, functions.Delivery) error
}

func (endpoint) Exists(string) bool { return true }

func (e endpoint) Deliver(ctx context.Context, d functions.Delivery) error {
	to, err := arn.Parse(d.To)
	if err != nil {
		return fault.In("server.Deliver", err)
	}
	s := sender{to: to}
	s.call = func(service, action string, arguments ...value.Member) (value.Value, error) {
		return e.ask(ctx, &workflows.Task{RunTask: &interp.RunTask{Arguments: value.OfObject(arguments...)}, RequestID: d.RequestID,
			Scope: workflows.Scope{Account: to.Account, Region: to.Region}}, service+":"+action)
	}
	return fault.In("server.Deliver", e.send(s, d))
}

// ask calls an operation of the service, as an aws-sdk task does. What the service says of a resource that does not exist is a fault
// of kind NotFound; whatever else goes wrong is one of kind Internal.
func (e endpoint) ask(ctx context.Context, t *workflows.Task, operation string) (value.Value, error) {
	const op = "server.ask"
	t.Resource, _ = asl.ParseResource("arn:aws:states:::aws-sdk:" + operation) // ours are well-formed
	out := e.calls.Do(ctx, t)
	f := out.Failure
	switch {
	case out.Left:
		return value.Value{}, &fault.Error{Kind: fault.Canceled, Op: op, Noun: "call", Name: operation, Err: ctx.Err()}
	case f == nil:
		return out.Output, nil
	case strings.Contains(f.Name, "NotFound"), strings.Contains(f.Name, "DoesNotExist"), strings.Contains(f.Name, "NonExistent"):
		return value.Value{}, &fault.Error{Kind: fault.NotFound, Op: op, Noun: "resource", Name: operation, Detail: f.Name + ": " + f.Cause}
	}
	return value.Value{}, &fault.Error{Kind: fault.Internal, Op: op, Noun: "service", Name: operation, Detail: f.Name + ": " + f.Cause}
}

// sender sends a record in the words of a service.
type sender struct {
	to   arn.ARN
	call func(service, action string, arguments ...value.Member) (value.Value, error)
}

func said(name, v string) value.Member { return value.Member{Key: name, Value: value.OfString(v)} }

// attributes are what goes with a dead letter (Lambda developer guide, "Adding a dead-letter queue", message attributes).
func attributes(d functions.Delivery) []value.Member {
	if !d.Letter {
		return nil
	}
	one := func(name, kind, v string) value.Member {
		return value.Member{Key: name, Value: value.OfObject(said("DataType", kind), said("StringValue", v))}
	}
	all := []value.Member{one("RequestID", "String", d.RequestID), one("ErrorCode", "Number", "200")}
	if d.Error != "" {
		all = append(all, one("ErrorMessage", "String", d.Error))
	}
	return []value.Member{{Key: "MessageAttributes", Value: value.OfObject(all...)}}
}

func (s sender) queue(d functions.Delivery) error {
	at, err := s.call("sqs", "getQueueUrl", said("QueueName", s.to.Resource), said("QueueOwnerAWSAccountId", s.to.Account))
	if err != nil {
		return err
	}
	_, err = s.call("sqs", "sendMessage", append(attributes(d), said("QueueUrl", at.Get("QueueUrl").Text()), said("MessageBody", string(d.Record)))...)
	return err
}

func (s sender) publish(d functions.Delivery) error {
	_, err := s.call("sns", "publish", append(attributes(d), said("TopicArn", d.To), said("Message", string(d.Record)))...)
	return err
}

// put sends an event (developer guide, "Capturing records of Lambda asynchronous invocations").
func (s sender) put(d functions.Delivery) error {
	how := "Failure"
	if d.Succeeded {
		how = "Success"
	}
	entry := value.OfObject(said("Source", "lambda"), said("DetailType", "Lambda Function Invocation Result - "+how), said("Detail", string(d.Record)),
		said("EventBusName", d.To), value.Member{Key: "Resources", Value: value.OfArray(value.OfString(d.To), value.OfString(d.Source))})
	out, err := s.call("eventbridge", "putEvents", value.Member{Key: "Entries", Value: value.OfArray(entry)})
	if n, _ := out.Get("FailedEntryCount").Int(); err == nil && n > 0 {
		return &fault.Error{Kind: fault.Internal, Noun: "event bus", Name: d.To, Detail: out.Compact().Text()}
	}
	return err
}

// records puts records of failed invocations into buckets (Lambda developer guide, "Capturing records of Lambda asynchronous
// invocations": S3 destinations).
type records struct{ h *house }

func bucketOf(arn string) string { return strings.TrimPrefix(arn, "arn:aws:s3:::") }

func (r records) Exists(arn string) bool {
	_, err := r.h.buckets.Bucket(bucketOf(arn))
	return err == nil
}

// Deliver puts a record under AWS's key. Its random part is the request's, so that a record that comes again is no second one.
func (r records) Deliver(ctx context.Context, d functions.Delivery) error {
	at := d.Accepted.UTC()
	key := "aws/lambda/async/" + d.Function.Name + at.Format("/2006/01/02/2006-01-02T15.04.05-") + d.RequestID
	_, err := r.h.buckets.Put(ctx, bucketOf(d.To), key, bytes.NewReader(d.Record), buckets.Putting{Properties: buckets.Properties{ContentType: "application/json"}})
	return err
}
