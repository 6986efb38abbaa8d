// Command bootstrap is a function as Go users write it, with AWS's own library.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do string `json:"do"`
}

func main() {
	lambda.Start(func(ctx context.Context, e event) (map[string]any, error) {
		switch e.Do {
		case "fail":
			return nil, errors.New("no")
		case "panic":
			panic("oh")
		case "wait": // until the context's deadline, which AWS's library takes from the Runtime API
			<-ctx.Done()
			return nil, ctx.Err()
		case "hang":
			time.Sleep(time.Minute)
		}
		c, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{"did": e.Do, "request": c.AwsRequestID, "arn": c.InvokedFunctionArn, "function": lambdacontext.FunctionName,
			"memory": lambdacontext.MemoryLimitInMB, "left": time.Until(deadline).Milliseconds()}, nil
	})
}
