package remote_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"anthill/api/remote"
	"anthill/asl"
	"anthill/asl/interp"
	"anthill/fault"
	"anthill/value"
	"anthill/workflows"
)

// exchange is one call: what is sent, what is answered, what comes of it.
type exchange struct {
	name, resource, parameters string
	sent                       string            // "METHOD URI\nbody" as the service gets it
	header                     map[string]string // some of what is sent
	status                     int
	answer                     string
	answerHeader               map[string]string
	want                       string // the output, or the error and its cause
}

var exchanges = []exchange{
	{name: "awsJson", resource: "aws-sdk:sqs:sendMessage", parameters: `{"QueueUrl":"http://q/1","MessageBody":{"a":1},"DelaySeconds":"3"}`,
		sent:   "POST /\n" + `{"QueueUrl":"http://q/1","MessageBody":"{\"a\":1}","DelaySeconds":3}`,
		header: map[string]string{"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"},
		answer: `{"MD5OfMessageBody":"x","MessageId":"m"}`, want: `{"MD5OfMessageBody":"x","MessageId":"m"}`},
	{name: "awsJson with instants and bytes", resource: "aws-sdk:kinesis:getRecords", parameters: `{"ShardIterator":"s"}`,
		sent:   "POST /\n" + `{"ShardIterator":"s"}`,
		answer: `{"Records":[{"Data":"aGk=","ApproximateArrivalTimestamp":1.5,"PartitionKey":"p"}],"Extra":1}`,
		want:   `{"Records":[{"ApproximateArrivalTimestamp":"1970-01-01T00:00:01.500Z","Data":"hi","PartitionKey":"p"}]}`},
	{name: "awsJson refuses", resource: "aws-sdk:dynamodb:getItem", parameters: `{"TableName":"t","Key":{"id":{"S":"1"}}}`, sent: "POST /\n" + `{"TableName":"t","Key":{"id":{"S":"1"}}}`,
		status: 400, answer: `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}`, answerHeader: map[string]string{"x-amzn-RequestId": "R"},
		want: "DynamoDb.ResourceNotFoundException Requested resource not found (Service: DynamoDb, Status Code: 400, Request ID: R) (SDK Attempt Count: 1)"},
	{name: "an error without a model", resource: "dynamodb:getItem", parameters: `{"TableName":"/","Key":{}}`, sent: "POST /\n" + `{"TableName":"/","Key":{}}`,
		status: 400, answer: `{"__type":"com.amazon.coral.validate#ValidationException","message":"bad"}`, answerHeader: map[string]string{"x-amzn-RequestId": "R"},
		want: "DynamoDB.AmazonDynamoDBException bad (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; Request ID: R; Proxy: null)"},
	{name: "awsQuery", resource: "aws-sdk:sns:publish", parameters: `{"TopicArn":"t","Message":{"m":1},"MessageAttributes":{"k":{"DataType":"String","StringValue":"v"}}}`,
		sent:   "POST /\nAction=Publish&Message=%7B%22m%22%3A1%7D&MessageAttributes.entry.1.Name=k&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=v&TopicArn=t&Version=2010-03-31",
		answer: `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>`,
		want:   `{"MessageId":"m"}`},
	{name: "awsQuery lists", resource: "aws-sdk:iam:listRoles", parameters: `{"MaxItems":2}`, sent: "POST /\nAction=ListRoles&MaxItems=2&Version=2010-05-08",
		answer: `<ListRolesResponse><ListRolesResult><Roles><member><RoleName>a</RoleName><CreateDate>2020-01-02T03:04:05Z</CreateDate><MaxSessionDuration>3600</MaxSessionDuration></member><member><RoleName>b</RoleName></member></Roles><IsTruncated>false</IsTruncated></ListRolesResult></ListRolesResponse>`,
		want:   `{"Roles":[{"RoleName":"a","CreateDate":"2020-01-02T03:04:05.000Z","MaxSessionDuration":3600},{"RoleName":"b"}],"IsTruncated":false}`},
	{name: "awsQuery refuses", resource: "sns:publish", parameters: `{"TopicArn":"t","Message":"m"}`, sent: "POST /\nAction=Publish&Message=m&TopicArn=t&Version=2010-03-31", status: 400,
		answer: `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>no group</Message></Error><RequestId>R</RequestId></ErrorResponse>`,
		want:   "SNS.InvalidParameterException no group (Service: AmazonSNS; Status Code: 400; Error Code: InvalidParameter; Request ID: R; Proxy: null)"},
	{name: "restJson", resource: "aws-sdk:scheduler:createSchedule", parameters: `{"Name":"a b/c","GroupName":"g","ScheduleExpression":"rate(1 hour)","StartDate":"2020-01-02T03:04:05Z"}`,
		sent:   "POST /schedules/a%20b%2Fc\n" + `{"GroupName":"g","ScheduleExpression":"rate(1 hour)","StartDate":1577934245}`,
		answer: `{"ScheduleArn":"arn"}`, want: `{"ScheduleArn":"arn"}`},
	{name: "restJson with query and bytes", resource: "aws-sdk:lambda:invoke", parameters: `{"FunctionName":"f","Qualifier":"1","InvocationType":"RequestResponse","Payload":{"x":[1]}}`,
		sent: "POST /2015-03-31/functions/f/invocations?Qualifier=1\n" + `{"x":[1]}`, header: map[string]string{"X-Amz-Invocation-Type": "RequestResponse"},
		answer: `"out"`, answerHeader: map[string]string{"X-Amz-Executed-Version": "1"}, want: `{"StatusCode":200,"ExecutedVersion":"1","Payload":"\"out\""}`},
	{name: "restXml", resource: "aws-sdk:s3:listObjectsV2", parameters: `{"Bucket":"b","Prefix":"a/b","MaxKeys":2}`, sent: "GET /b?list-type=2&max-keys=2&prefix=a%2Fb\n",
		answer: `<?xml version="1.0"?><ListBucketResult><Name>b</Name><Contents><Key>a/b1</Key><Size>5</Size></Contents><Contents><Key>a/b2</Key></Contents><KeyCount>2</KeyCount></ListBucketResult>`,
		want:   `{"Contents":[{"Key":"a/b1","Size":5},{"Key":"a/b2"}],"Name":"b","KeyCount":2}`},
	{name: "restXml with a body", resource: "aws-sdk:s3:deleteObjects", parameters: `{"Bucket":"b","Delete":{"Objects":[{"Key":"<k>"}],"Quiet":true}}`,
		sent:   "POST /b?delete=\n<Delete><Object><Key>&lt;k&gt;</Key></Object><Quiet>true</Quiet></Delete>",
		answer: `<DeleteResult/>`, want: `{}`},
	{name: "restXml streams JSON", resource: "aws-sdk:s3:putObject", parameters: `{"Bucket":"b","Key":"x/y z","Body":"text","Metadata":{"m":"1"}}`, sent: "PUT /b/x/y%20z\n\"text\"",
		header: map[string]string{"X-Amz-Meta-M": "1", "Content-Type": "text/plain; charset=UTF-8"}, answerHeader: map[string]string{"ETag": `"e"`}, want: `{"ETag":"\"e\""}`},
	{name: "restXml refuses", resource: "aws-sdk:s3:getObject", parameters: `{"Bucket":"b","Key":"k"}`, sent: "GET /b/k\n", status: 404,
		answer: `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><RequestId>R</RequestId></Error>`, answerHeader: map[string]string{"x-amz-id-2": "E"},
		want: "S3.NoSuchKeyException The specified key does not exist. (Service: S3, Status Code: 404, Request ID: R, Extended Request ID: E) (SDK Attempt Count: 1)"},
	{name: "events that fail", resource: "events:putEvents", parameters: `{"Entries":[{"Detail":{"a":1},"Source":"s"}]}`, sent: "POST /\n" + `{"Entries":[{"Source":"s","Detail":"{\"a\":1}"}]}`,
		answer: `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"MalformedDetail"}]}`, want: `EventBridge.FailedEntry {"Entries":[{"ErrorCode":"MalformedDetail"}],"FailedEntryCount":1}`},
	{name: "a field that there is not", resource: "sqs:sendMessage", parameters: `{"QueueURL":"q"}`, want: "States.Runtime The Parameters '{\"QueueURL\":\"q\"}' could not be used to start the Task: [The field 'QueueURL' is not supported by Step Functions]"},
	{name: "a job", resource: "glue:startJobRun.sync", parameters: `{}`, want: "States.TaskFailed arn:aws:states:::glue:startJobRun.sync: jobs of services at other endpoints are not waited for (.sync)"},
}

