package workflows

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"anthill/arn"
	"anthill/asl/failure"
	"anthill/asl/interp"
	"anthill/uuid"
	"anthill/value"
)

// longestObject bounds what an ItemReader takes of one object: a data set is held in memory while its map run goes on.
const longestObject = 1 << 30

// itemList is what a distributed Map goes over.
type itemList struct {
	all     value.Value // what ItemsPath may choose from; an array unless the data was none
	source  string      // where all items are from; "" for the state's input
	sources []string    // one an item, when they are from several objects
}

// sourceOf is where item i is from, as the context object shows it (Developer Guide, "Context object", Map.Item.Source).
func (l *itemList) sourceOf(i int) string {
	if i < len(l.sources) {
		return l.sources[i]
	}
	return l.source
}

// reader reads the items of one map run from objects (Developer Guide, "ItemReader").
type reader struct {
	Objects
	id     string // of its requests, in messages
	args   value.Value
	config value.Value
	most   int64 // items; 0 for all
	bucket string
}

// readItems reads the items of e from where its ItemReader says. The error is a *failure.Failure.
func (s *Service) readItems(ctx context.Context, e *interp.RunMap) (*itemList, error) {
	spec := e.State.Map.Reader
	if e.MaxItems < 0 {
		return nil, unreadable("field MaxItems must be positive")
	}
	if s.c.Objects == nil {
		return nil, unreadable("This platform has no object storage: nothing can be read by %s", spec.Resource.ARN)
	}
	r := &reader{Objects: s.c.Objects, id: uuid.New(), args: e.Reader, config: spec.Config, most: e.MaxItems, bucket: e.Reader.Get("Bucket").Text()}
	if r.bucket == "" {
		return nil, unreadable("The ItemReader's Bucket must be a string that is not empty")
	}
	if spec.Resource.Action == "listObjectsV2" {
		return r.listed(ctx)
	}
	return r.stored(ctx)
}

func unreadable(format string, args ...any) error {
	return failure.New(failure.ItemReaderFailed, format, args...)
}

// only refuses parameters that would have no effect here.
func (r *reader) only(names ...string) error {
	for name := range r.args.Members() {
		if !slices.Contains(names, name) {
			return unreadable("The ItemReader's parameter %s is not supported by this platform", name)
		}
	}
	return nil
}

// listed reads the list of a bucket's objects, or with LOAD_AND_FLATTEN what is in them.
func (r *reader) listed(ctx context.Context) (*itemList, error) {
	if err := r.only("Bucket", "Prefix", "StartAfter"); err != nil {
		return nil, err
	}
	load := r.config.Get("Transformation").Text() == "LOAD_AND_FLATTEN"
	out := &itemList{source: "S3://" + r.bucket}
	var items []value.Value
	after := r.args.Get("StartAfter").Text()
	for {
		page, err := r.List(ctx, r.bucket, r.args.Get("Prefix").Text(), after)
		if err != nil {
			return nil, objectFault(failure.ItemReaderFailed, r.id, err)
		}
		for _, o := range page {
			after = o.Key
			switch {
			case load && strings.HasSuffix(o.Key, "/") && o.Size == 0: // a folder as consoles make them
			case load:
				if items, err = r.load(ctx, out, items, r.bucket, o.Key, r.config); err != nil {
					return nil, err
				}
			default:
				items = append(items, listedItem(o))
			}
			if r.full(items) {
				return r.cut(out, items), nil
			}
		}
		if len(page) == 0 {
			return r.cut(out, items), nil
		}
	}
}

func (r *reader) full(items []value.Value) bool { return r.most > 0 && int64(len(items)) >= r.most }

// cut makes items the items of out, as many as there may be.
func (r *reader) cut(out *itemList, items []value.Value) *itemList {
	if r.full(items) {
		items = items[:r.most]
	}
	out.all = value.OfArray(items...)
	return out
}

// listedItem is an object of a listing as an item.
func listedItem(o StoredObject) value.Value {
	return value.OfObject(
		value.Member{Key: "Etag", Value: value.OfString(`"` + o.ETag + `"`)},
		value.Member{Key: "Key", Value: value.OfString(o.Key)},
		value.Member{Key: "LastModified", Value: value.OfInt(o.Modified.Unix())},
		value.Member{Key: "Size", Value: value.OfInt(o.Size)},
		value.Member{Key: "StorageClass", Value: value.OfString("STANDARD")})
}

