package lab

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"time"

	"anthill/fault"
)

func (x *experiment) skip(factor, level string, err error) {
	why := err.Error()
	if f := fault.Of(err); f.Detail != "" {
		why = f.Detail
	}
	if x.skipped == nil {
		x.skipped = map[string][]string{}
	}
	x.skipped[why] = append(x.skipped[why], factor+" "+level)
}

// copy makes a function like the one under test but for code and change.
func (x *experiment) copy(ctx context.Context, code []byte, change map[string]any) (name string, err error) {
	name = fmt.Sprintf("anthill-experiment-%x-%d", time.Now().UnixNano()&0xffffff, len(x.made))
	in := map[string]any{"FunctionName": name, "Runtime": x.own.Runtime, "Role": x.own.Role, "Handler": x.own.Handler, "MemorySize": x.own.MemorySize, "Timeout": x.own.Timeout,
		"Environment": map[string]any{"Variables": x.own.Environment.Variables}, "Code": map[string]any{"ZipFile": base64.StdEncoding.EncodeToString(code)}}
	if x.own.Environment.Variables == nil {
		delete(in, "Environment")
	}
	var layers []string
	for _, l := range x.own.Layers {
		layers = append(layers, l.Arn)
	}
	if layers != nil {
		in["Layers"] = layers
	}
	for k, v := range change {
		in[k] = v
	}
	if err := x.s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions", "", in, nil); err != nil {
		return "", err
	}
	x.made = append(x.made, name)
	return name, x.s.waitActive(ctx, name)
}

func (x *experiment) publish(ctx context.Context, name string) (string, error) {
	var v struct{ Version string }
	if err := x.s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions/"+name+"/versions", "", map[string]any{}, &v); err != nil {
		return "", err
	}
	return v.Version, x.s.waitActive(ctx, name+":"+v.Version)
}

// provision asks for provisioned concurrency and waits until it is there.
func (s *session) provision(ctx context.Context, function, qualifier string, n int) error {
	path := "/2019-09-30/functions/" + function + "/provisioned-concurrency?Qualifier=" + qualifier
	var c struct{ Status, StatusReason string }
	if err := s.aws.call(ctx, "lambda", "PUT", path, "", map[string]int{"ProvisionedConcurrentExecutions": n}, &c); err != nil {
		return err
	}
	for deadline := time.Now().Add(3 * time.Minute); c.Status != "READY"; {
		if c.Status == "FAILED" || time.Now().After(deadline) {
			return fault.Invalidf("lab.ColdStarts", "provisioned concurrency", "it did not become ready: %s %s", c.Status, c.StatusReason)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		if err := s.aws.call(ctx, "lambda", "GET", path, "", nil, &c); err != nil {
			return err
		}
	}
	return nil
}

// clean deletes the copies.
func (x *experiment) clean(ctx context.Context) error {
	var first error
	for _, name := range x.made {
		if err := x.s.aws.call(ctx, "lambda", "DELETE", "/2015-03-31/functions/"+name, "", nil, nil); first == nil {
			first = err
		}
	}
	return first
}

// padded adds a file to a zip archive that brings it to some size. Its bytes are random, so that nobody can make them smaller.
func padded(code []byte, size int) ([]byte, error) {
	const op = "lab.ColdStarts"
	if len(code) >= size {
		return nil, fault.Invalidf(op, "package size", "the function's own package is larger: %.1f MB", float64(len(code))/1e6)
	}
	in, err := zip.NewReader(bytes.NewReader(code), int64(len(code)))
	if err != nil {
		return nil, fault.In(op, err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range in.File {
		if err := w.Copy(f); err != nil {
			return nil, fault.In(op, err)
		}
	}
	pad, err := w.CreateHeader(&zip.FileHeader{Name: "anthill-experiment-padding.bin", Method: zip.Store})
	if err == nil {
		_, err = io.CopyN(pad, rand.Reader, int64(size-len(code)))
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), fault.In(op, err)
}

// mostCode bounds a function's package, in bytes.
const mostCode = 300 << 20

// download reads a package from the address that GetFunction gave.
func (c *client) download(ctx context.Context, location string) ([]byte, error) {
	const op = "lab.download"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, fault.In(op, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fault.In(op, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, mostCode))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fault.Invalidf(op, "package", "the function's code cannot be read: HTTP %d", resp.StatusCode)
	}
	return b, fault.In(op, err)
}
