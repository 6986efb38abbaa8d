package lab

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"anthill/fault"
	"anthill/lab/iris"
)

// Model is what was trained and deployed.
type Model struct {
	Trained    json.RawMessage `json:"trained"` // what train.py printed
	Runtime    string          `json:"runtime"` // asked for
	Python     string          `json:"python"`  // that the platform runs
	Layers     []LayerSize     `json:"layers"`
	CodeZipped int             `json:"code_zipped_bytes"`
	URL        string          `json:"url"`
	Created    float64         `json:"created_s"` // from CreateFunction to Active
}

// LayerSize is one layer of the function.
type LayerSize struct {
	Name     string `json:"name"`
	Contents string `json:"contents"`
	Zipped   int64  `json:"zipped_bytes"`
	Unzipped int64  `json:"unzipped_bytes"`
}

// FirstRequest is the one request of step 2.
type FirstRequest struct {
	Curl    string   `json:"curl"`
	Status  int      `json:"status"`
	Body    string   `json:"body"`
	Took    float64  `json:"took_ms"`
	LogFile string   `json:"log_file,omitempty"`
	Missing string   `json:"missing,omitempty"` // why there is no log
	Log     []string `json:"log"`
}

const (
	role         = "arn:aws:iam::000000000000:role/LabRole"
	modelName    = "iris-model-lambda"
	sampleValues = `{"values": [[6.3, 3.3, 6.0, 2.5]]}`
)

// deployModel is step 1.
func (s *session) deployModel(ctx context.Context) error {
	maker, err := iris.NewMaker(ctx, s.Cache, s.say)
	if err != nil {
		return err
	}
	m := &s.result.Model
	m.Runtime = fmt.Sprintf("python3.%d", min(maker.Minor, 14))

	remote, err := s.probePython(ctx, m)
	if err != nil {
		return err
	}
	s.say("the platform runs functions on Python %s (%s)", remote.Python, remote.Machine)
	model, said, err := maker.Train(ctx, remote.Minor)
	if err != nil {
		return err
	}
	m.Trained = json.RawMessage(said)
	s.say("trained: %s", said)
	layers, err := maker.Layers(ctx, remote.Minor, remote.Machine)
	if err != nil {
		return err
	}
	arns, err := s.publishLayers(ctx, layers, m.Runtime)
	if err != nil {
		return err
	}
	code, err := iris.Deployment(iris.Files(model))
	if err != nil {
		return fault.In("lab.deployModel", err)
	}
	m.CodeZipped = len(code)
	began := time.Now()
	arn, err := s.createFunction(ctx, modelName, code, map[string]any{"Layers": arns, "MemorySize": 512, "Timeout": 30})
	if err != nil {
		return err
	}
	m.Created = time.Since(began).Seconds()
	s.say("created %s", arn)
	m.URL, err = s.createAPI(ctx, "iris-model-api", "predict", "default", arn)
	if err == nil {
		s.say("its API: %s", m.URL)
	}
	return err
}

// remotePython is what the platform's probe function said of itself.
type remotePython struct {
	Python  string `json:"python"`
	Minor   int    `json:"minor"`
	Machine string `json:"machine"`
}

// probePython asks a function of the platform which Python it runs on: the layers have to fit that one.
func (s *session) probePython(ctx context.Context, m *Model) (r remotePython, err error) {
	source, err := courseFile("version_probe.py")
	if err != nil {
		return r, err
	}
	code, err := iris.Deployment(map[string][]byte{"lambda_function.py": source})
	if err != nil {
		return r, fault.In("lab.probePython", err)
	}
	const name = "anthill-lab-version-probe"
	if _, err = s.createFunction(ctx, name, code, nil); err != nil {
		return r, err
	}
	if err = s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions/"+name+"/invocations", "", map[string]any{}, &r); err != nil {
		return r, err
	}
	if r.Minor < 9 {
		return r, &fault.Error{Kind: fault.Unsupported, Op: "lab.probePython", Noun: "runtime", Name: m.Runtime,
			Detail: fmt.Sprintf("the platform runs functions on Python %q; scikit-learn for the lab needs 3.9 or newer", r.Python)}
	}
	m.Python = r.Python
	return r, s.aws.call(ctx, "lambda", "DELETE", "/2015-03-31/functions/"+name, "", nil, nil)
}