// load appends the items that an object holds.
func (r *reader) load(ctx context.Context, out *itemList, items []value.Value, bucket, key string, config value.Value) ([]value.Value, error) {
	data, err := r.text(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	read, err := interp.ReadItems(config, data)
	if err != nil {
		return nil, err
	}
	source := "S3://" + bucket + "/" + key
	for _, item := range read.Items() {
		items = append(items, item)
		out.sources = append(out.sources, source)
		if r.full(items) {
			break
		}
	}
	return items, nil
}

// stored reads one object: a data set, or a manifest that names the objects that make it up.
func (r *reader) stored(ctx context.Context) (*itemList, error) {
	if err := r.only("Bucket", "Key", "VersionId"); err != nil {
		return nil, err
	}
	if v := r.args.Get("VersionId"); !v.IsAbsent() && !v.IsNull() && v.Text() != "null" {
		return nil, unreadable("The specified version does not exist: buckets of this platform keep no versions")
	}
	key := r.args.Get("Key").Text()
	if key == "" {
		return nil, unreadable("The ItemReader's Key must be a string that is not empty")
	}
	data, err := r.text(ctx, r.bucket, key)
	if err != nil {
		return nil, err
	}
	out := &itemList{source: "S3://" + r.bucket + "/" + key}
	switch kind := r.config.Get("ManifestType").Text(); {
	case kind == "ATHENA_DATA":
		return r.athena(ctx, out, data)
	case kind == "S3_INVENTORY", r.config.Get("InputType").Text() == "MANIFEST":
		return r.inventory(ctx, out, data)
	}
	if kind := r.config.Get("InputType").Text(); kind != "CSV" && kind != "JSONL" && r.config.Get("ItemsPointer").IsAbsent() && !strings.HasPrefix(strings.TrimLeft(data, " \t\r\n"), "[") {
		if v, err := value.Parse(data); err == nil { // of an object, ItemsPath must choose
			out.all = v
			return out, nil
		}
	}
	read, err := interp.ReadItems(r.config, data)
	if err != nil {
		return nil, err
	}
	return r.cut(out, read.Slice()), nil
}

// inventory reads the objects of an S3 Inventory, which its manifest.json names (S3 user guide, "Locating your inventory list").
func (r *reader) inventory(ctx context.Context, out *itemList, manifest string) (*itemList, error) {
	m, err := value.Parse(manifest)
	if err != nil || m.Get("files").Kind() != value.Array {
		return nil, unreadable("The object is not the manifest of an Amazon S3 inventory")
	}
	if format := m.Get("fileFormat").Text(); format != "CSV" {
		return nil, unreadable("Inventories of the format %s are not supported: only CSV is", format)
	}
	var headers []value.Value
	for name := range strings.SplitSeq(m.Get("fileSchema").Text(), ",") {
		headers = append(headers, value.OfString(strings.TrimSpace(name)))
	}
	config := value.OfObject(value.Member{Key: "InputType", Value: value.OfString("CSV")},
		value.Member{Key: "CSVHeaderLocation", Value: value.OfString("GIVEN")}, value.Member{Key: "CSVHeaders", Value: value.OfArray(headers...)})
	bucket := r.bucket
	if a, err := arn.Parse(m.Get("destinationBucket").Text()); err == nil {
		bucket = a.Resource
	}
	var items []value.Value
	for _, f := range m.Get("files").Items() {
		if items, err = r.load(ctx, out, items, bucket, f.Get("key").Text(), config); err != nil {
			return nil, err
		}
		if r.full(items) {
			break
		}
	}
	return r.cut(out, items), nil
}

// athena reads the objects that a data manifest of Athena names: one URI a line (Athena user guide, "Manifest files").
func (r *reader) athena(ctx context.Context, out *itemList, manifest string) (*itemList, error) {
	var items []value.Value
	for line := range strings.Lines(manifest) {
		uri := strings.Trim(strings.TrimSpace(line), `"`)
		if uri == "" {
			continue
		}
		where, ok := strings.CutPrefix(uri, "s3://")
		bucket, key, found := strings.Cut(where, "/")
		if !ok || !found {
			return nil, unreadable("The manifest's line %q is not the URI of an Amazon S3 object", uri)
		}
		var err error
		if items, err = r.load(ctx, out, items, bucket, key, r.config); err != nil {
			return nil, err
		}
		if r.full(items) {
			break
		}
	}
	return r.cut(out, items), nil
}

// text is what an object holds, unpacked when it is a gzip file.
func (r *reader) text(ctx context.Context, bucket, key string) (string, error) {
	in, err := r.Get(ctx, bucket, key)
	if err != nil {
		return "", objectFault(failure.ItemReaderFailed, r.id, err)
	}
	defer in.Close()
	from := bufio.NewReader(in)
	var src io.Reader = from
	if magic, _ := from.Peek(2); string(magic) == "\x1f\x8b" {
		if src, err = gzip.NewReader(from); err != nil {
			return "", unreadable("s3://%s/%s cannot be unpacked: %v", bucket, key, err)
		}
	}
	b, err := io.ReadAll(io.LimitReader(src, longestObject+1))
	switch {
	case err != nil:
		return "", unreadable("s3://%s/%s cannot be read: %v", bucket, key, err)
	case len(b) > longestObject:
		return "", unreadable("s3://%s/%s has more than %s", bucket, key, fmt.Sprintf("%d bytes, the most that this platform reads of one object", longestObject))
	}
	return string(b), nil
}
