package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"anthill/api/remote"
	"anthill/fault"
	"anthill/functions"
)

// Queues, topics and event buses at endpoints get records in their services' own words, and letters with their attributes.
func TestDestinationsAtEndpoints(t *testing.T) {
	var got []string
	answer, status := `{"QueueUrl":"http://q/1"}`, http.StatusOK
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, r.Header.Get("X-Amz-Target")+" "+string(b))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer service.Close()
	calls, err := remote.New(remote.Config{Endpoints: map[string]string{"sqs": service.URL, "sns": service.URL, "events": service.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer calls.Close()
	to := (&house{remote: calls}).destinations()
	const source = "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"
	for _, c := range []struct {
		service, answer string
		d               functions.Delivery
		want            []string
	}{
		{"sqs", `{"QueueUrl":"http://q/1"}`, functions.Delivery{To: "arn:aws:sqs:us-east-1:000000000000:q", Record: []byte(`{"version":"1.0"}`)}, []string{
			`AmazonSQS.GetQueueUrl {"QueueName":"q","QueueOwnerAWSAccountId":"000000000000"}`,
			`AmazonSQS.SendMessage {"QueueUrl":"http://q/1","MessageBody":"{\"version\":\"1.0\"}"}`}},
		{"sqs", `{"QueueUrl":"http://q/1"}`, functions.Delivery{To: "arn:aws:sqs:us-east-1:000000000000:q", RequestID: "r", Letter: true, Error: "no", Record: []byte(`{"n":1}`)}, []string{
			`AmazonSQS.GetQueueUrl {"QueueName":"q","QueueOwnerAWSAccountId":"000000000000"}`,
			`AmazonSQS.SendMessage {"QueueUrl":"http://q/1","MessageBody":"{\"n\":1}","MessageAttributes":{"RequestID":{"StringValue":"r","DataType":"String"},"ErrorCode":{"StringValue":"200","DataType":"Number"},"ErrorMessage":{"StringValue":"no","DataType":"String"}}}`}},
		{"sns", `<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>`,
			functions.Delivery{To: "arn:aws:sns:us-east-1:000000000000:t", Record: []byte(`{}`)},
			[]string{` Action=Publish&Message=%7B%7D&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3At&Version=2010-03-31`}},
		{"events", `{"FailedEntryCount":0,"Entries":[{"EventId":"e"}]}`,
			functions.Delivery{To: "arn:aws:events:us-east-1:000000000000:event-bus/default", Source: source, Succeeded: true, Record: []byte(`{}`)},
			[]string{`AWSEvents.PutEvents {"Entries":[{"Source":"lambda","Resources":["arn:aws:events:us-east-1:000000000000:event-bus/default","` + source + `"],"DetailType":"Lambda Function Invocation Result - Success","Detail":"{}","EventBusName":"arn:aws:events:us-east-1:000000000000:event-bus/default"}]}`}},
	} {
		got, answer = nil, c.answer
		if err := to[c.service].Deliver(t.Context(), c.d); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v\ngot  %q\nwant %q", c.service, err, got, c.want)
		}
	}
	status, answer = http.StatusBadRequest, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}`
	if err := to["sqs"].Deliver(t.Context(), functions.Delivery{To: "arn:aws:sqs:us-east-1:000000000000:q"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a queue that is not there: %v", err)
	}
	answer = `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure"}]}`
	if status = http.StatusOK; to["events"].Deliver(t.Context(), functions.Delivery{To: "arn:aws:events:us-east-1:000000000000:event-bus/b"}) == nil {
		t.Error("an entry that failed is no error")
	}
	if to["kinesis"] != nil {
		t.Error("a destination in kinesis")
	}
}
