package apigateway

import (
	"context"

	"anthill/api/protocol"
	"anthill/gateways"
)

func (d door) createRestAPI(ctx context.Context, in *CreateRestApiInput) (*RestApi, error) {
	if in.CloneFrom != nil {
		return nil, unsupported("CreateRestApi with cloneFrom")
	}
	sc := scopeOf(ctx)
	api := gateways.RestAPI{
		Account: sc.Account, Region: sc.Region, Name: *in.Name, Description: in.Description, Version: in.Version,
		APIKeySource: "HEADER", BinaryMediaTypes: in.BinaryMediaTypes, MinimumCompressionSize: in.MinimumCompressionSize,
		DisableExecuteAPIEndpoint: protocol.Value(in.DisableExecuteApiEndpoint), EndpointTypes: []string{"EDGE"}, IPAddressType: "ipv4",
		Policy: in.Policy, Tags: in.Tags,
	}
	if *in.Name == "" {
		return nil, &BadRequestException{Message: "Invalid API name specified"}
	}
	if in.Description != nil && *in.Description == "" {
		return nil, bad("Description cannot be an empty string")
	}
	if in.ApiKeySource != nil && *in.ApiKeySource == "AUTHORIZER" {
		return nil, unsupported("apiKeySource AUTHORIZER")
	}
	if e := in.EndpointConfiguration; e != nil {
		if err := setEndpoint(&api, e); err != nil {
			return nil, err
		}
	}
	if n := in.MinimumCompressionSize; n != nil && (*n < 0 || *n > 10485760) {
		return nil, bad(compressionRange)
	}
	a, err := d.gateways.Create(api)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return restAPIOf(a), nil
}

func setEndpoint(api *gateways.RestAPI, e *EndpointConfiguration) error {
	switch {
	case e.Types != nil && len(e.Types) == 0:
		return bad("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
	case len(e.Types) > 1:
		return bad("Cannot create an api with multiple Endpoint Types.")
	case len(e.Types) == 1:
		api.EndpointTypes = e.Types
	}
	if api.EndpointTypes[0] == "PRIVATE" {
		api.IPAddressType = "dualstack"
	}
	if e.IpAddressType != nil {
		api.IPAddressType = *e.IpAddressType
	}
	api.VPCEndpointIDs = e.VpcEndpointIds
	return checkEndpoint(api)
}

func (d door) getRestAPI(ctx context.Context, in *GetRestApiInput) (*RestApi, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	return shownRestAPI(a), nil
}

// shownRestAPI is an API as all but its creation shows it: its tags are there even when there are none.
func shownRestAPI(a *gateways.RestAPI) *RestApi {
	out := restAPIOf(a)
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out
}

func (d door) getRestAPIs(ctx context.Context, in *GetRestApisInput) (*GetRestApisOutput, error) {
	items := []RestApi{}
	for _, a := range d.gateways.List(scopeOf(ctx)) {
		items = append(items, *shownRestAPI(a))
	}
	page, next, err := pageOf(items, in.Position, in.Limit, func(a RestApi) string { return *a.Id })
	if err != nil {
		return nil, err
	}
	return &GetRestApisOutput{Items: page, Position: next}, nil
}

func (d door) deleteRestAPI(ctx context.Context, in *DeleteRestApiInput) (*DeleteRestApiOutput, error) {
	return &DeleteRestApiOutput{}, errorOf(ctx, d.gateways.Delete(scopeOf(ctx), *in.RestApiId))
}

func restAPIOf(a *gateways.RestAPI) *RestApi {
	return &RestApi{
		Id: &a.ID, Name: &a.Name, Description: a.Description, CreatedDate: &a.Created, Version: a.Version,
		BinaryMediaTypes: a.BinaryMediaTypes, MinimumCompressionSize: a.MinimumCompressionSize, ApiKeySource: &a.APIKeySource,
		EndpointConfiguration: &EndpointConfiguration{Types: a.EndpointTypes, IpAddressType: &a.IPAddressType, VpcEndpointIds: a.VPCEndpointIDs},
		Policy:                a.Policy, Tags: a.Tags, DisableExecuteApiEndpoint: &a.DisableExecuteAPIEndpoint, RootResourceId: &a.RootResourceID,
	}
}

// pageOf cuts one page out of a list: the limit items (25 when not given, at most 500) after the one whose id is position.
func pageOf[T any](items []T, position *string, limit *int32, id func(T) string) (page []T, next *string, err error) {
	n := int32(25)
	if limit != nil && *limit > 0 {
		n = min(*limit, 500)
	}
	if position != nil && *position != "" {
		at := -1
		for i, x := range items {
			if id(x) == *position {
				at = i
				break
			}
		}
		if at < 0 {
			return nil, nil, &BadRequestException{Message: "Invalid position parameter specified"}
		}
		items = items[at+1:]
	}
	if int(n) < len(items) {
		items = items[:n]
		next = ptr(id(items[n-1]))
	}
	return items, next, nil
}

func unsupported(what string) error {
	return &protocol.Error{Code: "NotImplementedException", Status: 501, Message: what + " is not built yet; see docs/compatibility.md"}
}
