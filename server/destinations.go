package server

import (
	"bytes"
	"context"
	"strings"

	"anthill/buckets"
	"anthill/functions"
)

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
