package apigateway

import (
	"context"
	"strings"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/gateways"
)

// door turns calls into the service's own terms.
type door struct{ gateways *gateways.Service }

// New gives the operations that are built.
func New(g *gateways.Service) Operations {
	d := door{g}
	return Operations{
		CreateRestApi: d.createRestAPI, GetRestApi: d.getRestAPI, GetRestApis: d.getRestAPIs, DeleteRestApi: d.deleteRestAPI,
		GetResources: d.getResources, GetResource: d.getResource, CreateResource: d.createResource, DeleteResource: d.deleteResource,
		PutMethod: d.putMethod, GetMethod: d.getMethod, DeleteMethod: d.deleteMethod,
		PutMethodResponse: d.putMethodResponse, GetMethodResponse: d.getMethodResponse, DeleteMethodResponse: d.deleteMethodResponse,
		PutIntegration: d.putIntegration, GetIntegration: d.getIntegration, DeleteIntegration: d.deleteIntegration,
		PutIntegrationResponse: d.putIntegrationResponse, GetIntegrationResponse: d.getIntegrationResponse, DeleteIntegrationResponse: d.deleteIntegrationResponse,
		CreateDeployment: d.createDeployment, GetDeployment: d.getDeployment, GetDeployments: d.getDeployments, DeleteDeployment: d.deleteDeployment,
		CreateStage: d.createStage, GetStage: d.getStage, GetStages: d.getStages, DeleteStage: d.deleteStage,
	}
}

// scopeOf is whose APIs the call is about.
func scopeOf(ctx context.Context) gateways.Scope {
	c := protocol.CallOf(ctx)
	return gateways.Scope{Account: c.Account, Region: c.Region}
}

// change runs f on a copy of the API and gives AWS's error when it fails.
func (d door) change(ctx context.Context, api *string, f func(*gateways.RestAPI) error) error {
	_, err := d.gateways.Change(scopeOf(ctx), *api, f)
	return errorOf(ctx, err)
}

// api finds an API or gives AWS's error.
func (d door) api(ctx context.Context, id *string) (*gateways.RestAPI, error) {
	a, err := d.gateways.Get(scopeOf(ctx), *id)
	return a, errorOf(ctx, err)
}

// errorOf is the AWS error of a fault.
func errorOf(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	switch f.Kind {
	case fault.NotFound:
		what := map[string]string{"api": "API", "resource": "Resource", "method": "Method", "integration": "Integration", "stage": "Stage",
			"deployment": "Deployment", "response": "Response status code", "integration response": "Response status code"}[f.Noun]
		msg := "Invalid " + what + " identifier specified"
		switch {
		case f.Noun == "api":
			msg += " " + protocol.CallOf(ctx).Account + ":" + f.Name
		case strings.HasSuffix(f.Noun, "response"):
			msg = "Invalid Response status code specified"
		}
		return &NotFoundException{Message: msg}
	case fault.Exists, fault.Conflict:
		return &ConflictException{Message: f.Detail}
	case fault.Invalid:
		return &BadRequestException{Message: f.Detail}
	}
	return err
}

func ptr[T any](v T) *T { return &v }