func (s *session) publishLayers(ctx context.Context, layers []iris.Layer, runtime string) (arns []string, err error) {
	for _, l := range layers {
		b, err := os.ReadFile(l.Zip)
		if err != nil {
			return nil, fault.In("lab.publishLayers", err)
		}
		s.say("publishing the layer %s: %.1f MB zipped, %.1f MB unzipped", l.Name, float64(l.Zipped)/1e6, float64(l.Unzipped)/1e6)
		var out struct {
			LayerVersionArn string
		}
		in := map[string]any{"Description": l.Contents, "CompatibleRuntimes": []string{runtime},
			"Content": map[string]any{"ZipFile": base64.StdEncoding.EncodeToString(b)}}
		if err := s.aws.call(ctx, "lambda", "POST", "/2018-10-31/layers/anthill-lab-"+l.Name+"/versions", "", in, &out); err != nil {
			return nil, err
		}
		arns = append(arns, out.LayerVersionArn)
		s.result.Model.Layers = append(s.result.Model.Layers, LayerSize{l.Name, l.Contents, l.Zipped, l.Unzipped})
	}
	return arns, nil
}

// createFunction makes a function of that name, in the place of one that is there, and waits until it is active.
func (s *session) createFunction(ctx context.Context, name string, code []byte, more map[string]any) (arn string, err error) {
	in := map[string]any{"FunctionName": name, "Runtime": s.result.Model.Runtime, "Role": role, "Handler": iris.Handler,
		"Code": map[string]any{"ZipFile": base64.StdEncoding.EncodeToString(code)}, "Timeout": 10}
	for k, v := range more {
		in[k] = v
	}
	var out struct{ FunctionArn string }
	err = s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions", "", in, &out)
	if fault.Is(err, fault.Exists) {
		if err = s.aws.call(ctx, "lambda", "DELETE", "/2015-03-31/functions/"+name, "", nil, nil); err == nil {
			err = s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions", "", in, &out)
		}
	}
	if err != nil {
		return "", err
	}
	return out.FunctionArn, s.waitActive(ctx, name)
}

// waitActive waits until a function can be invoked and its last change is in force.
func (s *session) waitActive(ctx context.Context, name string) error {
	const op = "lab.waitActive"
	for deadline := time.Now().Add(3 * time.Minute); ; {
		var c struct{ State, StateReason, LastUpdateStatus, LastUpdateStatusReason string }
		if err := s.aws.call(ctx, "lambda", "GET", "/2015-03-31/functions/"+name+"/configuration", "", nil, &c); err != nil {
			return err
		}
		switch {
		case c.State == "Failed" || c.LastUpdateStatus == "Failed":
			return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "function", Name: name, Detail: c.StateReason + c.LastUpdateStatusReason}
		case c.State == "Active" && c.LastUpdateStatus != "InProgress":
			return nil
		case time.Now().After(deadline):
			return &fault.Error{Kind: fault.Timeout, Op: op, Noun: "function", Name: name, Detail: "did not become active within three minutes; it is " + c.State}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return &fault.Error{Kind: fault.Canceled, Op: "lab.Run", Err: ctx.Err()}
	}
}

// createAPI makes a REST API with POST /path in front of a function, as the course's step 6 does in the console, and gives
// the URL of the method.
func (s *session) createAPI(ctx context.Context, name, path, stage, functionARN string) (string, error) {
	var api struct{ ID string }
	api2 := func(method, path string, in, out any) error {
		return s.aws.call(ctx, "apigateway", method, "/restapis"+path, "", in, out)
	}
	if err := api2("POST", "", map[string]any{"name": name, "endpointConfiguration": map[string]any{"types": []string{"REGIONAL"}}}, &api); err != nil {
		return "", err
	}
	var list struct {
		Item []struct{ ID, Path string }
		Emb  struct {
			Item []struct{ ID, Path string }
		} `json:"_embedded"`
	}
	if err := api2("GET", "/"+api.ID+"/resources", nil, &list); err != nil {
		return "", err
	}
	items := append(list.Item, list.Emb.Item...)
	if len(items) == 0 {
		return "", &fault.Error{Kind: fault.Internal, Op: "lab.createAPI", Noun: "API", Name: api.ID, Detail: "has no root resource"}
	}
	var res struct{ ID string }
	if err := api2("POST", "/"+api.ID+"/resources/"+items[0].ID, map[string]any{"pathPart": path}, &res); err != nil {
		return "", err
	}
	method := "/" + api.ID + "/resources/" + res.ID + "/methods/POST"
	if err := api2("PUT", method, map[string]any{"authorizationType": "NONE"}, nil); err != nil {
		return "", err
	}
	uri := "arn:aws:apigateway:" + s.aws.region + ":lambda:path/2015-03-31/functions/" + functionARN + "/invocations"
	if err := api2("PUT", method+"/integration", map[string]any{"type": "AWS_PROXY", "httpMethod": "POST", "uri": uri}, nil); err != nil {
		return "", err
	}
	permission := map[string]any{"StatementId": "api-" + api.ID, "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com",
		"SourceArn": "arn:aws:execute-api:" + s.aws.region + ":000000000000:" + api.ID + "/*/POST/" + path}
	if err := s.aws.call(ctx, "lambda", "POST", "/2015-03-31/functions/"+functionARN[strings.LastIndexByte(functionARN, ':')+1:]+"/policy", "", permission, nil); err != nil {
		return "", err
	}
	if err := api2("POST", "/"+api.ID+"/deployments", map[string]any{"stageName": stage}, nil); err != nil {
		return "", err
	}
	return s.aws.endpoint + "/restapis/" + api.ID + "/" + stage + "/_user_request_/" + path, nil
}

