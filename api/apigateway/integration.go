package apigateway

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"anthill/api/protocol"
	"anthill/arn"
	"anthill/fault"
	"anthill/gateways"
)

func (d door) putIntegration(ctx context.Context, in *PutIntegrationInput) (*Integration, error) {
	i := &gateways.Integration{
		Type: *in.Type, HTTPMethod: in.IntegrationHttpMethod, URI: in.Uri, ConnectionType: in.ConnectionType, ConnectionID: in.ConnectionId,
		Credentials: nonEmpty(in.Credentials), RequestParameters: in.RequestParameters, RequestTemplates: in.RequestTemplates,
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
	err := checkIntegration(i)
	if err == nil {
		err = checkTemplates(i.RequestTemplates)
	}
	if err != nil {
		return nil, err
	}
	err = d.changeMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *gateways.Method) error {
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
	if i.Type == "MOCK" {
		i.URI = nil
		return nil
	}
	if i.HTTPMethod == nil || *i.HTTPMethod == "" {
		return bad("Enumeration value for HttpMethod must be non-empty")
	}
	if i.TimeoutMillis < 50 || i.TimeoutMillis > 29000 {
		return bad("Timeout should be between 50 ms and 29000 ms")
	}
	if i.ConnectionType != nil && *i.ConnectionType == "VPC_LINK" && (i.ConnectionID == nil || *i.ConnectionID == "") {
		return bad("When connection type is VPC_LINK, connectionId must be specified")
	}
	uri := protocol.Value(i.URI)
	if i.Type == "HTTP" || i.Type == "HTTP_PROXY" {
		if i.ConnectionType == nil {
			i.ConnectionType = ptr("INTERNET")
		}
		if u, err := url.Parse(strings.NewReplacer("{", "", "}", "", "$", "").Replace(uri)); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return bad("Invalid HTTP endpoint specified for URI")
		}
		return nil
	}
	return checkServiceURI(i.Type, uri)
}

// checkServiceURI refuses the URI of an AWS or AWS_PROXY integration that names no service.
func checkServiceURI(kind, uri string) error {
	a, err := arn.Parse(uri)
	if err != nil {
		return bad("Invalid ARN specified in the request")
	}
	if a.Service != "apigateway" || !strings.HasPrefix(a.Resource, "path/") && !strings.HasPrefix(a.Resource, "action/") {
		return bad("AWS ARN for integration must contain path or action")
	}
	if a.Account != "lambda" {
		if kind == "AWS_PROXY" {
			return bad("Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.")
		}
		return nil
	}
	if err := gateways.CheckFunctionURI(uri); err != nil {
		return bad(fault.Of(err).Detail)
	}
	return nil
}

var contentTypes = regexp.MustCompile(`^[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+$`)

// checkTemplates refuses keys that are no content types and templates that do not parse.
func checkTemplates(templates map[string]string) error {
	for contentType, t := range templates {
		if contentType != "$default" && !contentTypes.MatchString(contentType) {
			return bad("Validation Result: warnings : [], errors : [Invalid content type specified: " + contentType + "]")
		}
		if err := gateways.CheckTemplate(t); err != nil {
			return bad("Invalid mapping template specified: " + err.Error())
		}
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
	if err := checkTemplates(r.ResponseTemplates); err != nil {
		return nil, err
	}
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
