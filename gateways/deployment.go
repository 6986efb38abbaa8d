package gateways

import (
	"slices"
	"strings"
	"time"

	"anthill/fault"
)

// Deploy keeps the resources as they stand, and shows them in stage unless that is "".
func (a *RestAPI) Deploy(description *string, stage string, now time.Time) (*Deployment, error) {
	const op = "gateways.Deploy"
	methods := 0
	for _, r := range a.Resources {
		for _, m := range r.Methods {
			if m.Integration == nil {
				return nil, invalid(op, "deployment", "No integration defined for method")
			}
			methods++
		}
	}
	if methods == 0 {
		return nil, invalid(op, "deployment", "The REST API doesn't contain any methods")
	}
	d := &Deployment{ID: newID(6), Description: description, Created: now, Resources: cloneResources(a.Resources),
		Models: copies(a.Models), Validators: copies(a.Validators), Authorizers: copies(a.Authorizers)}
	a.Deployments[d.ID] = d
	if stage != "" {
		st, ok := a.Stages[stage]
		if !ok {
			st = &Stage{Name: stage, Created: now, CacheClusterStatus: "NOT_AVAILABLE"}
			a.Stages[stage] = st
		}
		st.DeploymentID, st.Updated = d.ID, now
	}
	return d, nil
}

// DeployCanary keeps the resources as they stand, and shows them to a part of the stage's requests.
func (a *RestAPI) DeployCanary(description *string, stage *string, canary Canary, now time.Time) (*Deployment, error) {
	const op = "gateways.DeployCanary"
	if stage == nil || *stage == "" {
		name := "null"
		if stage != nil {
			name = ""
		}
		return nil, invalid(op, "deployment", "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is "+name)
	}
	st, ok := a.Stages[*stage]
	if !ok {
		return nil, invalid(op, "deployment", "Invalid deployment content specified.Stage "+*stage+" must already be created before making a canary release deployment")
	}
	d, err := a.Deploy(description, "", now)
	if err != nil {
		return nil, err
	}
	canary.DeploymentID = d.ID
	st.Canary, st.Updated = &canary, now
	return d, nil
}

// RemoveDeployment takes a deployment away that no stage shows.
func (a *RestAPI) RemoveDeployment(id string) error {
	const op = "gateways.RemoveDeployment"
	if _, ok := a.Deployments[id]; !ok {
		return notFound(op, "deployment", id)
	}
	for _, st := range a.Stages {
		if st.DeploymentID == id || st.Canary != nil && st.Canary.DeploymentID == id {
			return invalid(op, "deployment", "Active stages pointing to this deployment must be moved or deleted")
		}
	}
	delete(a.Deployments, id)
	return nil
}

// AddStage names a deployment.
func (a *RestAPI) AddStage(st *Stage) error {
	const op = "gateways.AddStage"
	_, ok := a.Deployments[st.DeploymentID]
	if st.Canary != nil && ok {
		_, ok = a.Deployments[st.Canary.DeploymentID]
	}
	if !ok {
		return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "deployment", Name: st.DeploymentID, Detail: "Deployment id does not exist"}
	}
	if _, ok := a.Stages[st.Name]; ok {
		return conflict(op, "stage", st.Name, "Stage already exists")
	}
	a.Stages[st.Name] = st
	return nil
}

// Stage finds a stage by its name.
func (a *RestAPI) Stage(name string) (*Stage, error) {
	st, ok := a.Stages[name]
	if !ok {
		return nil, notFound("gateways.Stage", "stage", name)
	}
	return st, nil
}

// SortedResources gives an API's resources by their path.
func (a *RestAPI) SortedResources() []*Resource {
	var out []*Resource
	for _, r := range a.Resources {
		out = append(out, r)
	}
	slices.SortFunc(out, func(x, y *Resource) int { return strings.Compare(x.Path, y.Path) })
	return out
}