// timedPost sends a JSON body to a URL, as curl would, and says how long the whole exchange took.
func (c *client) timedPost(ctx context.Context, url string, body []byte, header http.Header) (time.Duration, error) {
	a, d, err := c.post(ctx, url, body, header)
	if err == nil && a.status >= 400 {
		err = a.fault("lab.post", "POST "+url)
	}
	return d, err
}

func (c *client) post(ctx context.Context, url string, body []byte, header http.Header) (*answer, time.Duration, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	for k, v := range header {
		h[k] = v
	}
	began := time.Now()
	a, err := (&client{http: c.http, region: c.region, accessKey: c.accessKey, secretKey: c.secretKey, endpoint: url}).send(ctx, "execute-api", "POST", "", h, body)
	return a, time.Since(began), err
}

// firstRequest is step 2: one request as the course's curl sends it, and the function's log as CloudWatch's console exports it.
func (s *session) firstRequest(ctx context.Context) error {
	r := &s.result.First
	url := s.result.Model.URL
	r.Curl = fmt.Sprintf("curl --header \"Content-Type: application/json\" --request POST \\\n     --data '%s' \\\n     %s", sampleValues, url)
	a, took, err := s.aws.post(ctx, url, []byte(sampleValues), nil)
	if err != nil {
		return err
	}
	r.Status, r.Body, r.Took = a.status, string(a.body), float64(took)/1e6
	if a.status != 200 || !strings.Contains(r.Body, "predictions") {
		return &fault.Error{Kind: fault.Internal, Op: "lab.firstRequest", Noun: "function", Name: modelName,
			Detail: fmt.Sprintf("answered %d %s; its log:\n%s", a.status, r.Body, s.logText(ctx))}
	}
	s.say("%s", strings.ReplaceAll(r.Curl, "\\\n     ", ""))
	s.say("%d %s in %.0f ms, an environment's first", r.Status, r.Body, r.Took)
	return s.exportLog(ctx)
}

type logEvent struct {
	Timestamp int64
	Message   string
}

// exportLog writes cloudwatch_log.csv with the one invocation there is.
func (s *session) exportLog(ctx context.Context) error {
	const op = "lab.exportLog"
	var events []logEvent
	for deadline := time.Now().Add(10 * time.Second); ; {
		var err error
		events, err = s.logEvents(ctx)
		if fault.Is(err, fault.Unsupported) { // the report says so, and the rest of the lab goes on
			s.result.First.Missing = fault.Of(err).Detail
			s.say("no log: %s", s.result.First.Missing)
			return nil
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if n := len(events); n > 0 && strings.HasPrefix(events[n-1].Message, "REPORT") {
			break
		}
		if time.Now().After(deadline) {
			return &fault.Error{Kind: fault.Timeout, Op: op, Noun: "log", Name: "/aws/lambda/" + modelName, Detail: "has no REPORT line after ten seconds"}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	s.result.First.LogFile = "cloudwatch_log.csv"
	f, err := os.Create(filepath.Join(s.Out, s.result.First.LogFile))
	if err != nil {
		return fault.In(op, err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	_ = w.Write([]string{"timestamp", "message"}) // the writer keeps its first error
	for _, e := range events {
		_ = w.Write([]string{fmt.Sprint(e.Timestamp), strings.TrimRight(e.Message, "\n") + "\n"})
		s.result.First.Log = append(s.result.First.Log, strings.TrimRight(e.Message, "\n"))
	}
	w.Flush()
	s.say("log: %s", s.result.First.Log[len(s.result.First.Log)-1])
	return fault.In(op, w.Error())
}

// logEvents are all events of the model's log group, in time's order.
func (s *session) logEvents(ctx context.Context) ([]logEvent, error) {
	var all []logEvent
	in := map[string]any{"logGroupName": "/aws/lambda/" + modelName}
	for {
		var out struct {
			Events    []logEvent
			NextToken string
		}
		if err := s.aws.call(ctx, "logs", "POST", "/", "Logs_20140328.FilterLogEvents", in, &out); err != nil {
			return nil, err
		}
		all = append(all, out.Events...)
		if out.NextToken == "" {
			return all, nil
		}
		in["nextToken"] = out.NextToken
	}
}

// logText is the log for an error message.
func (s *session) logText(ctx context.Context) string {
	_ = pause(ctx, 500*time.Millisecond) // the lines come a moment after the answer
	events, err := s.logEvents(ctx)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range events[max(0, len(events)-15):] {
		b.WriteString(strings.TrimRight(e.Message, "\n") + "\n")
	}
	return b.String()
}
