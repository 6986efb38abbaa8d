package apigateway

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"anthill/api/protocol"
	"anthill/gateways"
)

func modelOf(m *gateways.Model) *Model {
	return &Model{Id: &m.ID, Name: &m.Name, Description: m.Description, Schema: &m.Schema, ContentType: &m.ContentType}
}

func nonEmpty(s *string) *string {
	if s != nil && *s == "" {
		return nil
	}
	return s
}

func (d door) createModel(ctx context.Context, in *CreateModelInput) (*Model, error) {
	m := &gateways.Model{Name: *in.Name, Description: nonEmpty(in.Description), ContentType: *in.ContentType, Schema: protocol.Value(in.Schema)}
	if err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.AddModel(m) }); err != nil {
		return nil, err
	}
	return modelOf(m), nil
}

func noModel(name string) error {
	return &NotFoundException{Message: "Invalid model name specified: " + name}
}

func (d door) getModel(ctx context.Context, in *GetModelInput) (*Model, error) {
	a, err := d.gateways.Get(scopeOf(ctx), *in.RestApiId)
	if err != nil || a.Models[*in.ModelName] == nil {
		return nil, noModel(*in.ModelName)
	}
	return modelOf(a.Models[*in.ModelName]), nil
}

func (d door) getModels(ctx context.Context, in *GetModelsInput) (*GetModelsOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	items := sorted(a.Models, modelOf, func(m *gateways.Model) string { return m.Name })
	page, next, err := pageOf(items, in.Position, in.Limit, func(m Model) string { return *m.Id })
	return &GetModelsOutput{Items: page, Position: next}, err
}

// sorted shows the things of a map by what key gives.
func sorted[T, W any](m map[string]*T, show func(*T) *W, key func(*T) string) []W {
	all := make([]*T, 0, len(m))
	for _, x := range m {
		all = append(all, x)
	}
	slices.SortFunc(all, func(x, y *T) int { return strings.Compare(key(x), key(y)) })
	out := make([]W, 0, len(all))
	for _, x := range all {
		out = append(out, *show(x))
	}
	return out
}

func (d door) deleteModel(ctx context.Context, in *DeleteModelInput) (*DeleteModelOutput, error) {
	if _, err := d.getModel(ctx, &GetModelInput{RestApiId: in.RestApiId, ModelName: in.ModelName}); err != nil {
		return nil, err
	}
	return &DeleteModelOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.RemoveModel(*in.ModelName) })
}

func (d door) updateModel(ctx context.Context, in *UpdateModelInput) (*Model, error) {
	if _, err := d.getModel(ctx, &GetModelInput{RestApiId: in.RestApiId, ModelName: in.ModelName}); err != nil {
		return nil, err
	}
	var out *gateways.Model
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		out = a.Models[*in.ModelName]
		for _, p := range patchesOf(in.PatchOperations) {
			if err := only(p, "/description", "/schema"); err != nil {
				return err
			}
			if p.path == "/description" {
				out.Description = p.text()
				continue
			}
			if err := gateways.CheckSchema(&p.value); err != nil {
				return err
			}
			out.Schema = p.value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return modelOf(out), nil
}

func validatorOf(v *gateways.Validator) *RequestValidator {
	return &RequestValidator{Id: &v.ID, Name: nonEmpty(&v.Name), ValidateRequestBody: &v.Body, ValidateRequestParameters: &v.Parameters}
}

var noValidator = &NotFoundException{Message: "Invalid Request Validator identifier specified"}

func (d door) createRequestValidator(ctx context.Context, in *CreateRequestValidatorInput) (*RequestValidator, error) {
	if _, err := d.gateways.Get(scopeOf(ctx), *in.RestApiId); err != nil {
		return nil, bad("Invalid REST API identifier specified")
	}
	v := &gateways.Validator{Name: protocol.Value(in.Name), Body: protocol.Value(in.ValidateRequestBody), Parameters: protocol.Value(in.ValidateRequestParameters)}
	if err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { a.AddValidator(v); return nil }); err != nil {
		return nil, err
	}
	return validatorOf(v), nil
}

func (d door) getRequestValidator(ctx context.Context, in *GetRequestValidatorInput) (*RequestValidator, error) {
	a, err := d.gateways.Get(scopeOf(ctx), *in.RestApiId)
	if err != nil || a.Validators[*in.RequestValidatorId] == nil {
		return nil, noValidator
	}
	return validatorOf(a.Validators[*in.RequestValidatorId]), nil
}

func (d door) getRequestValidators(ctx context.Context, in *GetRequestValidatorsInput) (*GetRequestValidatorsOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	items := sorted(a.Validators, validatorOf, func(v *gateways.Validator) string { return v.ID })
	page, next, err := pageOf(items, in.Position, in.Limit, func(v RequestValidator) string { return *v.Id })
	return &GetRequestValidatorsOutput{Items: page, Position: next}, err
}

func (d door) deleteRequestValidator(ctx context.Context, in *DeleteRequestValidatorInput) (*DeleteRequestValidatorOutput, error) {
	return &DeleteRequestValidatorOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if a.Validators[*in.RequestValidatorId] == nil {
			return noValidator
		}
		delete(a.Validators, *in.RequestValidatorId)
		return nil
	})
}

