package apigateway

import (
	"context"
	"slices"

	"anthill/gateways"
)

func (d door) getResources(ctx context.Context, in *GetResourcesInput) (*GetResourcesOutput, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	items := []Resource{}
	for _, r := range a.SortedResources() {
		items = append(items, *resourceOf(r, slices.Contains(in.Embed, "methods")))
	}
	page, next, err := pageOf(items, in.Position, in.Limit, func(r Resource) string { return *r.Id })
	if err != nil {
		return nil, err
	}
	return &GetResourcesOutput{Items: page, Position: next}, nil
}

func (d door) getResource(ctx context.Context, in *GetResourceInput) (*Resource, error) {
	a, err := d.api(ctx, in.RestApiId)
	if err != nil {
		return nil, err
	}
	r, ok := a.Resources[*in.ResourceId]
	if !ok {
		return nil, &NotFoundException{Message: "Invalid Resource identifier specified"}
	}
	return resourceOf(r, slices.Contains(in.Embed, "methods")), nil
}

func (d door) createResource(ctx context.Context, in *CreateResourceInput) (*Resource, error) {
	var made *gateways.Resource
	err := d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) (err error) {
		made, err = a.AddResource(*in.ParentId, *in.PathPart)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resourceOf(made, false), nil
}

func (d door) deleteResource(ctx context.Context, in *DeleteResourceInput) (*DeleteResourceOutput, error) {
	return &DeleteResourceOutput{}, d.change(ctx, in.RestApiId, func(a *gateways.RestAPI) error { return a.RemoveResource(*in.ResourceId) })
}

// resourceOf shows a resource. Methods are named always and described only when the caller asked to embed them.
func resourceOf(r *gateways.Resource, embed bool) *Resource {
	out := &Resource{Id: &r.ID, Path: &r.Path}
	if r.ParentID != "" {
		out.ParentId, out.PathPart = &r.ParentID, &r.PathPart
	}
	for name, m := range r.Methods {
		if out.ResourceMethods == nil {
			out.ResourceMethods = map[string]Method{}
		}
		if embed {
			out.ResourceMethods[name] = *methodOf(m)
		} else {
			out.ResourceMethods[name] = Method{}
		}
	}
	return out
}
