package apigateway

import (
	"context"
	"strconv"
	"strings"

	"anthill/api/protocol"
	"anthill/arn"
	"anthill/gateways"
)

func keyOf(k *gateways.APIKey, values bool) *ApiKey {
	out := &ApiKey{Id: &k.ID, Name: nonEmpty(&k.Name), CustomerId: k.CustomerID, Description: k.Description, Enabled: &k.Enabled, CreatedDate: &k.Created,
		LastUpdatedDate: &k.Updated, StageKeys: []string{}, Tags: k.Tags}
	if values {
		out.Value = &k.Value
	}
	return out
}

func (d door) createAPIKey(ctx context.Context, in *CreateApiKeyInput) (*ApiKey, error) {
	if len(in.StageKeys) > 0 {
		return nil, unsupported("CreateApiKey with stageKeys (use a usage plan)")
	}
	k, err := d.gateways.CreateKey(gateways.APIKey{Scope: scopeOf(ctx), Name: protocol.Value(in.Name), Value: protocol.Value(in.Value), Description: in.Description,
		CustomerID: in.CustomerId, Enabled: protocol.Value(in.Enabled), Tags: in.Tags})
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return keyOf(k, true), nil
}

func (d door) getAPIKey(ctx context.Context, in *GetApiKeyInput) (*ApiKey, error) {
	k, err := d.gateways.Keys.Get(scopeOf(ctx), *in.ApiKey)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return keyOf(k, protocol.Value(in.IncludeValue)), nil
}

func (d door) getAPIKeys(ctx context.Context, in *GetApiKeysInput) (*GetApiKeysOutput, error) {
	items := []ApiKey{}
	for _, k := range d.gateways.Keys.List(scopeOf(ctx)) {
		if strings.HasPrefix(k.Name, protocol.Value(in.NameQuery)) && (in.CustomerId == nil || protocol.Value(k.CustomerID) == *in.CustomerId) {
			items = append(items, *keyOf(k, protocol.Value(in.IncludeValues)))
		}
	}
	page, next, err := pageOf(items, in.Position, in.Limit, func(k ApiKey) string { return *k.Id })
	return &GetApiKeysOutput{Items: page, Position: next}, err
}

func (d door) deleteAPIKey(ctx context.Context, in *DeleteApiKeyInput) (*DeleteApiKeyOutput, error) {
	return &DeleteApiKeyOutput{}, errorOf(ctx, d.gateways.DeleteKey(scopeOf(ctx), *in.ApiKey))
}

func (d door) updateAPIKey(ctx context.Context, in *UpdateApiKeyInput) (*ApiKey, error) {
	old, err := d.gateways.Keys.Get(scopeOf(ctx), *in.ApiKey)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	k := *old
	for _, p := range patchesOf(in.PatchOperations) {
		switch p.path {
		case "/name":
			k.Name = p.value
		case "/description":
			k.Description = p.text()
		case "/customerId":
			k.CustomerID = p.text()
		case "/enabled":
			k.Enabled = p.truth()
		default:
			return nil, bad("Invalid patch path  '" + p.path + "' specified for op '" + p.op + "'. Must be one of: [/name, /description, /customerId, /enabled]")
		}
		if err := replaceOnly(p); err != nil {
			return nil, err
		}
	}
	k.Updated = now()
	return keyOf(&k, false), errorOf(ctx, d.gateways.Keys.Put(&k))
}

func planOf(p *gateways.UsagePlan) *UsagePlan {
	out := &UsagePlan{Id: &p.ID, Name: &p.Name, Description: p.Description, ApiStages: []ApiStage{}, ProductCode: p.ProductCode, Tags: p.Tags}
	for _, st := range p.Stages {
		out.ApiStages = append(out.ApiStages, ApiStage{ApiId: ptr(st.API), Stage: ptr(st.Stage)})
	}
	if p.Throttle != nil {
		out.Throttle = &ThrottleSettings{BurstLimit: &p.Throttle.Burst, RateLimit: &p.Throttle.Rate}
	}
	return out
}

func (d door) createUsagePlan(ctx context.Context, in *CreateUsagePlanInput) (*UsagePlan, error) {
	if in.Quota != nil {
		return nil, unsupported("a usage plan's quota")
	}
	p := gateways.UsagePlan{Scope: scopeOf(ctx), Name: *in.Name, Description: in.Description, Tags: in.Tags}
	if p.Name == "" {
		return nil, bad("Usage Plan name can't be empty.")
	}
	if t := in.Throttle; t != nil {
		p.Throttle = &gateways.Throttle{Rate: protocol.Value(t.RateLimit), Burst: protocol.Value(t.BurstLimit)}
	}
	for _, st := range in.ApiStages {
		if len(st.Throttle) > 0 {
			return nil, unsupported("throttling of single methods in a usage plan")
		}
		if err := d.addStage(ctx, &p, protocol.Value(st.ApiId), protocol.Value(st.Stage)); err != nil {
			return nil, err
		}
	}
	made, err := d.gateways.CreatePlan(p)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return planOf(made), nil
}

