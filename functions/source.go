package functions

import (
	"strings"

	"anthill/arn"
	"anthill/fault"
)

// Map would make a function read a queue or a stream. This platform has neither, so the answer is what AWS says about
// one that does not exist.
func (s *Service) Map(r Ref, source string) error {
	const op = "functions.Map"
	if _, ok := s.find(r.Key()); !ok {
		return missing(op, r)
	}
	a, err := arn.Parse(source)
	if err != nil {
		return invalid(op, "Unrecognized event source.")
	}
	switch a.Service {
	case "sqs":
		return invalid(op, "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.")
	case "dynamodb", "kinesis":
		return invalid(op, "Stream not found: %s", source)
	}
	return &fault.Error{Kind: fault.Unsupported, Op: op, Noun: noun, Name: r.Name,
		Detail: "Event sources of " + strings.ToUpper(a.Service) + " are not supported by Anthill."}
}