func TestExchanges(t *testing.T) {
	for _, x := range exchanges {
		t.Run(x.name, func(t *testing.T) {
			got := ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = r.Method + " " + r.URL.RequestURI() + "\n" + string(body)
				for name, want := range x.header {
					if r.Header.Get(name) != want {
						t.Errorf("header %s is %q, want %q", name, r.Header.Get(name), want)
					}
				}
				if !strings.Contains(r.Header.Get("Authorization"), "Credential=000000000000/") {
					t.Errorf("signed as %s", r.Header.Get("Authorization"))
				}
				for name, text := range x.answerHeader {
					w.Header().Set(name, text)
				}
				w.WriteHeader(max(x.status, 200))
				io.WriteString(w, x.answer)
			}))
			defer server.Close()
			res, _ := asl.ParseResource("arn:aws:states:::" + x.resource)
			k, err := remote.New(remote.Config{Endpoints: map[string]string{res.Service: server.URL}})
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			out := k.Do(t.Context(), task(res, x.parameters))
			if got != x.sent {
				t.Errorf("sent %s\nwant %s", got, x.sent)
			}
			if result := resultOf(out); result != x.want {
				t.Errorf("result %s\nwant   %s", result, x.want)
			}
		})
	}
}

func task(res asl.Resource, parameters string) *workflows.Task {
	return &workflows.Task{RunTask: &interp.RunTask{Resource: res, Arguments: value.MustParse(parameters)}, Scope: workflows.Scope{Account: "000000000000", Region: "us-east-1"}, RequestID: "R"}
}