func (d door) addStage(ctx context.Context, p *gateways.UsagePlan, api, stage string) error {
	a, err := d.gateways.Get(scopeOf(ctx), api)
	if err != nil || a.Stages[stage] == nil {
		return &NotFoundException{Message: "API Stage not found: " + api + ":" + stage}
	}
	for _, st := range p.Stages {
		if st == (gateways.PlanStage{API: api, Stage: stage}) {
			return &ConflictException{Message: "Usage Plan already has this API stage"}
		}
	}
	p.Stages = append(p.Stages[:len(p.Stages):len(p.Stages)], gateways.PlanStage{API: api, Stage: stage})
	return nil
}

func (d door) getUsagePlan(ctx context.Context, in *GetUsagePlanInput) (*UsagePlan, error) {
	p, err := d.gateways.Plans.Get(scopeOf(ctx), *in.UsagePlanId)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return planOf(p), nil
}

func (d door) getUsagePlans(ctx context.Context, in *GetUsagePlansInput) (*GetUsagePlansOutput, error) {
	items := []UsagePlan{}
	for _, p := range d.gateways.Plans.List(scopeOf(ctx)) {
		if in.KeyId == nil || containsText(p.Keys, *in.KeyId) {
			items = append(items, *planOf(p))
		}
	}
	page, next, err := pageOf(items, in.Position, in.Limit, func(p UsagePlan) string { return *p.Id })
	return &GetUsagePlansOutput{Items: page, Position: next}, err
}

