package workflows_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"anthill/buckets"
	"anthill/sandbox/sandboxtest"
	"anthill/value"
	"anthill/workflows"
)

// objects is the buckets as the platform gives them to workflows.
type objects struct{ of *buckets.Service }

func (o objects) Get(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	_, r, err := o.of.Get(ctx, bucket, key)
	return r, err
}

func (o objects) List(ctx context.Context, bucket, prefix, after string) ([]workflows.StoredObject, error) {
	page, err := o.of.List(ctx, bucket, buckets.Listing{Prefix: prefix, After: after, Max: 2}) // small pages
	if err != nil {
		return nil, err
	}
	var out []workflows.StoredObject
	for _, x := range page.Objects {
		out = append(out, workflows.StoredObject{Key: x.Key, ETag: x.ETag, Size: x.Size, Modified: x.Modified})
	}
	return out, nil
}

func (o objects) Put(ctx context.Context, bucket, key, contentType string, r io.Reader) error {
	_, err := o.of.Put(ctx, bucket, key, r, buckets.Putting{Properties: buckets.Properties{ContentType: contentType}})
	return err
}

func (h *house) bucket(name string, files map[string]string) {
	h.t.Helper()
	_, err := h.buckets.Create(buckets.Bucket{Name: name, Account: home.Account, Region: home.Region})
	h.check(err)
	for key, text := range files {
		h.check(objects{h.buckets}.Put(h.t.Context(), name, key, "text/plain", strings.NewReader(text)))
	}
}

