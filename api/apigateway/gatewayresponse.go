package apigateway

import (
	"context"
	"maps"

	"anthill/api/protocol"
	"anthill/gateways"
)

func gatewayResponseOf(g *gateways.GatewayResponse) *GatewayResponse {
	return &GatewayResponse{ResponseType: &g.Type, StatusCode: nonEmpty(&g.StatusCode), ResponseParameters: g.Parameters, ResponseTemplates: g.Templates,
		DefaultResponse: &g.Default}
}

var noGatewayResponse = &NotFoundException{Message: "Invalid Gateway response identifier specified"}

func (d door) putGatewayResponse(ctx context.Context, in *PutGatewayResponseInput) (*GatewayResponse, error) {
	g, ok := gateways.NewGatewayResponse(*in.ResponseType)
	if !ok {
		return nil, bad("Invalid gateway response type specified")
	}
	g.Default = false
	if in.StatusCode != nil {
		g.StatusCode = *in.StatusCode
	}
	if in.ResponseParameters != nil {
		g.Parameters = in.ResponseParameters
	}
	if len(in.ResponseTemplates) > 0 {
		g.Templates = in.ResponseTemplates
	}
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { a.GatewayResponses[g.Type] = g; return nil })
	if err != nil {
		return nil, err
	}
	return gatewayResponseOf(g), nil
}

func (d door) getGatewayResponse(ctx context.Context, in *GetGatewayResponseInput) (*GatewayResponse, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	g, ok := a.GatewayResponse(*in.ResponseType)
	if !ok {
		return nil, noGatewayResponse
	}
	return gatewayResponseOf(g), nil
}

func (d door) getGatewayResponses(ctx context.Context, in *GetGatewayResponsesInput) (*GetGatewayResponsesOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	out := &GetGatewayResponsesOutput{Items: []GatewayResponse{}}
	for _, g := range a.AllGatewayResponses() {
		out.Items = append(out.Items, *gatewayResponseOf(g))
	}
	return out, nil
}

func (d door) deleteGatewayResponse(ctx context.Context, in *DeleteGatewayResponseInput) (*DeleteGatewayResponseOutput, error) {
	return &DeleteGatewayResponseOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if a.GatewayResponses[*in.ResponseType] == nil {
			return &NotFoundException{Message: "Gateway response type not defined on api"}
		}
		delete(a.GatewayResponses, *in.ResponseType)
		return nil
	})
}

func (d door) updateGatewayResponse(ctx context.Context, in *UpdateGatewayResponseInput) (*GatewayResponse, error) {
	var out *gateways.GatewayResponse
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) (err error) {
		g, ok := a.GatewayResponse(*in.ResponseType)
		if !ok {
			return noGatewayResponse
		}
		g.Parameters, g.Templates, g.Default = maps.Clone(g.Parameters), maps.Clone(g.Templates), false
		for _, p := range patchesOf(in.PatchOperations) {
			switch {
			case p.path == "/statusCode" && p.op == "replace":
				g.StatusCode = p.value
			case len(p.parts) == 2 && (p.parts[0] == "responseParameters" || p.parts[0] == "responseTemplates"):
				if p.op != "remove" && p.value == "" {
					return bad("Invalid null or empty value in " + p.parts[0])
				}
				if p.parts[0] == "responseTemplates" {
					g.Templates, err = patchMap(g.Templates, p.parts[1], p, p.value, noContentType)
				} else {
					g.Parameters, err = patchMap(g.Parameters, p.parts[1], p, p.value, noParameter)
				}
				if err != nil {
					return err
				}
			default:
				return badPath(p)
			}
		}
		if g.Parameters == nil {
			g.Parameters = map[string]string{}
		}
		out, a.GatewayResponses[g.Type] = g, g
		return nil
	})
	if err != nil {
		return nil, err
	}
	return gatewayResponseOf(out), nil
}

func partOf(p *gateways.DocumentationPart) *DocumentationPart {
	l := p.Location
	return &DocumentationPart{Id: &p.ID, Properties: &p.Properties,
		Location: &DocumentationPartLocation{Type: &l.Type, Path: l.Path, Method: l.Method, StatusCode: l.StatusCode, Name: l.Name}}
}

var noPart = &NotFoundException{Message: "Invalid Documentation part identifier specified"}

func (d door) createDocumentationPart(ctx context.Context, in *CreateDocumentationPartInput) (*DocumentationPart, error) {
	l := in.Location
	p := &gateways.DocumentationPart{Properties: *in.Properties,
		Location: gateways.DocumentationLocation{Type: protocol.Value(l.Type), Path: l.Path, Method: l.Method, StatusCode: l.StatusCode, Name: l.Name}}
	if !isObject(p.Properties) {
		return nil, bad("Documentation part properties must be a valid JSON object")
	}
	if err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.AddDocumentation(p, now()) }); err != nil {
		return nil, err
	}
	return partOf(p), nil
}