func containsText(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (d door) deleteUsagePlan(ctx context.Context, in *DeleteUsagePlanInput) (*DeleteUsagePlanOutput, error) {
	p, err := d.gateways.Plans.Get(scopeOf(ctx), *in.UsagePlanId)
	if err == nil && len(p.Stages) > 0 {
		return nil, bad("Cannot delete a Usage Plan associated with an API stage")
	}
	return &DeleteUsagePlanOutput{}, errorOf(ctx, d.gateways.Plans.Delete(scopeOf(ctx), *in.UsagePlanId))
}

func (d door) updateUsagePlan(ctx context.Context, in *UpdateUsagePlanInput) (*UsagePlan, error) {
	old, err := d.gateways.Plans.Get(scopeOf(ctx), *in.UsagePlanId)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	p := *old
	for _, o := range patchesOf(in.PatchOperations) {
		if err := d.patchPlan(ctx, &p, o); err != nil {
			return nil, err
		}
	}
	return planOf(&p), errorOf(ctx, d.gateways.Plans.Put(&p))
}

func (d door) patchPlan(ctx context.Context, p *gateways.UsagePlan, o patch) error {
	if len(o.parts) == 0 {
		return badPath(o)
	}
	switch o.parts[0] {
	case "quota":
		return unsupported("a usage plan's quota")
	case "throttle":
		if o.op == "remove" {
			p.Throttle = nil
			return nil
		}
		t := gateways.Throttle{}
		if p.Throttle != nil {
			t = *p.Throttle
		}
		if f, err := strconv.ParseFloat(o.value, 64); err != nil {
			return bad("Invalid throttle setting specified")
		} else if o.path == "/throttle/rateLimit" {
			t.Rate = f
		} else {
			t.Burst = int32(f)
		}
		p.Throttle = &t
		return nil
	case "apiStages":
		api, stage, _ := strings.Cut(o.value, ":")
		if o.op == "add" {
			return d.addStage(ctx, p, api, stage)
		}
		var left []gateways.PlanStage
		for _, st := range p.Stages {
			if st != (gateways.PlanStage{API: api, Stage: stage}) {
				left = append(left, st)
			}
		}
		p.Stages = left
		return nil
	}
	switch o.path {
	case "/name":
		p.Name = o.value
	case "/description":
		p.Description = o.text()
	case "/productCode":
		p.ProductCode = o.text()
	default:
		return badPath(o)
	}
	return nil
}

func planKeyOf(k *gateways.APIKey) *UsagePlanKey {
	return &UsagePlanKey{Id: &k.ID, Type: ptr("API_KEY"), Value: &k.Value, Name: nonEmpty(&k.Name)}
}

func (d door) createUsagePlanKey(ctx context.Context, in *CreateUsagePlanKeyInput) (*UsagePlanKey, error) {
	if *in.KeyType != "API_KEY" {
		return nil, bad("Invalid key type. Valid options are [API_KEY]")
	}
	k, err := d.gateways.AddPlanKey(scopeOf(ctx), *in.UsagePlanId, *in.KeyId)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return planKeyOf(k), nil
}

func (d door) getUsagePlanKey(ctx context.Context, in *GetUsagePlanKeyInput) (*UsagePlanKey, error) {
	p, err := d.gateways.Plans.Get(scopeOf(ctx), *in.UsagePlanId)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	k, err := d.gateways.Keys.Get(scopeOf(ctx), *in.KeyId)
	if err != nil || !containsText(p.Keys, k.ID) {
		return nil, &NotFoundException{Message: "Invalid Usage Plan Key identifier specified"}
	}
	return planKeyOf(k), nil
}

// getUsagePlanKeys gives nothing for a plan that is not there, as AWS does.
func (d door) getUsagePlanKeys(ctx context.Context, in *GetUsagePlanKeysInput) (*GetUsagePlanKeysOutput, error) {
	items := []UsagePlanKey{}
	if p, err := d.gateways.Plans.Get(scopeOf(ctx), *in.UsagePlanId); err == nil {
		for i := len(p.Keys) - 1; i >= 0; i-- {
			k, err := d.gateways.Keys.Get(scopeOf(ctx), p.Keys[i])
			if err == nil && strings.HasPrefix(k.Name, protocol.Value(in.NameQuery)) {
				items = append(items, *planKeyOf(k))
			}
		}
	}
	page, next, err := pageOf(items, in.Position, in.Limit, func(k UsagePlanKey) string { return *k.Id })
	return &GetUsagePlanKeysOutput{Items: page, Position: next}, err
}

func (d door) deleteUsagePlanKey(ctx context.Context, in *DeleteUsagePlanKeyInput) (*DeleteUsagePlanKeyOutput, error) {
	return &DeleteUsagePlanKeyOutput{}, errorOf(ctx, d.gateways.RemovePlanKey(scopeOf(ctx), *in.UsagePlanId, *in.KeyId))
}

func linkOf(l *gateways.VPCLink) *VpcLink {
	return &VpcLink{Id: &l.ID, Name: &l.Name, Description: l.Description, TargetArns: l.Targets, Status: ptr("AVAILABLE"),
		StatusMessage: ptr("Your vpc link is ready for use"), Tags: l.Tags}
}

func (d door) createVPCLink(ctx context.Context, in *CreateVpcLinkInput) (*VpcLink, error) {
	if *in.Name == "" {
		return nil, bad("Name cannot be empty")
	}
	for _, t := range in.TargetArns {
		if _, err := arn.Parse(t); err != nil {
			return nil, bad("Invalid ARN. ARN is not well formed " + t)
		}
	}
	l, err := d.gateways.CreateVPCLink(gateways.VPCLink{Scope: scopeOf(ctx), Name: *in.Name, Description: in.Description, Targets: in.TargetArns, Tags: in.Tags})
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return linkOf(l), nil
}

func (d door) getVPCLink(ctx context.Context, in *GetVpcLinkInput) (*VpcLink, error) {
	l, err := d.gateways.Links.Get(scopeOf(ctx), *in.VpcLinkId)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return linkOf(l), nil
}

func (d door) getVPCLinks(ctx context.Context, in *GetVpcLinksInput) (*GetVpcLinksOutput, error) {
	items := []VpcLink{}
	for _, l := range d.gateways.Links.List(scopeOf(ctx)) {
		items = append(items, *linkOf(l))
	}
	page, next, err := pageOf(items, in.Position, in.Limit, func(l VpcLink) string { return *l.Id })
	return &GetVpcLinksOutput{Items: page, Position: next}, err
}

func (d door) deleteVPCLink(ctx context.Context, in *DeleteVpcLinkInput) (*DeleteVpcLinkOutput, error) {
	return &DeleteVpcLinkOutput{}, errorOf(ctx, d.gateways.Links.Delete(scopeOf(ctx), *in.VpcLinkId))
}

func (d door) updateVPCLink(ctx context.Context, in *UpdateVpcLinkInput) (*VpcLink, error) {
	old, err := d.gateways.Links.Get(scopeOf(ctx), *in.VpcLinkId)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	l := *old
	for _, p := range patchesOf(in.PatchOperations) {
		if err := only(p, "/name", "/description"); err != nil {
			return nil, err
		}
		if p.path == "/name" {
			l.Name = p.value
		} else {
			l.Description = p.text()
		}
	}
	return linkOf(&l), errorOf(ctx, d.gateways.Links.Put(&l))
}
