package sfn

import (
	"context"
	"slices"
	"strings"
	"sync"

	"anthill/api/protocol"
	"anthill/asl/failure"
	"anthill/value"
	"anthill/workflows"
)

// SDK does the tasks of arn:aws:states:::aws-sdk:SERVICE:ACTION for every service that the platform itself serves. Make
// one before the doors, for workflows.Config.Fallback, and give it the doors with Serve: tasks wait until then.
type SDK struct {
	elsewhere Elsewhere
	ready     sync.Once
	open      chan struct{}
	// services by the name that resources have; set before open is closed.
	services map[string]*protocol.Service
}

// Elsewhere does the tasks of services that have no door here, and of those whose endpoint the user has configured.
type Elsewhere interface {
	workflows.Integration
	Configured(service string) bool
}

// NewSDK makes an SDK without services. elsewhere may be nil.
func NewSDK(elsewhere Elsewhere) *SDK { return &SDK{elsewhere: elsewhere, open: make(chan struct{})} }

// Serve gives the services. Only the first call counts.
func (k *SDK) Serve(list []*protocol.Service) {
	k.ready.Do(func() {
		k.services = map[string]*protocol.Service{}
		for _, s := range list {
			k.services[strings.ToLower(strings.ReplaceAll(s.Model.ID, " ", ""))] = s
		}
		close(k.open)
	})
}

// Do calls the operation.
func (k *SDK) Do(ctx context.Context, t *workflows.Task) workflows.Outcome {
	select {
	case <-k.open:
	case <-ctx.Done():
		return workflows.Outcome{Left: true}
	}
	svc := k.services[t.Resource.Service]
	if k.elsewhere != nil && (svc == nil || k.elsewhere.Configured(t.Resource.Service)) {
		return k.elsewhere.Do(ctx, t)
	}
	if svc == nil {
		return workflows.FailedWith(failure.TaskFailed, "The service %q is not part of this platform, and no endpoint is configured for it (resource %s).", t.Resource.Service, t.Resource.ARN)
	}
	call := &protocol.Call{Account: t.Scope.Account, Region: t.Scope.Region, RequestID: t.RequestID}
	out, err := svc.CallSDK(ctx, call, t.Resource.Action, []byte(t.Arguments.String()))
	if ctx.Err() != nil {
		return workflows.Outcome{Left: true}
	}
	if err != nil {
		return k.failed(svc.Model, t, err)
	}
	output, err := value.ParseBytes(out)
	if err != nil {
		return workflows.FailedWith(failure.Runtime, "%s answered no JSON: %v", t.Resource.Service, err)
	}
	return workflows.Outcome{Output: output}
}

// failed is the error of a call in the words of the AWS SDK for Java.
func (k *SDK) failed(m *protocol.Model, t *workflows.Task, err error) workflows.Outcome {
	code, message, status := m.ErrorOf(err)
	if !modeled(m, code) {
		code = className(t.Resource.Service)
	}
	if !strings.HasSuffix(code, "Exception") {
		code += "Exception"
	}
	return workflows.FailedWith(className(t.Resource.Service)+"."+code, "%s (Service: %s, Status Code: %d, Request ID: %s) (SDK Attempt Count: 1)",
		message, className(t.Resource.Service), status, t.RequestID)
}

// modeled reports whether a service's model has an error of that code. The SDK knows others as the service's exception.
func modeled(m *protocol.Model, code string) bool {
	return slices.ContainsFunc(m.Shapes, func(s protocol.Shape) bool { return s.Error != nil && (s.Error.Code == code || s.Name == code) })
}

// className is the service in error names: "sfn" is Sfn, "dynamodb" DynamoDb, "cloudwatchlogs" CloudWatchLogs.
func className(service string) string {
	if known := map[string]string{"dynamodb": "DynamoDb", "cloudwatchlogs": "CloudWatchLogs", "apigateway": "ApiGateway", "eventbridge": "EventBridge"}[service]; known != "" {
		return known
	}
	return strings.ToUpper(service[:1]) + service[1:]
}