func resultOf(out workflows.Outcome) string {
	if f := out.Failure; f != nil {
		return f.Name + " " + f.Cause
	}
	return out.Output.String()
}

// An optimized integration tells of the HTTP exchange too.
func TestOptimizedOutput(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-amzn-RequestId", "R1")
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		io.WriteString(w, `{"MessageId":"m"}`)
	}))
	defer server.Close()
	k, err := remote.New(remote.Config{Endpoints: map[string]string{"sqs": server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	res, _ := asl.ParseResource("arn:aws:states:::sqs:sendMessage")
	var out struct {
		MessageId       string
		SdkHttpMetadata struct {
			AllHttpHeaders map[string][]string
			HttpHeaders    map[string]string
			HttpStatusCode int
		}
		SdkResponseMetadata struct{ RequestId string }
	}
	if err := json.Unmarshal([]byte(resultOf(k.Do(t.Context(), task(res, `{"QueueUrl":"q","MessageBody":"b"}`)))), &out); err != nil {
		t.Fatal(err)
	}
	h := out.SdkHttpMetadata
	if out.MessageId != "m" || h.HttpStatusCode != 200 || h.HttpHeaders["Content-Length"] != "17" || h.AllHttpHeaders["x-amzn-RequestId"][0] != "R1" || out.SdkResponseMetadata.RequestId != "R1" {
		t.Errorf("%+v", out)
	}
}

func TestWhatCannotBeCalled(t *testing.T) {
	for service, at := range map[string]string{"sqsx": "http://localhost:1", "sqs": "localhost:1"} {
		if _, err := remote.New(remote.Config{Endpoints: map[string]string{service: at}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s=%s: %v", service, at, err)
		}
	}
	k, err := remote.New(remote.Config{Endpoints: map[string]string{"sns": "http://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	for resource, want := range map[string]string{
		"sqs:sendMessage":             `States.TaskFailed The service "sqs" is not part of this platform, and no endpoint is configured for it (resource arn:aws:states:::sqs:sendMessage). Start the platform with --service sqs=http://HOST:PORT to have it called there.`,
		"aws-sdk:gamelift:listFleets": `States.TaskFailed The service "gamelift" is not part of this platform, and its protocol is not known (resource arn:aws:states:::aws-sdk:gamelift:listFleets).`,
		"sns:publish":                 "SNS.SdkClientException Unable to execute HTTP request: ",
		"aws-sdk:sns:noSuchThing":     "States.Runtime SNS has no operation NoSuchThing",
	} {
		res, _ := asl.ParseResource("arn:aws:states:::" + resource)
		if got := resultOf(k.Do(t.Context(), task(res, `{}`))); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", resource, got, want)
		}
	}
}

// No answer of a service is more than a failed task.
func FuzzAnswers(f *testing.F) {
	for _, x := range exchanges {
		f.Add(x.resource, x.status, x.answer)
	}
	f.Fuzz(func(t *testing.T, resource string, status int, answer string) {
		res, ok := asl.ParseResource("arn:aws:states:::" + resource)
		if !ok || res.Kind != asl.SDK {
			return
		}
		k, err := remote.New(remote.Config{})
		if err != nil {
			t.Fatal(err)
		}
		k.Serve(res.Service, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200 + (status%400+400)%400)
			io.WriteString(w, answer)
		}))
		if out := k.Do(t.Context(), task(res, `{}`)); out.Failure == nil && out.Output.Kind() != value.Object {
			t.Errorf("%s: %s", resource, out.Output)
		}
	})
}
