package workflows

import (
	"context"
	"io"
	"time"

	"anthill/asl/failure"
	"anthill/fault"
)

// Objects is what distributed Maps need of object storage. Faults of kind NotFound name a "bucket" or an "object".
type Objects interface {
	// Get gives the bytes of an object. The caller closes them.
	Get(ctx context.Context, bucket, key string) (io.ReadCloser, error)
	// List gives a page of objects whose keys begin with prefix and follow after, in the order of their keys; an empty page is the last.
	List(ctx context.Context, bucket, prefix, after string) ([]StoredObject, error)
	// Put writes an object.
	Put(ctx context.Context, bucket, key, contentType string, r io.Reader) error
}

// StoredObject is an object as listings show it.
type StoredObject struct {
	Key      string
	ETag     string // without quotes
	Size     int64
	Modified time.Time
}

// objectFault is the failure of a call to object storage in the words of the AWS SDK for Java.
func objectFault(name, requestID string, err error) *failure.Failure {
	f := fault.Of(err)
	switch {
	case f.Kind == fault.NotFound && f.Noun == "bucket":
		return failure.New(name, "The specified bucket does not exist (Service: S3, Status Code: 404, Request ID: %s)", requestID)
	case f.Kind == fault.NotFound:
		return failure.New(name, "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: %s)", requestID)
	}
	return failure.New(name, "%v", err)
}
