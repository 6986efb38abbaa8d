package apigateway

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"anthill/gateways"
)

func (d door) updateResource(ctx context.Context, in *UpdateResourceInput) (*Resource, error) {
	var out *gateways.Resource
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		for _, p := range patchesOf(in.PatchOperations) {
			part, parent := "", ""
			switch p.path {
			case "/pathPart":
				part = p.value
			case "/parentId":
				parent = p.value
			default:
				return badPath(p)
			}
			if err := replaceOnly(p); err != nil {
				return err
			}
			if err := a.MoveResource(*in.ResourceId, part, parent); err != nil {
				return err
			}
		}
		if out = a.Resources[*in.ResourceId]; out == nil {
			return &NotFoundException{Message: "Invalid Resource identifier specified"}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return resourceOf(out, false), nil
}

func (d door) updateMethod(ctx context.Context, in *UpdateMethodInput) (*Method, error) {
	var out *gateways.Method
	err := d.changeMethodOf(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(a *gateways.RestAPI, m *gateways.Method) error {
		out = m
		for _, p := range patchesOf(in.PatchOperations) {
			if err := patchMethod(m, p); err != nil {
				return err
			}
		}
		return a.CheckMethod(m)
	})
	if err != nil {
		return nil, err
	}
	return methodOf(out), nil
}

func patchMethod(m *gateways.Method, p patch) (err error) {
	if len(p.parts) == 2 {
		switch p.parts[0] {
		case "requestParameters":
			m.RequestParameters, err = patchMap(m.RequestParameters, p.parts[1], p, p.truth(), noParameter)
			return err
		case "requestModels":
			m.RequestModels, err = patchMap(m.RequestModels, p.parts[1], p, p.value, noContentType)
			return err
		}
	}
	if p.parts != nil && p.parts[0] == "authorizationScopes" {
		m.AuthorizationScopes = patchList(m.AuthorizationScopes, p.value, p)
		return nil
	}
	switch p.path {
	case "/operationName", "/apiKeyRequired", "/authorizationType", "/authorizerId", "/requestValidatorId":
	default:
		return badPath(p)
	}
	if err := replaceOnly(p); err != nil {
		return err
	}
	switch p.path {
	case "/operationName":
		m.OperationName = p.text()
	case "/apiKeyRequired":
		m.APIKeyRequired = p.truth()
	case "/authorizationType":
		m.AuthorizationType = p.value
	case "/authorizerId":
		m.AuthorizerID = p.text()
	case "/requestValidatorId":
		m.RequestValidatorID = p.text()
	}
	return nil
}

func (d door) updateMethodResponse(ctx context.Context, in *UpdateMethodResponseInput) (*MethodResponse, error) {
	var out *gateways.MethodResponse
	err := d.changeMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *gateways.Method) (err error) {
		r, ok := m.Responses[*in.StatusCode]
		if !ok {
			return missingResponse
		}
		out = r
		for _, p := range patchesOf(in.PatchOperations) {
			switch {
			case len(p.parts) == 2 && p.parts[0] == "responseParameters":
				r.ResponseParameters, err = patchMap(r.ResponseParameters, p.parts[1], p, p.truth(), noParameter)
			case len(p.parts) == 2 && p.parts[0] == "responseModels":
				r.ResponseModels, err = patchMap(r.ResponseModels, p.parts[1], p, p.value, noContentType)
			default:
				err = badPath(p)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return methodResponseOf(out), nil
}

func (d door) updateIntegration(ctx context.Context, in *UpdateIntegrationInput) (*Integration, error) {
	var out *gateways.Integration
	err := d.changeIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(i *gateways.Integration) error {
		out = i
		for _, p := range patchesOf(in.PatchOperations) {
			if err := patchIntegration(i, p); err != nil {
				return err
			}
		}
		return checkIntegration(i)
	})
	if err != nil {
		return nil, err
	}
	return integrationOf(out), nil
}

func patchIntegration(i *gateways.Integration, p patch) (err error) {
	if len(p.parts) == 2 {
		switch p.parts[0] {
		case "requestParameters":
			i.RequestParameters, err = patchMap(i.RequestParameters, p.parts[1], p, p.value, noParameter)
			return err
		case "requestTemplates":
			i.RequestTemplates, err = patchMap(i.RequestTemplates, p.parts[1], p, p.value, noContentType)
			return err
		case "cacheKeyParameters":
			if i.CacheKeyParameters = patchList(i.CacheKeyParameters, p.parts[1], p); i.CacheKeyParameters == nil {
				i.CacheKeyParameters = []string{}
			}
			return nil
		}
	}
	switch p.path {
	case "/uri":
		i.URI = p.text()
	case "/httpMethod":
		i.HTTPMethod = p.text()
	case "/credentials":
		i.Credentials = p.text()
	case "/connectionId":
		i.ConnectionID = p.text()
	case "/connectionType":
		i.ConnectionType = p.text()
	case "/passthroughBehavior":
		i.PassthroughBehavior = strings.ToUpper(p.value)
	case "/contentHandling":
		i.ContentHandling = p.text()
	case "/cacheNamespace":
		i.CacheNamespace = p.value
	case "/timeoutInMillis":
		n, err := strconv.ParseInt(p.value, 10, 32)
		if err != nil {
			return bad("Invalid timeout specified")
		}
		i.TimeoutMillis = int32(n)
	default:
		return badPath(p)
	}
	if p.op == "remove" && slices.Contains([]string{"/contentHandling", "/credentials"}, p.path) {
		return nil
	}
	return replaceOnly(p)
}

func (d door) updateIntegrationResponse(ctx context.Context, in *UpdateIntegrationResponseInput) (*IntegrationResponse, error) {
	var out *gateways.IntegrationResponse
	err := d.changeIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(i *gateways.Integration) (err error) {
		r, ok := i.Responses[*in.StatusCode]
		if !ok {
			return missingIntegrationResponse
		}
		out = r
		for _, p := range patchesOf(in.PatchOperations) {
			switch {
			case len(p.parts) == 2 && p.parts[0] == "responseParameters":
				r.ResponseParameters, err = patchMap(r.ResponseParameters, p.parts[1], p, p.value, noParameter)
			case len(p.parts) == 2 && p.parts[0] == "responseTemplates":
				r.ResponseTemplates, err = patchMap(r.ResponseTemplates, p.parts[1], p, p.value, noContentType)
			case p.path == "/selectionPattern":
				r.SelectionPattern = &p.value
			case p.path == "/contentHandling":
				r.ContentHandling = p.text()
			default:
				err = badPath(p)
			}
			if err != nil {
				return err
			}
		}
		return checkTemplates(r.ResponseTemplates)
	})
	if err != nil {
		return nil, err
	}
	return integrationResponseOf(out), nil
}
