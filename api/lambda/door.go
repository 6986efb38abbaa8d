package lambda

import (
	"context"
	"strconv"
	"time"

	"anthill/api/protocol"
	"anthill/fault"
	"anthill/functions"
)

// door turns calls into the service's own terms.
type door struct{ f *functions.Service }

// New gives the operations that are built.
func New(f *functions.Service) Operations {
	d := door{f}
	return Operations{
		CreateFunction: d.createFunction, GetFunction: d.getFunction, GetFunctionConfiguration: d.getFunctionConfiguration,
		UpdateFunctionCode: d.updateFunctionCode, UpdateFunctionConfiguration: d.updateFunctionConfiguration,
		DeleteFunction: d.deleteFunction, ListFunctions: d.listFunctions,
		Invoke: d.invoke, InvokeAsync: d.invokeAsync, InvokeWithResponseStream: d.invokeWithResponseStream,
		PublishVersion: d.publishVersion, ListVersionsByFunction: d.listVersions,
		CreateAlias: d.createAlias, UpdateAlias: d.updateAlias, GetAlias: d.getAlias, DeleteAlias: d.deleteAlias, ListAliases: d.listAliases,
		AddPermission: d.addPermission, RemovePermission: d.removePermission, GetPolicy: d.getPolicy,
		TagResource: d.tagResource, UntagResource: d.untagResource, ListTags: d.listTags,
		PutFunctionConcurrency: d.putConcurrency, GetFunctionConcurrency: d.getConcurrency, DeleteFunctionConcurrency: d.deleteConcurrency,
		PutProvisionedConcurrencyConfig: d.putProvisioned, GetProvisionedConcurrencyConfig: d.getProvisioned,
		DeleteProvisionedConcurrencyConfig: d.deleteProvisioned, ListProvisionedConcurrencyConfigs: d.listProvisioned,
		GetAccountSettings:           d.getAccountSettings,
		PutFunctionEventInvokeConfig: d.putAsync, UpdateFunctionEventInvokeConfig: d.updateAsync,
		GetFunctionEventInvokeConfig: d.getAsync, DeleteFunctionEventInvokeConfig: d.deleteAsync, ListFunctionEventInvokeConfigs: d.listAsync,
		CreateFunctionUrlConfig: d.createURL, UpdateFunctionUrlConfig: d.updateURL, GetFunctionUrlConfig: d.getURL,
		DeleteFunctionUrlConfig: d.deleteURL, ListFunctionUrlConfigs: d.listURLs,
		PublishLayerVersion: d.publishLayerVersion, GetLayerVersion: d.getLayerVersion, GetLayerVersionByArn: d.getLayerVersionByARN,
		DeleteLayerVersion: d.deleteLayerVersion, ListLayerVersions: d.listLayerVersions, ListLayers: d.listLayers,
		AddLayerVersionPermission: d.addLayerPermission, RemoveLayerVersionPermission: d.removeLayerPermission, GetLayerVersionPolicy: d.getLayerPolicy,
		CreateCodeSigningConfig: d.createSigning, UpdateCodeSigningConfig: d.updateSigning, GetCodeSigningConfig: d.getSigning,
		DeleteCodeSigningConfig: d.deleteSigning, ListCodeSigningConfigs: d.listSigning, ListFunctionsByCodeSigningConfig: d.listSigned,
		PutFunctionCodeSigningConfig: d.putFunctionSigning, GetFunctionCodeSigningConfig: d.getFunctionSigning,
		DeleteFunctionCodeSigningConfig: d.deleteFunctionSigning,
		PutFunctionRecursionConfig:      d.putRecursion, GetFunctionRecursionConfig: d.getRecursion,
		GetRuntimeManagementConfig: d.getRuntimeManagement, PutRuntimeManagementConfig: d.putRuntimeManagement,
		CreateEventSourceMapping: d.createEventSource, ListEventSourceMappings: d.listEventSources,
		GetEventSourceMapping: d.getEventSource, DeleteEventSourceMapping: d.deleteEventSource, UpdateEventSourceMapping: d.updateEventSource,
	}
}

// refOf finds the function that a request names.
func refOf(ctx context.Context, name, qualifier *string) (functions.Ref, error) {
	c := protocol.CallOf(ctx)
	return functions.ParseRef(c.Account, c.Region, protocol.Value(name), protocol.Value(qualifier))
}

// errorOf is the AWS error of a fault.
func errorOf(err error) error {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	user := "User"
	if f.Reason == functions.ReasonUntyped {
		user = ""
	}
	switch f.Kind {
	case fault.NotFound:
		switch f.Reason {
		case functions.ReasonSigning:
			return &CodeSigningConfigNotFoundException{Type: user, Message: f.Detail}
		case functions.ReasonProvisioned:
			return &ProvisionedConcurrencyConfigNotFoundException{Type: user, Message: f.Detail}
		}
		return &ResourceNotFoundException{Type: user, Message: f.Detail}
	case fault.Exists, fault.Conflict:
		if f.Reason == functions.ReasonRevision {
			return &PreconditionFailedException{Type: user, Message: f.Detail}
		}
		switch f.Reason {
		case functions.ReasonNotReady:
			return &SnapStartNotReadyException{Type: user, Message: f.Detail}
		case functions.ReasonRecursion:
			return &RecursiveInvocationException{Type: user, Message: f.Detail}
		case functions.ReasonSnapshot, functions.ReasonUnrestored:
			return &SnapStartException{Type: user, Message: f.Detail}
		case functions.ReasonSlowRestore:
			return &SnapStartTimeoutException{Type: user, Message: f.Detail}
		}
		return &ResourceConflictException{Type: user, Message: f.Detail}
	case fault.Invalid, fault.Unsupported:
		switch f.Reason {
		case functions.ReasonValidation:
			return protocol.Fail("ValidationException", f.Detail)
		case functions.ReasonContent:
			return &InvalidRequestContentException{Type: user, Message: f.Detail}
		case functions.ReasonPolicy:
			return &PolicyLengthExceededException{Type: user, Message: f.Detail}
		case functions.ReasonUnsigned:
			return &CodeVerificationFailedException{Type: user, Message: f.Detail}
		}
		return &InvalidParameterValueException{Type: user, Message: f.Detail}
	case fault.TooLarge:
		return &RequestTooLargeException{Type: user, Message: f.Detail}
	case fault.Throttled:
		return &TooManyRequestsException{Type: user, Message: f.Detail, Reason: f.Reason}
	}
	return err
}

// stamp prints a time as most of Lambda's answers do.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000+0000") }

// zulu prints a time as function URLs' answers do.
func zulu(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

func ptr[T any](v T) *T { return &v }

// optional is nil for an empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func size(n *int) *int32 {
	if n == nil {
		return nil
	}
	return ptr(int32(*n))
}

func number(n *int32) *int {
	if n == nil {
		return nil
	}
	return ptr(int(*n))
}

const defaultPage = 50

// page cuts one page out of all. Markers are positions: AWS's are opaque to clients.
func page[T any](all []T, marker *string, maxItems *int32) (part []T, next *string, err error) {
	from, most := 0, defaultPage
	if maxItems != nil {
		most = min(int(*maxItems), defaultPage)
	}
	if marker != nil && *marker != "" {
		if from, err = strconv.Atoi(*marker); err != nil || from < 0 || from > len(all) {
			return nil, nil, &InvalidParameterValueException{Type: "User", Message: "The provided marker is invalid."}
		}
	}
	to := min(from+most, len(all))
	if to < len(all) {
		next = ptr(strconv.Itoa(to))
	}
	return all[from:to], next, nil
}
