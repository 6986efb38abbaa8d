package apigateway

import (
	"context"
	"encoding/json"
	"errors"
	"time"

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
		CreateStage: d.createStage, GetStage: d.getStage, GetStages: d.getStages, DeleteStage: d.deleteStage, UpdateStage: d.updateStage,
		UpdateRestApi: d.updateRestAPI, UpdateResource: d.updateResource, UpdateMethod: d.updateMethod, UpdateMethodResponse: d.updateMethodResponse,
		UpdateIntegration: d.updateIntegration, UpdateIntegrationResponse: d.updateIntegrationResponse, UpdateDeployment: d.updateDeployment,
		CreateModel: d.createModel, GetModel: d.getModel, GetModels: d.getModels, UpdateModel: d.updateModel, DeleteModel: d.deleteModel,
		CreateRequestValidator: d.createRequestValidator, GetRequestValidator: d.getRequestValidator, GetRequestValidators: d.getRequestValidators,
		UpdateRequestValidator: d.updateRequestValidator, DeleteRequestValidator: d.deleteRequestValidator,
		CreateAuthorizer: d.createAuthorizer, GetAuthorizer: d.getAuthorizer, GetAuthorizers: d.getAuthorizers, UpdateAuthorizer: d.updateAuthorizer,
		DeleteAuthorizer:   d.deleteAuthorizer,
		PutGatewayResponse: d.putGatewayResponse, GetGatewayResponse: d.getGatewayResponse, GetGatewayResponses: d.getGatewayResponses,
		UpdateGatewayResponse: d.updateGatewayResponse, DeleteGatewayResponse: d.deleteGatewayResponse,
		CreateDocumentationPart: d.createDocumentationPart, GetDocumentationPart: d.getDocumentationPart, GetDocumentationParts: d.getDocumentationParts,
		UpdateDocumentationPart: d.updateDocumentationPart, DeleteDocumentationPart: d.deleteDocumentationPart, ImportDocumentationParts: d.importDocumentationParts,
		CreateDocumentationVersion: d.createDocumentationVersion, GetDocumentationVersion: d.getDocumentationVersion,
		GetDocumentationVersions: d.getDocumentationVersions, UpdateDocumentationVersion: d.updateDocumentationVersion,
		DeleteDocumentationVersion: d.deleteDocumentationVersion,
		CreateApiKey:               d.createAPIKey, GetApiKey: d.getAPIKey, GetApiKeys: d.getAPIKeys, UpdateApiKey: d.updateAPIKey, DeleteApiKey: d.deleteAPIKey,
		CreateUsagePlan: d.createUsagePlan, GetUsagePlan: d.getUsagePlan, GetUsagePlans: d.getUsagePlans, UpdateUsagePlan: d.updateUsagePlan,
		DeleteUsagePlan: d.deleteUsagePlan, CreateUsagePlanKey: d.createUsagePlanKey, GetUsagePlanKey: d.getUsagePlanKey,
		GetUsagePlanKeys: d.getUsagePlanKeys, DeleteUsagePlanKey: d.deleteUsagePlanKey,
		CreateVpcLink: d.createVPCLink, GetVpcLink: d.getVPCLink, GetVpcLinks: d.getVPCLinks, UpdateVpcLink: d.updateVPCLink, DeleteVpcLink: d.deleteVPCLink,
		PutRestApi: d.putRestAPI, ImportRestApi: d.importRestAPI,
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
	var modeled protocol.Modeled
	var plain *protocol.Error
	if errors.As(err, &modeled) {
		return modeled
	} else if errors.As(err, &plain) {
		return plain
	}
	f := fault.Of(err)
	switch f.Kind {
	case fault.NotFound:
		if f.Noun == "api" {
			return &NotFoundException{Message: "Invalid API identifier specified " + protocol.CallOf(ctx).Account + ":" + f.Name}
		}
		return &NotFoundException{Message: map[string]string{
			"resource": "Invalid Resource identifier specified", "method": "Invalid Method identifier specified",
			"integration": "Invalid Integration identifier specified", "stage": "Invalid stage identifier specified",
			"deployment": "Invalid Deployment identifier specified", "response": "Invalid Response status code specified",
			"integration response": "Invalid Response status code specified", "api key": "Invalid API Key identifier specified",
			"usage plan": "Invalid Usage Plan ID specified", "usage plan key": "Invalid Usage Plan Key identifier specified",
			"vpc link": "Invalid Vpc Link identifier specified",
		}[f.Noun]}
	case fault.Unsupported:
		return unsupported(f.Detail)
	case fault.Exists, fault.Conflict:
		return &ConflictException{Message: f.Detail}
	case fault.Invalid:
		return &BadRequestException{Message: f.Detail}
	}
	return err
}

func ptr[T any](v T) *T { return &v }

// resourceless is the error for a call that names a resource of an API that is not there: AWS misses the resource.
func resourceless(err error) error {
	var no *NotFoundException
	if errors.As(err, &no) && len(no.Message) > 32 && no.Message[:32] == "Invalid API identifier specified" {
		return &NotFoundException{Message: "Invalid Resource identifier specified"}
	}
	return err
}

func now() time.Time { return time.Now() }

// sortable prints times so that their order is that of the texts.
const sortable = "2006-01-02T15:04:05.000000000"

func isObject(s string) bool {
	var doc map[string]any
	return json.Unmarshal([]byte(s), &doc) == nil
}
