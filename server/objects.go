package server

import (
	"context"
	"io"

	"anthill/buckets"
	"anthill/workflows"
)

// objects is the buckets as distributed Maps use them.
type objects struct{ of *buckets.Service }

func (o objects) Get(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	_, r, err := o.of.Get(ctx, bucket, key)
	return r, err
}

func (o objects) List(ctx context.Context, bucket, prefix, after string) ([]workflows.StoredObject, error) {
	page, err := o.of.List(ctx, bucket, buckets.Listing{Prefix: prefix, After: after, Max: 1000})
	if err != nil {
		return nil, err
	}
	out := make([]workflows.StoredObject, len(page.Objects))
	for i, x := range page.Objects {
		out[i] = workflows.StoredObject{Key: x.Key, ETag: x.ETag, Size: x.Size, Modified: x.Modified}
	}
	return out, nil
}

func (o objects) Put(ctx context.Context, bucket, key, contentType string, r io.Reader) error {
	_, err := o.of.Put(ctx, bucket, key, r, buckets.Putting{Properties: buckets.Properties{ContentType: contentType}})
	return err
}
