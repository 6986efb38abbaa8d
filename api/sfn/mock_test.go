package sfn

import (
	"testing"

	"anthill/asl"
	"anthill/value"
)

// TestMocksAreWhatServicesAnswer holds the rules of fieldValidationMode (API reference, MockInput).
func TestMocksAreWhatServicesAnswer(t *testing.T) {
	const states = "arn:aws:states:::"
	for _, c := range []struct {
		name, resource, result string
		present, strict        string // the complaint in mode PRESENT, and in STRICT when it is another
	}{
		{"nothing is required", states + "sqs:sendMessage", `{}`, "", ""},
		{"fields the API does not know pass", states + "sns:publish", `{"SdkHttpMetadata": {"HttpStatusCode": 200}}`, "", ""},
		{"a required field", states + "states:startExecution", `{}`, "", "Required field 'ExecutionArn' is missing"},
		{"names begin with a capital", states + "aws-sdk:sfn:startExecution", `{"executionArn": 1, "startDate": 2}`, "", "Required field 'ExecutionArn' is missing"},
		{"required fields inside", states + "aws-sdk:sfn:listActivities", `{"Activities": [{"Name": "a"}]}`, "", "Required field 'ActivityArn' is missing"},
		{"a number for a string", states + "sqs:sendMessage", `{"MessageId": 1}`, "Field 'MessageId' must be a string", ""},
		{"a blob is a string", states + "lambda:invoke", `{"Payload": {"a": 1}}`, "Field 'Payload' must be a string", ""},
		{"an instant is a string", states + "aws-sdk:kms:describeKey", `{"KeyMetadata": {"KeyId": "k", "CreationDate": 1764103483}}`, "Field 'CreationDate' must be a string", ""},
		{"a string for a whole number", states + "lambda:invoke", `{"StatusCode": "200"}`, "Field 'StatusCode' must be a number", ""},
		{"a string for a fraction", states + "dynamodb:getItem", `{"ConsumedCapacity": {"CapacityUnits": "0.5"}}`, "Field 'CapacityUnits' must be a number", ""},
		{"a string for a boolean", states + "aws-sdk:s3:listObjectsV2", `{"IsTruncated": "true"}`, "Field 'IsTruncated' must be a boolean", ""},
		{"an object for a list", states + "events:putEvents", `{"Entries": {}}`, "Field 'Entries' must be an array", ""},
		{"the second item of a list", states + "events:putEvents", `{"Entries": [{"EventId": "1"}, {"EventId": 2}]}`, "Field 'EventId' must be a string", ""},
		{"a string for a structure", states + "ecs:runTask", `{"Tasks": ["t"]}`, "Field 'Tasks' must be an object", ""},
		{"a list for a map", states + "dynamodb:putItem", `{"Attributes": []}`, "Field 'Attributes' must be an object", ""},
		{"the values of a map", states + "dynamodb:putItem", `{"Attributes": {"id": {"S": "a"}, "n": {"N": 1}}}`, "Field 'N' must be a string", ""},
		{"a value that an enum does not have", states + "aws-sdk:s3:getObject", `{"StorageClass": "Papyrus"}`, "Field 'StorageClass' is not an expected value", ""},
		{"a value that it has", states + "aws-sdk:s3:getObject", `{"StorageClass": "GLACIER"}`, "", ""},
		{"the answer itself", states + "glue:startJobRun", `[]`, "Mock result must be an object", ""},
		{"services of the SDK alone", states + "aws-sdk:cloudwatchlogs:describeLogGroups", `{"LogGroups": [{"StoredBytes": "1"}]}`, "Field 'StoredBytes' must be a number", ""},
		{"a service with a dash", states + "emr-containers:startJobRun", `{"Id": 1}`, "Field 'Id' must be a string", ""},
		{"a model's answer", states + "bedrock:invokeModel", `{"ContentType": "text/plain", "Body": 1}`, "Field 'Body' must be a string", ""},

		{".sync answers what it polls", states + "states:startExecution.sync:2", `{"ExecutionArn": "e", "StateMachineArn": "m", "Status": "SUCCEEDED", "StartDate": "d", "Output": {"a": 1}}`,
			"Field 'Output' must be a string", ""},
		{".sync needs what that requires", states + "states:startExecution.sync", `{"ExecutionArn": "e", "StartDate": "d"}`, "", "Required field 'StateMachineArn' is missing"},
		{".sync whose result no API answers", states + "batch:submitJob.sync", `{"JobName": 1}`, "", ""},
		{"a task token's owner may send anything", states + "sqs:sendMessage.waitForTaskToken", `{"MessageId": 1}`, "", ""},
		{"so may a function", "arn:aws:lambda:us-east-1:123456789012:function:f", `[1]`, "", ""},
		{"and an activity", "arn:aws:states:us-east-1:123456789012:activity:a", `1`, "", ""},
		{"and an API", states + "apigateway:invoke", `{"StatusCode": "200"}`, "", ""},
		{"and an HTTP endpoint", states + "http:invoke", `{"StatusCode": "200"}`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, ok := asl.ParseResource(c.resource)
			if !ok {
				t.Fatalf("no resource: %s", c.resource)
			}
			if c.strict == "" {
				c.strict = c.present
			}
			for _, mode := range []struct {
				strict bool
				want   string
			}{{false, c.present}, {true, c.strict}} {
				got := ""
				if err := checkAnswer(r, value.MustParse(c.result), mode.strict); err != nil {
					got = err.Error()
				}
				if got != mode.want {
					t.Errorf("strict %v: %q, want %q", mode.strict, got, mode.want)
				}
			}
		})
	}
}