func (d door) updateRequestValidator(ctx context.Context, in *UpdateRequestValidatorInput) (*RequestValidator, error) {
	var out *gateways.Validator
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if out = a.Validators[*in.RequestValidatorId]; out == nil {
			return noValidator
		}
		for _, p := range patchesOf(in.PatchOperations) {
			if err := only(p, "/name", "/validateRequestParameters", "/validateRequestBody"); err != nil {
				return err
			}
			switch p.path {
			case "/name":
				if p.value == "" {
					return bad("Request Validator name cannot be blank")
				}
				out.Name = p.value
			case "/validateRequestBody":
				out.Body = p.truth()
			default:
				out.Parameters = p.truth()
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return validatorOf(out), nil
}

func authorizerOf(a *gateways.Authorizer) *Authorizer {
	return &Authorizer{Id: &a.ID, Name: &a.Name, Type: &a.Type, AuthType: a.AuthType, AuthorizerUri: a.URI, AuthorizerCredentials: a.Credentials,
		IdentitySource: a.Source, IdentityValidationExpression: a.Validation, AuthorizerResultTtlInSeconds: a.TTLSeconds, ProviderARNs: a.ProviderARNs}
}

var noAuthorizer = &NotFoundException{Message: "Invalid Authorizer identifier specified"}

func (d door) createAuthorizer(ctx context.Context, in *CreateAuthorizerInput) (*Authorizer, error) {
	if *in.Type == "COGNITO_USER_POOLS" {
		return nil, unsupported("an authorizer of type COGNITO_USER_POOLS")
	}
	au := &gateways.Authorizer{Name: *in.Name, Type: *in.Type, AuthType: ptr(cmp.Or(protocol.Value(in.AuthType), "custom")), URI: in.AuthorizerUri,
		Credentials: in.AuthorizerCredentials, Source: in.IdentitySource, Validation: in.IdentityValidationExpression, TTLSeconds: in.AuthorizerResultTtlInSeconds}
	if err := checkAuthorizer(au); err != nil {
		return nil, err
	}
	if err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.AddAuthorizer(au) }); err != nil {
		return nil, err
	}
	return authorizerOf(au), nil
}

func checkAuthorizer(au *gateways.Authorizer) error {
	switch {
	case au.Name == "":
		return bad("Authorizer name cannot be empty")
	case au.URI == nil || !strings.HasPrefix(*au.URI, "arn:"):
		return bad("Invalid Authorizer URI: " + protocol.Value(au.URI) + ". Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation.")
	case au.Type == "TOKEN" && (au.Source == nil || !strings.HasPrefix(*au.Source, "method.request.header.")):
		return bad("TOKEN Authorizers require a header identity source expression: " + protocol.Value(au.Source))
	}
	return nil
}

func (d door) getAuthorizer(ctx context.Context, in *GetAuthorizerInput) (*Authorizer, error) {
	a, err := d.gateways.Get(scopeOf(ctx), *in.RestApiId)
	if err != nil || a.Authorizers[*in.AuthorizerId] == nil {
		return nil, noAuthorizer
	}
	return authorizerOf(a.Authorizers[*in.AuthorizerId]), nil
}

func (d door) getAuthorizers(ctx context.Context, in *GetAuthorizersInput) (*GetAuthorizersOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	items := sorted(a.Authorizers, authorizerOf, func(v *gateways.Authorizer) string { return v.ID })
	page, next, err := pageOf(items, in.Position, in.Limit, func(v Authorizer) string { return *v.Id })
	return &GetAuthorizersOutput{Items: page, Position: next}, err
}

func (d door) deleteAuthorizer(ctx context.Context, in *DeleteAuthorizerInput) (*DeleteAuthorizerOutput, error) {
	return &DeleteAuthorizerOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if a.Authorizers[*in.AuthorizerId] == nil {
			return noAuthorizer
		}
		delete(a.Authorizers, *in.AuthorizerId)
		return nil
	})
}

func (d door) updateAuthorizer(ctx context.Context, in *UpdateAuthorizerInput) (*Authorizer, error) {
	var out *gateways.Authorizer
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if out = a.Authorizers[*in.AuthorizerId]; out == nil {
			return noAuthorizer
		}
		for _, p := range patchesOf(in.PatchOperations) {
			if err := replaceOnly(p); err != nil {
				return err
			}
			switch p.path {
			case "/name":
				out.Name = p.value
			case "/authorizerUri":
				out.URI = p.text()
			case "/authorizerCredentials":
				out.Credentials = p.text()
			case "/identitySource":
				out.Source = p.text()
			case "/identityValidationExpression":
				out.Validation = p.text()
			case "/authorizerResultTtlInSeconds":
				var n int32
				for _, c := range p.value {
					if c < '0' || c > '9' || n > 3600 {
						return bad("Authorizer result TTL must be between 0 and 3600 seconds.")
					}
					n = n*10 + int32(c-'0')
				}
				out.TTLSeconds = &n
			case "/authType":
				out.AuthType = p.text()
			default:
				return badPath(p)
			}
		}
		return checkAuthorizer(out)
	})
	if err != nil {
		return nil, err
	}
	return authorizerOf(out), nil
}
