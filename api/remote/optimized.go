package remote

import (
	"cmp"
	"net/http"
	"sort"
	"strconv"
	"strings"

	"anthill/asl"
	"anthill/value"
)

// names are how failures of a service are called.
type names struct {
	prefix    string // of error names: "SQS"
	service   string // in causes: "AmazonSQS"
	base      string // the error of codes that the service's model does not have
	optimized bool
}

// namesOf gives the names that the AWS SDK for Java has: version 1 behind optimized integrations, 2 behind the others.
func namesOf(m *model, res asl.Resource) names {
	class := m.className()
	if res.Kind == asl.SDK {
		return names{prefix: class, service: class, base: class + "Exception"}
	}
	// prefix and service name of version 1, where they do not follow from the service's id
	first := map[string][2]string{
		"sqs": {"SQS", "AmazonSQS"}, "sns": {"SNS", "AmazonSNS"}, "dynamodb": {"DynamoDB", "AmazonDynamoDBv2"}, "events": {"EventBridge", "AmazonEventBridge"},
		"ecs": {"ECS", "AmazonECS"}, "batch": {"Batch", "AWSBatch"}, "glue": {"Glue", "AWSGlue"}, "codebuild": {"CodeBuild", "AWSCodeBuild"},
		"athena": {"Athena", "AmazonAthena"}, "sagemaker": {"SageMaker", "AmazonSageMaker"}, "eks": {"EKS", "AmazonEKS"}, "databrew": {"DataBrew", "AWSGlueDataBrew"},
		"elasticmapreduce": {"ElasticMapReduce", "AmazonElasticMapReduce"}, "mediaconvert": {"MediaConvert", "AWSMediaConvert"},
		"emr-containers": {"EMRContainers", "AmazonEMRContainers"}, "emr-serverless": {"EMRServerless", "AWSEMRServerless"},
	}[res.Service]
	if first[0] == "" {
		first = [2]string{class, class}
	}
	return names{prefix: first[0], service: first[1], base: strings.TrimSuffix(first[1], "v2") + "Exception", optimized: true}
}

// spelled are the headers that AWS does not write as Go does.
var spelled = map[string]string{"X-Amzn-Requestid": "x-amzn-RequestId", "X-Amz-Crc32": "x-amz-crc32", "Connection": "connection"}

// optimize makes an optimized integration's output of an answer: its members and what the SDK tells of the HTTP exchange.
func (c *call) optimize(output value.Value, resp *http.Response, body []byte) value.Value {
	if c.service == "bedrockruntime" {
		if v, err := value.Parse(output.Get("Body").Text()); err == nil {
			output = output.With("Body", v)
		}
		return sorted(output)
	}
	h := resp.Header.Clone()
	id := cmp.Or(h.Get("X-Amzn-Requestid"), c.t.RequestID)
	h.Set("X-Amzn-Requestid", id)
	h.Set("Connection", "keep-alive")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	lists, once := value.OfObject(), value.OfObject()
	var all []string
	for name := range h {
		all = append(all, name)
	}
	sort.Slice(all, func(i, j int) bool { return strings.ToLower(all[i]) < strings.ToLower(all[j]) })
	for _, name := range all {
		shown := cmp.Or(spelled[name], name)
		var list []value.Value
		for _, text := range h[name] {
			list = append(list, value.OfString(text))
		}
		lists, once = lists.With(shown, value.OfArray(list...)), once.With(shown, value.OfString(h.Get(name)))
	}
	output = output.With("SdkHttpMetadata", value.OfObject(value.Member{Key: "AllHttpHeaders", Value: lists}, value.Member{Key: "HttpHeaders", Value: once},
		value.Member{Key: "HttpStatusCode", Value: value.OfInt(int64(resp.StatusCode))}))
	return sorted(output.With("SdkResponseMetadata", value.OfObject(value.Member{Key: "RequestId", Value: value.OfString(id)})))
}