func (d door) getDocumentationPart(ctx context.Context, in *GetDocumentationPartInput) (*DocumentationPart, error) {
	a, err := d.gateways.Get(scopeOf(ctx), *in.RestApiId)
	if err != nil || a.DocumentationParts[*in.DocumentationPartId] == nil {
		return nil, noPart
	}
	return partOf(a.DocumentationParts[*in.DocumentationPartId]), nil
}

func (d door) getDocumentationParts(ctx context.Context, in *GetDocumentationPartsInput) (*GetDocumentationPartsOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	all := sorted(a.DocumentationParts, partOf, func(p *gateways.DocumentationPart) string { return p.Created.UTC().Format(sortable) + p.ID })
	items := []DocumentationPart{}
	for _, p := range all {
		if (in.Type == nil || *p.Location.Type == *in.Type) && (in.Path == nil || protocol.Value(p.Location.Path) == *in.Path) &&
			(in.NameQuery == nil || protocol.Value(p.Location.Name) == *in.NameQuery) {
			items = append(items, p)
		}
	}
	page, next, err := pageOf(items, in.Position, in.Limit, func(p DocumentationPart) string { return *p.Id })
	return &GetDocumentationPartsOutput{Items: page, Position: next}, err
}

func (d door) updateDocumentationPart(ctx context.Context, in *UpdateDocumentationPartInput) (*DocumentationPart, error) {
	var out *gateways.DocumentationPart
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if out = a.DocumentationParts[*in.DocumentationPartId]; out == nil {
			return noPart
		}
		for _, p := range patchesOf(in.PatchOperations) {
			if err := only(p, "/properties"); err != nil {
				return err
			}
			if !isObject(p.value) {
				return bad("Documentation part properties must be a valid JSON object")
			}
			out.Properties = p.value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return partOf(out), nil
}

func (d door) deleteDocumentationPart(ctx context.Context, in *DeleteDocumentationPartInput) (*DeleteDocumentationPartOutput, error) {
	return &DeleteDocumentationPartOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if a.DocumentationParts[*in.DocumentationPartId] == nil {
			return noPart
		}
		delete(a.DocumentationParts, *in.DocumentationPartId)
		return nil
	})
}

func versionOf(v *gateways.DocumentationVersion) *DocumentationVersion {
	return &DocumentationVersion{Version: &v.Version, CreatedDate: &v.Created, Description: v.Description}
}

var noVersion = &NotFoundException{Message: "Invalid Documentation version specified"}

func (d door) createDocumentationVersion(ctx context.Context, in *CreateDocumentationVersionInput) (*DocumentationVersion, error) {
	v := &gateways.DocumentationVersion{Version: *in.DocumentationVersion, Description: in.Description}
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if in.StageName != nil {
			st, err := a.Stage(*in.StageName)
			if err != nil {
				return err
			}
			st.DocumentationVersion = &v.Version
		}
		return a.AddDocumentationVersion(v, now())
	})
	if err != nil {
		return nil, err
	}
	return versionOf(v), nil
}

func (d door) getDocumentationVersion(ctx context.Context, in *GetDocumentationVersionInput) (*DocumentationVersion, error) {
	a, err := d.gateways.Get(scopeOf(ctx), *in.RestApiId)
	if err != nil || a.DocumentationVersions[*in.DocumentationVersion] == nil {
		return nil, noVersion
	}
	return versionOf(a.DocumentationVersions[*in.DocumentationVersion]), nil
}

func (d door) getDocumentationVersions(ctx context.Context, in *GetDocumentationVersionsInput) (*GetDocumentationVersionsOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	items := sorted(a.DocumentationVersions, versionOf, func(v *gateways.DocumentationVersion) string { return v.Version })
	page, next, err := pageOf(items, in.Position, in.Limit, func(v DocumentationVersion) string { return *v.Version })
	return &GetDocumentationVersionsOutput{Items: page, Position: next}, err
}

func (d door) updateDocumentationVersion(ctx context.Context, in *UpdateDocumentationVersionInput) (*DocumentationVersion, error) {
	var out *gateways.DocumentationVersion
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if out = a.DocumentationVersions[*in.DocumentationVersion]; out == nil {
			return noVersion
		}
		for _, p := range patchesOf(in.PatchOperations) {
			if err := only(p, "/description"); err != nil {
				return err
			}
			out.Description = p.text()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return versionOf(out), nil
}

func (d door) deleteDocumentationVersion(ctx context.Context, in *DeleteDocumentationVersionInput) (*DeleteDocumentationVersionOutput, error) {
	return &DeleteDocumentationVersionOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if a.DocumentationVersions[*in.DocumentationVersion] == nil {
			return noVersion
		}
		delete(a.DocumentationVersions, *in.DocumentationVersion)
		return nil
	})
}