func (h *house) object(bucket, key string) string {
	h.t.Helper()
	r, err := objects{h.buckets}.Get(h.t.Context(), bucket, key)
	h.check(err)
	defer r.Close()
	b, err := io.ReadAll(r)
	h.check(err)
	return string(b)
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

// distributed is a machine of one distributed Map with the given fields, whose children give their input back.
func distributed(fields string) string {
	return `{"StartAt":"M","States":{"M":{"Type":"Map",` + fields + `,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
		"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}}`
}

// TestItemReaders holds where items may come from (Developer Guide, "ItemReader").
func TestItemReaders(t *testing.T) {
	read := func(action, parameters, config string) string {
		return `"ItemReader":{"Resource":"arn:aws:states:::s3:` + action + `","Parameters":` + parameters + `,"ReaderConfig":` + config + `}`
	}
	key := func(k string) string { return `{"Bucket":"data","Key":"` + k + `"}` }
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		h.bucket("data", map[string]string{
			"a.json": `[1,2,3]`, "object.json": `{"rows":[{"id":1},{"id":2}]}`, "rows.csv": "id,name\n1,one\n2,two\n3,three\n", "lines.jsonl": "{\"a\":1}\n{\"a\":2}\n",
			"parts/": "", "parts/1.csv": "id\n1\n2\n", "parts/2.csv": gzipped("id\n3\n"), "bad.json": `[1,`,
			"inventory/manifest.json": `{"sourceBucket":"x","destinationBucket":"arn:aws:s3:::data","fileFormat":"CSV","fileSchema":"Bucket, Key, Size","files":[{"key":"inventory/1.csv.gz","size":1}]}`,
			"inventory/1.csv.gz":      gzipped("\"b\",\"k1\",\"7\"\n\"b\",\"k2\",\"8\"\n"),
			"athena.csv":              "s3://data/parts/1.csv\n\"s3://data/parts/2.csv\"\n",
		})
		for _, c := range []struct{ name, fields, want string }{
			{"JSON", read("getObject", key("a.json"), `{"InputType":"JSON"}`), `[1,2,3]`},
			{"ItemsPointer", read("getObject", key("object.json"), `{"InputType":"JSON","ItemsPointer":"/rows"}`), `[{"id":1},{"id":2}]`},
			{"ItemsPath into what is read", `"ItemsPath":"$.rows",` + read("getObject", key("object.json"), `{"InputType":"JSON"}`), `[{"id":1},{"id":2}]`},
			{"an object", read("getObject", key("object.json"), `{"InputType":"JSON"}`), "States.ItemReaderFailed"},
			{"CSV", read("getObject", key("rows.csv"), `{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW","MaxItems":2}`), `[{"name":"one","id":"1"},{"name":"two","id":"2"}]`},
			{"MaxItemsPath", read("getObject", key("rows.csv"), `{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW","MaxItemsPath":"$.one"}`), `[{"name":"one","id":"1"}]`},
			{"a negative MaxItemsPath", read("getObject", key("rows.csv"), `{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW","MaxItemsPath":"$.less"}`), "States.ItemReaderFailed"},
			{"JSON lines", read("getObject", key("lines.jsonl"), `{"InputType":"JSONL"}`), `[{"a":1},{"a":2}]`},
			{"a list", `"ItemSelector":{"k.$":"$$.Map.Item.Value.Key","s.$":"$$.Map.Item.Value.Size","from.$":"$$.Map.Item.Source"},` + read("listObjectsV2", `{"Bucket":"data","Prefix":"parts/"}`, `{"MaxItems":2}`),
				`[{"k":"parts/","s":0,"from":"S3://data"},{"k":"parts/1.csv","s":7,"from":"S3://data"}]`},
			{"a list that is loaded", `"ItemSelector":{"v.$":"$$.Map.Item.Value.id","from.$":"$$.Map.Item.Source"},` +
				read("listObjectsV2", `{"Bucket":"data","Prefix":"parts/"}`, `{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW","Transformation":"LOAD_AND_FLATTEN"}`),
				`[{"v":"1","from":"S3://data/parts/1.csv"},{"v":"2","from":"S3://data/parts/1.csv"},{"v":"3","from":"S3://data/parts/2.csv"}]`},
			{"an inventory", read("getObject", key("inventory/manifest.json"), `{"InputType":"MANIFEST"}`), `[{"Bucket":"b","Size":"7","Key":"k1"},{"Bucket":"b","Size":"8","Key":"k2"}]`},
			{"a manifest of Athena", read("getObject", key("athena.csv"), `{"ManifestType":"ATHENA_DATA","InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}`), `[{"id":"1"},{"id":"2"},{"id":"3"}]`},
			{"batches", `"ItemBatcher":{"MaxItemsPerBatch":2,"BatchInput":{"x":1}},` + read("getObject", key("a.json"), `{"InputType":"JSON"}`),
				`[{"BatchInput":{"x":1},"Items":[1,2]},{"BatchInput":{"x":1},"Items":[3]}]`},
			{"no object", read("getObject", key("missing"), `{"InputType":"JSON"}`), "States.ItemReaderFailed"},
			{"no bucket", read("listObjectsV2", `{"Bucket":"nobody"}`, `{}`), "States.ItemReaderFailed"},
			{"no JSON", read("getObject", key("bad.json"), `{"InputType":"JSON"}`), "States.ItemReaderFailed"},
			{"a parameter without effect", read("getObject", `{"Bucket":"data","Key":"a.json","ExpectedBucketOwner":"1"}`, `{"InputType":"JSON"}`), "States.ItemReaderFailed"},
			{"in JSONata", `"QueryLanguage":"JSONata","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Arguments":{"Bucket":"data","Key":"{% 'a' & '.json' %}"},
				"ReaderConfig":{"InputType":"JSON","MaxItems":"{% $states.input.one %}"}}`, `[1]`},
		} {
			e := h.start(h.machine(strings.ReplaceAll(c.name, " ", "-"), distributed(c.fields)), "", `{"one":1,"less":-1}`)
			synctest.Wait()
			r, err := h.Describe(e.ARN)
			h.check(err)
			if got := r.Output.String() + r.Error; got != c.want {
				t.Errorf("%s: %s %s, want %s", c.name, got, r.Cause, c.want)
			}
		}
	})
}

