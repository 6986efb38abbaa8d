package apigateway

import (
	"context"
	"slices"
	"strconv"

	"anthill/gateways"
)

func (d door) updateRestAPI(ctx context.Context, in *UpdateRestApiInput) (*RestApi, error) {
	var out *gateways.RestAPI
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		out = a
		for _, p := range patchesOf(in.PatchOperations) {
			if err := patchRestAPI(a, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return shownRestAPI(out), nil
}

func patchRestAPI(a *gateways.RestAPI, p patch) error {
	switch {
	case len(p.parts) == 2 && p.parts[0] == "binaryMediaTypes":
		a.BinaryMediaTypes = patchList(a.BinaryMediaTypes, p.parts[1], p)
		return nil
	case len(p.parts) >= 2 && p.parts[0] == "endpointConfiguration":
		return patchEndpoint(a, p)
	}
	switch p.path {
	case "/name", "/description", "/minimumCompressionSize", "/apiKeySource", "/policy", "/disableExecuteApiEndpoint":
	default:
		return badPath(p)
	}
	if err := replaceOnly(p); err != nil {
		return err
	}
	switch p.path {
	case "/name":
		if p.value == "" {
			return bad("Invalid API name specified")
		}
		a.Name = p.value
	case "/description":
		a.Description = p.text()
	case "/policy":
		a.Policy = p.text()
	case "/disableExecuteApiEndpoint":
		a.DisableExecuteAPIEndpoint = p.truth()
	case "/apiKeySource":
		if p.value == "AUTHORIZER" {
			return unsupported("apiKeySource AUTHORIZER")
		}
		if p.value != "HEADER" {
			return bad("Invalid api key source specified. Valid options are HEADER,AUTHORIZER")
		}
	case "/minimumCompressionSize":
		if p.value == "" {
			a.MinimumCompressionSize = nil
			return nil
		}
		n, err := strconv.ParseInt(p.value, 10, 32)
		if err != nil || n < 0 || n > 10485760 {
			return bad(compressionRange)
		}
		a.MinimumCompressionSize = ptr(int32(n))
	}
	return nil
}

const compressionRange = "Invalid minimum compression size, must be between 0 and 10485760"

func patchEndpoint(a *gateways.RestAPI, p patch) error {
	switch p.parts[1] {
	case "types":
		if p.op != "replace" && p.op != "add" {
			return bad("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
		}
		if !slices.Contains([]string{"REGIONAL", "EDGE", "PRIVATE"}, p.value) {
			return bad("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
		}
		a.EndpointTypes = []string{p.value}
		if p.value == "PRIVATE" {
			a.IPAddressType = "dualstack"
		}
	case "ipAddressType":
		if err := replaceOnly(p); err != nil {
			return err
		}
		if p.value != "ipv4" && p.value != "dualstack" {
			return bad("ipAddressType must be either ipv4 or dualstack.")
		}
		a.IPAddressType = p.value
		return checkEndpoint(a)
	case "vpcEndpointIds":
		a.VPCEndpointIDs = patchList(a.VPCEndpointIDs, p.value, p)
	default:
		return badPath(p)
	}
	return nil
}

func checkEndpoint(a *gateways.RestAPI) error {
	if a.EndpointTypes[0] == "PRIVATE" && a.IPAddressType != "dualstack" {
		return bad("Only dualstack ipAddressType is supported for Private APIs.")
	}
	return nil
}
