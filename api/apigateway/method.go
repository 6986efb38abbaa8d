package apigateway

import (
	"context"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/gateways"
)

func (d door) putMethod(ctx context.Context, in *PutMethodInput) (*Method, error) {
	m := &gateways.Method{
		HTTPMethod: *in.HttpMethod, AuthorizationType: *in.AuthorizationType, AuthorizerID: in.AuthorizerId,
		APIKeyRequired: protocol.Value(in.ApiKeyRequired), OperationName: in.OperationName, RequestValidatorID: in.RequestValidatorId,
		RequestParameters: in.RequestParameters, RequestModels: in.RequestModels, AuthorizationScopes: in.AuthorizationScopes,
	}
	err := resourceless(d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.AddMethod(*in.ResourceId, m) }))
	if err != nil {
		return nil, err
	}
	return methodOf(m), nil
}

// method finds a method for reading.
func (d door) method(ctx context.Context, api, resource, method *string) (*gateways.Method, error) {
	a, err := d.api(ctx, api)
	if err != nil {
		return nil, resourceless(err)
	}
	m, err := a.Method(*resource, *method)
	return m, errorOf(ctx, err)
}

// changeMethod finds a method in a copy of its API and lets f change it.
func (d door) changeMethod(ctx context.Context, api, resource, method *string, f func(*gateways.Method) error) error {
	return d.changeMethodOf(ctx, api, resource, method, func(_ *gateways.RestAPI, m *gateways.Method) error { return f(m) })
}

// changeMethodOf is changeMethod for those that look at the API too.
func (d door) changeMethodOf(ctx context.Context, api, resource, method *string, f func(*gateways.RestAPI, *gateways.Method) error) error {
	return resourceless(d.change(ctx, api, func(a *gateways.RestAPI) error {
		m, err := a.Method(*resource, *method)
		if err != nil {
			return err
		}
		return f(a, m)
	}))
}

func (d door) getMethod(ctx context.Context, in *GetMethodInput) (*Method, error) {
	m, err := d.method(ctx, in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	return methodOf(m), nil
}

func (d door) deleteMethod(ctx context.Context, in *DeleteMethodInput) (*DeleteMethodOutput, error) {
	return &DeleteMethodOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.RemoveMethod(*in.ResourceId, *in.HttpMethod) })
}

func (d door) putMethodResponse(ctx context.Context, in *PutMethodResponseInput) (*MethodResponse, error) {
	r := &gateways.MethodResponse{StatusCode: *in.StatusCode, ResponseParameters: in.ResponseParameters, ResponseModels: in.ResponseModels}
	err := d.changeMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *gateways.Method) error {
		if _, ok := m.Responses[r.StatusCode]; ok {
			return &fault.Error{Kind: fault.Exists, Detail: "Response already exists for this resource"}
		}
		m.Responses[r.StatusCode] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return methodResponseOf(r), nil
}

func (d door) getMethodResponse(ctx context.Context, in *GetMethodResponseInput) (*MethodResponse, error) {
	m, err := d.method(ctx, in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	r, ok := m.Responses[*in.StatusCode]
	if !ok {
		return nil, errorOf(ctx, missingResponse)
	}
	return methodResponseOf(r), nil
}

func (d door) deleteMethodResponse(ctx context.Context, in *DeleteMethodResponseInput) (*DeleteMethodResponseOutput, error) {
	return &DeleteMethodResponseOutput{}, d.changeMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *gateways.Method) error {
		if _, ok := m.Responses[*in.StatusCode]; !ok {
			return missingResponse
		}
		delete(m.Responses, *in.StatusCode)
		return nil
	})
}

var missingResponse = &fault.Error{Kind: fault.NotFound, Noun: "response"}

func methodOf(m *gateways.Method) *Method {
	out := &Method{
		HttpMethod: &m.HTTPMethod, AuthorizationType: &m.AuthorizationType, AuthorizerId: m.AuthorizerID, ApiKeyRequired: &m.APIKeyRequired,
		RequestValidatorId: m.RequestValidatorID, OperationName: m.OperationName, RequestParameters: m.RequestParameters,
		RequestModels: m.RequestModels, AuthorizationScopes: m.AuthorizationScopes,
	}
	for code, r := range m.Responses {
		if out.MethodResponses == nil {
			out.MethodResponses = map[string]MethodResponse{}
		}
		out.MethodResponses[code] = *methodResponseOf(r)
	}
	if m.Integration != nil {
		out.MethodIntegration = integrationOf(m.Integration)
	}
	return out
}

func methodResponseOf(r *gateways.MethodResponse) *MethodResponse {
	return &MethodResponse{StatusCode: &r.StatusCode, ResponseParameters: r.ResponseParameters, ResponseModels: r.ResponseModels}
}