// TestResultWriter holds what is written of a map run's results (Developer Guide, "ResultWriter").
func TestResultWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer func() { h.close() }()
		h.bucket("out", nil)
		writer := func(fields string) string {
			return `"ItemsPath":"$","ToleratedFailureCount":1,"ResultWriter":{` + fields + `},"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"C","States":{
				"C":{"Type":"Choice","Choices":[{"Variable":"$","IsNumeric":true,"Next":"F"}],"Default":"P"},"F":{"Type":"Fail","Error":"Bad","Cause":"a number"},"P":{"Type":"Pass","End":true}}}`
		}
		machine := func(fields string) string {
			return `{"StartAt":"M","States":{"M":{"Type":"Map",` + writer(fields) + `,"End":true}}}`
		}
		put := `"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"out","Prefix":"jobs"}`
		run := func(name, fields string) *workflows.Result {
			e := h.start(h.machine(name, machine(fields)), "", `[["a","b"],1,["c"]]`)
			synctest.Wait()
			r, err := h.Describe(e.ARN)
			h.check(err)
			return r
		}

		r := run("whole", put)
		id := r.Output.Get("MapRunArn").Text()
		id = id[strings.LastIndex(id, ":")+1:]
		if got := r.Output.Get("ResultWriterDetails").String(); got != `{"Bucket":"out","Key":"jobs/`+id+`/manifest.json"}` {
			t.Fatalf("%s %s %s", got, r.Error, r.Cause)
		}
		done, failed := h.object("out", "jobs/"+id+"/SUCCEEDED_0.json"), h.object("out", "jobs/"+id+"/FAILED_0.json")
		if got, want := h.object("out", "jobs/"+id+"/manifest.json"), fmt.Sprintf(`{"DestinationBucket":"out","MapRunArn":%q,"ResultFiles":{"FAILED":[{"Key":"jobs/%s/FAILED_0.json","Size":%d}],"PENDING":[],"SUCCEEDED":[{"Key":"jobs/%s/SUCCEEDED_0.json","Size":%d}]}}`,
			r.Output.Get("MapRunArn").Text(), id, len(failed), id, len(done)); got != want {
			t.Errorf("manifest %s, want %s", got, want)
		}
		first := value.MustParse(done).Index(0)
		for field, want := range map[string]string{"Input": `["a","b"]`, "Output": `["a","b"]`, "Status": "SUCCEEDED", "RedriveStatus": "NOT_REDRIVABLE"} {
			if got := first.Get(field).Text(); got != want {
				t.Errorf("%s of the first is %s, want %s", field, got, want)
			}
		}
		if f := value.MustParse(failed).Index(0); f.Get("Error").Text() != "Bad" || f.Get("Cause").Text() != "a number" || f.Get("Status").Text() != "FAILED" || !f.Get("Output").IsAbsent() {
			t.Errorf("the one that failed is %s", f)
		}
		if d, err := h.MapRun(r.Output.Get("MapRunArn").Text()); err != nil || d.Items.ResultsWritten != 3 || d.Executions.ResultsWritten != 3 {
			t.Errorf("map run %+v %v", d, err)
		}

		r = run("lines", put+`,"WriterConfig":{"OutputType":"JSONL","Transformation":"FLATTEN"}`)
		id = r.Output.Get("MapRunArn").Text()
		if got := h.object("out", "jobs/"+id[strings.LastIndex(id, ":")+1:]+"/SUCCEEDED_0.jsonl"); got != "\"a\"\n\"b\"\n\"c\"\n" {
			t.Errorf("lines %q", got)
		}
		if r = run("flat", `"WriterConfig":{"OutputType":"JSON","Transformation":"FLATTEN"}`); r.Output.Len() != 4 || r.Output.Index(2).Get("Error").Text() != "Bad" || r.Output.Index(3).Text() != "c" {
			t.Errorf("flat %s %s", r.Output, r.Error)
		}
		if r = run("nowhere", strings.Replace(put, `"out"`, `"nobody"`, 1)); r.Error != "States.ResultWriterFailed" {
			t.Errorf("nowhere: %s %s", r.Error, r.Cause)
		}
	})
}

// Express children that have succeeded are not run again when their map run is redriven.
func TestRedriveOfExpressChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{runs: map[string]int{}}
		var mended atomic.Bool
		odd := func(ctx context.Context, event []byte) ([]byte, error) {
			l.mu.Lock()
			l.runs[string(event)]++
			l.mu.Unlock()
			if string(event) == "2" && !mended.Load() {
				return nil, errors.New("broken")
			}
			return event, nil
		}
		h := newHouse(t, map[string]sandboxtest.Func{"odd": odd})
		defer func() { h.close() }()
		h.bucket("data", map[string]string{"a.json": `[1,2,3]`})
		e := h.start(h.machine("m", `{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":1,"ToleratedFailureCount":0,
			"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"data","Key":"a.json"},"ReaderConfig":{"InputType":"JSON"}},
			"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"T","States":{
			"T":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:odd","End":true}}},"End":true}}}`), "", `{}`)
		time.Sleep(10 * time.Second)
		h.wantEnd(e.ARN, "FAILED", "States.ExceedToleratedFailureThreshold")
		mended.Store(true)
		h.kill(false)
		_, err := h.Redrive(t.Context(), e.ARN, "")
		h.check(err)
		time.Sleep(10 * time.Second)
		h.wantEnd(e.ARN, "SUCCEEDED", "[1,2,3]")
		l.want(t, map[string]int{"1": 1, "2": 2, "3": 1})
	})
}
