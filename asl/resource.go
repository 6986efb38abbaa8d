package asl

import "strings"

// ResourceKind is what a Task state calls.
type ResourceKind uint8

const (
	LambdaFunction ResourceKind = iota + 1 // arn:aws:lambda:…:function:name
	Activity                               // arn:aws:states:REGION:ACCOUNT:activity:name
	Service                                // arn:aws:states:::service:api…
	SDK                                    // arn:aws:states:::aws-sdk:service:api…
)

// Pattern is how a Task state waits for a service.
type Pattern uint8

const (
	RequestResponse  Pattern = iota
	Sync                     // .sync and .sync:2
	WaitForTaskToken         // .waitForTaskToken
)

// Resource is a Task state's Resource, taken apart.
type Resource struct {
	ARN     string // as the definition has it
	Kind    ResourceKind
	Service string // "lambda", "states", "dynamodb"; for SDK the service without "aws-sdk:"
	Action  string // "invoke", "startExecution", without a pattern
	Pattern Pattern
	Sync2   bool // .sync:2, whose output is parsed JSON
}

// Type is resourceType as histories have it: "lambda", "aws-sdk:s3"; "" for functions and activities.
func (r Resource) Type() string {
	if r.Kind == SDK {
		return "aws-sdk:" + r.Service
	}
	return r.Service
}

// Name is resource as histories have it: "invoke", "startExecution.sync:2"; the ARN for functions and activities.
func (r Resource) Name() string {
	switch {
	case r.Kind != Service && r.Kind != SDK:
		return r.ARN
	case r.Pattern == WaitForTaskToken:
		return r.Action + ".waitForTaskToken"
	case r.Sync2:
		return r.Action + ".sync:2"
	case r.Pattern == Sync:
		return r.Action + ".sync"
	}
	return r.Action
}

// ParseResource takes a Resource apart. ok is false when it is none that Step Functions knows the form of.
func ParseResource(arn string) (r Resource, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return Resource{}, false
	}
	r.ARN = arn
	rest := parts[5]
	switch {
	case parts[2] == "lambda" && strings.HasPrefix(rest, "function:"):
		r.Kind = LambdaFunction
		return r, len(rest) > len("function:")
	case parts[2] != "states":
		return Resource{}, false
	case strings.HasPrefix(rest, "activity:"):
		r.Kind = Activity
		return r, len(rest) > len("activity:")
	case parts[3] != "" || parts[4] != "":
		return Resource{}, false
	}
	r.Kind = Service
	if sdk, found := strings.CutPrefix(rest, "aws-sdk:"); found {
		r.Kind, rest = SDK, sdk
	}
	service, action, found := strings.Cut(rest, ":")
	if !found || service == "" {
		return Resource{}, false
	}
	r.Service = service
	switch {
	case strings.HasSuffix(action, ".waitForTaskToken"):
		r.Pattern, action = WaitForTaskToken, strings.TrimSuffix(action, ".waitForTaskToken")
	case strings.HasSuffix(action, ".sync:2"):
		r.Pattern, r.Sync2, action = Sync, true, strings.TrimSuffix(action, ".sync:2")
	case strings.HasSuffix(action, ".sync"):
		r.Pattern, action = Sync, strings.TrimSuffix(action, ".sync")
	}
	r.Action = action
	return r, action != ""
}

// optimized is the services with integrations of their own and the actions these have, with the patterns beyond
// request-response: "sync", "sync:2", "token" (Developer Guide, "Integrating optimized services").
var optimized = map[string]map[string]string{
	"lambda":           {"invoke": "token"},
	"states":           {"startExecution": "sync sync:2 token"},
	"sqs":              {"sendMessage": "token"},
	"sns":              {"publish": "token"},
	"dynamodb":         {"getItem": "", "putItem": "", "updateItem": "", "deleteItem": ""},
	"apigateway":       {"invoke": "token"},
	"http":             {"invoke": ""},
	"events":           {"putEvents": "token"},
	"ecs":              {"runTask": "sync token"},
	"eks":              {"call": "", "createCluster": "sync", "deleteCluster": "sync", "createNodegroup": "sync", "deleteNodegroup": "sync", "createFargateProfile": "sync", "deleteFargateProfile": "sync", "runJob": "sync"},
	"batch":            {"submitJob": "sync"},
	"codebuild":        {"startBuild": "sync", "stopBuild": "", "batchDeleteBuilds": "", "batchGetReports": "", "startBuildBatch": "sync", "stopBuildBatch": "", "retryBuildBatch": "sync", "deleteBuildBatch": ""},
	"glue":             {"startJobRun": "sync"},
	"databrew":         {"startJobRun": "sync"},
	"athena":           {"startQueryExecution": "sync", "stopQueryExecution": "", "getQueryExecution": "", "getQueryResults": ""},
	"sagemaker":        {"createEndpoint": "", "createEndpointConfig": "", "createHyperParameterTuningJob": "sync", "createLabelingJob": "sync", "createModel": "", "createProcessingJob": "sync", "createTrainingJob": "sync", "createTransformJob": "sync", "updateEndpoint": ""},
	"elasticmapreduce": {"createCluster": "sync", "terminateCluster": "sync", "addStep": "sync", "cancelStep": "", "setClusterTerminationProtection": "", "modifyInstanceFleetByName": "", "modifyInstanceGroupByName": ""},
	"emr-containers":   {"createVirtualCluster": "", "deleteVirtualCluster": "sync", "startJobRun": "sync"},
	"emr-serverless":   {"createApplication": "sync", "startApplication": "sync", "stopApplication": "sync", "deleteApplication": "sync", "startJobRun": "sync", "cancelJobRun": "sync"},
	"bedrock":          {"invokeModel": "", "createModelCustomizationJob": "sync"},
	"mediaconvert":     {"createJob": "sync"},
	"s3":               {"listObjectsV2": "", "getObject": "", "putObject": ""}, // of ItemReader and ResultWriter
}

// needed is the fields without which AWS takes no call of an optimized integration.
var needed = map[string][]string{
	"lambda:invoke":         {"FunctionName"},
	"states:startExecution": {"StateMachineArn"},
	"sqs:sendMessage":       {"QueueUrl", "MessageBody"},
	"sns:publish":           {"Message"},
	"dynamodb:getItem":      {"TableName", "Key"},
	"dynamodb:putItem":      {"TableName", "Item"},
	"dynamodb:updateItem":   {"TableName", "Key"},
	"dynamodb:deleteItem":   {"TableName", "Key"},
	"events:putEvents":      {"Entries"},
	"ecs:runTask":           {"TaskDefinition"},
	"glue:startJobRun":      {"JobName"},
}

// known reports whether Step Functions has the resource. Of an SDK integration any service and action may be named.
func (r Resource) known() bool {
	if r.Kind != Service {
		return r.Kind != SDK || r.Pattern != Sync
	}
	patterns, ok := optimized[r.Service][r.Action]
	switch {
	case !ok:
		return false
	case r.Sync2:
		return strings.Contains(patterns, "sync:2")
	case r.Pattern == Sync:
		return strings.Contains(patterns, "sync")
	case r.Pattern == WaitForTaskToken:
		return strings.Contains(patterns, "token")
	}
	return true
}
