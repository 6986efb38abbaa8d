package apigateway

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"anthill/api/protocol"
	"anthill/gateways"
)

func (d door) createDeployment(ctx context.Context, in *CreateDeploymentInput) (*Deployment, error) {
	if protocol.Value(in.CacheClusterEnabled) {
		return nil, unsupported("a cache cluster")
	}
	var made *gateways.Deployment
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) (err error) {
		if cs := in.CanarySettings; cs != nil {
			made, err = a.DeployCanary(in.Description, in.StageName, gateways.Canary{Percent: protocol.Value(cs.PercentTraffic),
				Overrides: cs.StageVariableOverrides, UsesStageCache: protocol.Value(cs.UseStageCache)}, time.Now())
			return err
		}
		stage := protocol.Value(in.StageName)
		if made, err = a.Deploy(in.Description, stage, time.Now()); err != nil || stage == "" {
			return err
		}
		st := a.Stages[stage]
		if in.StageDescription != nil {
			st.Description = in.StageDescription
		}
		if in.Variables != nil {
			st.Variables = in.Variables
		}
		if in.TracingEnabled != nil {
			st.TracingEnabled = *in.TracingEnabled
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Deployment{Id: &made.ID, Description: made.Description, CreatedDate: &made.Created}, nil
}

func (d door) getDeployment(ctx context.Context, in *GetDeploymentInput) (*Deployment, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	dep, ok := a.Deployments[*in.DeploymentId]
	if !ok {
		return nil, &NotFoundException{Message: "Invalid Deployment identifier specified"}
	}
	out := &Deployment{Id: &dep.ID, Description: dep.Description, CreatedDate: &dep.Created}
	if slices.Contains(in.Embed, "apisummary") {
		out.ApiSummary = map[string]map[string]MethodSnapshot{}
		for path, methods := range dep.Summary() {
			out.ApiSummary[path] = map[string]MethodSnapshot{}
			for name, m := range methods {
				out.ApiSummary[path][name] = MethodSnapshot{AuthorizationType: &m.AuthorizationType, ApiKeyRequired: &m.APIKeyRequired}
			}
		}
	}
	return out, nil
}

func (d door) getDeployments(ctx context.Context, in *GetDeploymentsInput) (*GetDeploymentsOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	items := []Deployment{}
	for _, dep := range a.Deployments {
		items = append(items, Deployment{Id: &dep.ID, Description: dep.Description, CreatedDate: &dep.Created})
	}
	slices.SortFunc(items, func(x, y Deployment) int { return y.CreatedDate.Compare(*x.CreatedDate) })
	page, next, err := pageOf(items, in.Position, in.Limit, func(x Deployment) string { return *x.Id })
	if err != nil {
		return nil, err
	}
	return &GetDeploymentsOutput{Items: page, Position: next}, nil
}

func (d door) deleteDeployment(ctx context.Context, in *DeleteDeploymentInput) (*DeleteDeploymentOutput, error) {
	return &DeleteDeploymentOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.RemoveDeployment(*in.DeploymentId) })
}

func (d door) createStage(ctx context.Context, in *CreateStageInput) (*Stage, error) {
	now := time.Now()
	st := &gateways.Stage{
		Name: *in.StageName, DeploymentID: *in.DeploymentId, Description: in.Description, Variables: in.Variables, Created: now, Updated: now,
		TracingEnabled: protocol.Value(in.TracingEnabled), CacheClusterEnabled: protocol.Value(in.CacheClusterEnabled), CacheClusterSize: in.CacheClusterSize,
		CacheClusterStatus: "NOT_AVAILABLE", DocumentationVersion: in.DocumentationVersion, Tags: in.Tags,
	}
	if cs := in.CanarySettings; cs != nil {
		st.Canary = &gateways.Canary{DeploymentID: cmp.Or(protocol.Value(cs.DeploymentId), st.DeploymentID), Percent: protocol.Value(cs.PercentTraffic),
			Overrides: cs.StageVariableOverrides, UsesStageCache: protocol.Value(cs.UseStageCache)}
	}
	if st.CacheClusterEnabled {
		return nil, unsupported("a cache cluster")
	}
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.AddStage(st) })
	if err != nil {
		return nil, err
	}
	return stageOf(st), nil
}

func (d door) getStage(ctx context.Context, in *GetStageInput) (*Stage, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	st, err := a.Stage(*in.StageName)
	if err != nil {
		return nil, errorOf(ctx, err)
	}
	return stageOf(st), nil
}

func (d door) getStages(ctx context.Context, in *GetStagesInput) (*GetStagesOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	items := []Stage{}
	for _, st := range a.Stages {
		if in.DeploymentId == nil || *in.DeploymentId == st.DeploymentID {
			items = append(items, *stageOf(st))
		}
	}
	slices.SortFunc(items, func(x, y Stage) int {
		return cmp.Or(x.CreatedDate.Compare(*y.CreatedDate), strings.Compare(*x.StageName, *y.StageName))
	})
	return &GetStagesOutput{Item: items}, nil
}

func (d door) deleteStage(ctx context.Context, in *DeleteStageInput) (*DeleteStageOutput, error) {
	return &DeleteStageOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		if _, err := a.Stage(*in.StageName); err != nil {
			return err
		}
		delete(a.Stages, *in.StageName)
		return nil
	})
}

func stageOf(s *gateways.Stage) *Stage {
	out := &Stage{
		DeploymentId: &s.DeploymentID, StageName: &s.Name, Description: s.Description, CacheClusterEnabled: &s.CacheClusterEnabled,
		CacheClusterSize: s.CacheClusterSize, CacheClusterStatus: &s.CacheClusterStatus, MethodSettings: map[string]MethodSetting{},
		Variables: s.Variables, DocumentationVersion: s.DocumentationVersion, TracingEnabled: &s.TracingEnabled, Tags: s.Tags,
		CreatedDate: &s.Created, LastUpdatedDate: &s.Updated, ClientCertificateId: s.ClientCertificateID,
	}
	for key, set := range s.Settings {
		out.MethodSettings[key] = settingOf(set)
	}
	if c := s.Canary; c != nil {
		out.CanarySettings = &CanarySettings{PercentTraffic: &c.Percent, DeploymentId: &c.DeploymentID, StageVariableOverrides: c.Overrides, UseStageCache: &c.UsesStageCache}
	}
	if l := s.AccessLog; l != nil {
		out.AccessLogSettings = &AccessLogSettings{Format: l.Format, DestinationArn: l.Destination}
	}
	return out
}

func (d door) updateDeployment(ctx context.Context, in *UpdateDeploymentInput) (*Deployment, error) {
	var out gateways.Deployment
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error {
		dep := a.Deployments[*in.DeploymentId]
		if dep == nil {
			return &NotFoundException{Message: "Invalid Deployment identifier specified"}
		}
		out = *dep
		for _, p := range patchesOf(in.PatchOperations) {
			if err := only(p, "/description"); err != nil {
				return err
			}
			out.Description = p.text()
		}
		a.Deployments[out.ID] = &out
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Deployment{Id: &out.ID, Description: out.Description, CreatedDate: &out.Created}, nil
}
