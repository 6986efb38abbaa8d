package apigateway

import (
	"context"
	"strings"

	"anthill/fault"
	"anthill/gateways"
)

func (d door) putIntegration(ctx context.Context, in *PutIntegrationInput) (*Integration, error) {
	i := &gateways.Integration{
		Type: *in.Type, HTTPMethod: in.IntegrationHttpMethod, URI: in.Uri, ConnectionType: in.ConnectionType, ConnectionID: in.ConnectionId,
		Credentials: in.Credentials, RequestParameters: in.RequestParameters, RequestTemplates: in.RequestTemplates,
		PassthroughBehavior: "WHEN_NO_MATCH", ContentHandling: in.ContentHandling, TimeoutMillis: 29000,
		CacheNamespace: *in.ResourceId, CacheKeyParameters: []string{}, Responses: map[string]*gateways.IntegrationResponse{},
	}
	if in.PassthroughBehavior != nil {
		i.PassthroughBehavior = strings.ToUpper(*in.PassthroughBehavior)
	}
	if in.CacheNamespace != nil {
		i.CacheNamespace = *in.CacheNamespace
	}
	if in.CacheKeyParameters != nil {
		i.CacheKeyParameters = in.CacheKeyParameters
	}
	if in.TimeoutInMillis != nil {
		i.TimeoutMillis = *in.TimeoutInMillis
	}
	if err := checkIntegration(i); err != nil {
		return nil, err
	}
	err := d.changeMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *gateways.Method) error {
		m.Integration = i
		return nil
	})
	if err != nil {
		return nil, err
	}
	return integrationOf(i), nil
}

// checkIntegration refuses what AWS refuses, and what is not built.
func checkIntegration(i *gateways.Integration) error {
	bad := func(message string) error { return &BadRequestException{Message: message} }
	switch i.Type {
	case "MOCK":
		return nil
	case "AWS_PROXY":
	case "AWS", "HTTP", "HTTP_PROXY":
		return unsupported("integration type " + i.Type)
	}
	if i.TimeoutMillis < 50 || i.TimeoutMillis > 29000 {
		return bad("Timeout should be between 50 ms and 29000 ms")
	}
	if i.HTTPMethod == nil {
		return bad("Enumeration value for HttpMethod must be non-empty")
	}
	if i.URI == nil || !strings.HasPrefix(*i.URI, "arn:") {
		return bad("Invalid ARN specified in the request")
	}
	if err := gateways.CheckFunctionURI(*i.URI); err != nil {
		return bad(fault.Of(err).Detail)
	}
	return nil
}

// integration finds an integration for reading.
func (d door) integration(ctx context.Context, api, resource, method *string) (*gateways.Integration, error) {
	m, err := d.method(ctx, api, resource, method)
	if err != nil {
		return nil, err
	}
	if m.Integration == nil {
		return nil, errorOf(ctx, missingIntegration)
	}
	return m.Integration, nil
}

var (
	missingIntegration         = &fault.Error{Kind: fault.NotFound, Noun: "integration"}
	missingIntegrationResponse = &fault.Error{Kind: fault.NotFound, Noun: "integration response"}
)

func (d door) getIntegration(ctx context.Context, in *GetIntegrationInput) (*Integration, error) {
	i, err := d.integration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	return integrationOf(i), nil
}

func (d door) deleteIntegration(ctx context.Context, in *DeleteIntegrationInput) (*DeleteIntegrationOutput, error) {
	return &DeleteIntegrationOutput{}, d.changeMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *gateways.Method) error {
		if m.Integration == nil {
			return missingIntegration
		}
		m.Integration = nil
		return nil
	})
}

// changeIntegration finds the integration of a method in a copy of its API and lets f change it.
func (d door) changeIntegration(ctx context.Context, api, resource, method *string, f func(*gateways.Integration) error) error {
	return d.changeMethod(ctx, api, resource, method, func(m *gateways.Method) error {
		if m.Integration == nil {
			return missingIntegration
		}
		return f(m.Integration)
	})
}

func (d door) putIntegrationResponse(ctx context.Context, in *PutIntegrationResponseInput) (*IntegrationResponse, error) {
	r := &gateways.IntegrationResponse{StatusCode: *in.StatusCode, SelectionPattern: in.SelectionPattern, ResponseParameters: in.ResponseParameters,
		ResponseTemplates: in.ResponseTemplates, ContentHandling: in.ContentHandling}
	err := d.changeIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(i *gateways.Integration) error {
		i.Responses[r.StatusCode] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return integrationResponseOf(r), nil
}

func (d door) getIntegrationResponse(ctx context.Context, in *GetIntegrationResponseInput) (*IntegrationResponse, error) {
	i, err := d.integration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	r, ok := i.Responses[*in.StatusCode]
	if !ok {
		return nil, errorOf(ctx, missingIntegrationResponse)
	}
	return integrationResponseOf(r), nil
}

func (d door) deleteIntegrationResponse(ctx context.Context, in *DeleteIntegrationResponseInput) (*DeleteIntegrationResponseOutput, error) {
	return &DeleteIntegrationResponseOutput{}, d.changeIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(i *gateways.Integration) error {
		if _, ok := i.Responses[*in.StatusCode]; !ok {
			return missingIntegrationResponse
		}
		delete(i.Responses, *in.StatusCode)
		return nil
	})
}

func integrationOf(i *gateways.Integration) *Integration {
	out := &Integration{
		Type: &i.Type, HttpMethod: i.HTTPMethod, Uri: i.URI, ConnectionType: i.ConnectionType, ConnectionId: i.ConnectionID, Credentials: i.Credentials,
		RequestParameters: i.RequestParameters, RequestTemplates: i.RequestTemplates, PassthroughBehavior: &i.PassthroughBehavior,
		ContentHandling: i.ContentHandling, TimeoutInMillis: &i.TimeoutMillis, CacheNamespace: &i.CacheNamespace, CacheKeyParameters: i.CacheKeyParameters,
	}
	for code, r := range i.Responses {
		if out.IntegrationResponses == nil {
			out.IntegrationResponses = map[string]IntegrationResponse{}
		}
		out.IntegrationResponses[code] = *integrationResponseOf(r)
	}
	return out
}

func integrationResponseOf(r *gateways.IntegrationResponse) *IntegrationResponse {
	return &IntegrationResponse{StatusCode: &r.StatusCode, SelectionPattern: r.SelectionPattern, ResponseParameters: r.ResponseParameters,
		ResponseTemplates: r.ResponseTemplates, ContentHandling: r.ContentHandling}
}
