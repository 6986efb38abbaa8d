package lambda

import (
	"context"
	"strconv"

	"anthill/api/protocol"
	"anthill/arn"
	"anthill/functions"
)

// layerOf finds the layer that a request names.
func layerOf(ctx context.Context, name *string) functions.Key {
	c := protocol.CallOf(ctx)
	return functions.ParseLayer(c.Account, c.Region, *name)
}

func layerVersionOf(ctx context.Context, d *functions.LayerDescription) *GetLayerVersionResponse {
	v := d.Version
	return &GetLayerVersionResponse{LayerArn: ptr(d.Layer.ARN()), LayerVersionArn: ptr(d.Layer.VersionARN(v.Number)), Version: ptr(int64(v.Number)),
		Description: &v.Description, LicenseInfo: optional(v.License), CreatedDate: ptr(stamp(v.Created)),
		CompatibleRuntimes: v.Runtimes, CompatibleArchitectures: v.Architectures,
		Content: &LayerVersionContentOutput{CodeSha256: ptr(v.Code.SHA256()), CodeSize: &v.Code.Size, Location: ptr(location(ctx, v.Code))}}
}

func layerItemOf(d *functions.LayerDescription) LayerVersionsListItem {
	v := d.Version
	return LayerVersionsListItem{LayerVersionArn: ptr(d.Layer.VersionARN(v.Number)), Version: ptr(int64(v.Number)), Description: &v.Description,
		CreatedDate: ptr(stamp(v.Created)), LicenseInfo: optional(v.License), CompatibleRuntimes: v.Runtimes, CompatibleArchitectures: v.Architectures}
}

func (d door) publishLayerVersion(ctx context.Context, in *PublishLayerVersionInput) (*PublishLayerVersionOutput, error) {
	v := functions.LayerVersion{Description: protocol.Value(in.Description), License: protocol.Value(in.LicenseInfo),
		Runtimes: in.CompatibleRuntimes, Architectures: in.CompatibleArchitectures}
	src := functions.CodeSource{Zip: in.Content.ZipFile, Bucket: protocol.Value(in.Content.S3Bucket), Key: protocol.Value(in.Content.S3Key),
		ObjectVersion: protocol.Value(in.Content.S3ObjectVersion)}
	l, err := d.f.PublishLayer(ctx, layerOf(ctx, in.LayerName), v, src)
	if err != nil {
		return nil, errorOf(err)
	}
	g := layerVersionOf(ctx, l)
	return &PublishLayerVersionOutput{Content: g.Content, LayerArn: g.LayerArn, LayerVersionArn: g.LayerVersionArn, Description: g.Description,
		CreatedDate: g.CreatedDate, Version: g.Version, CompatibleRuntimes: g.CompatibleRuntimes, LicenseInfo: g.LicenseInfo,
		CompatibleArchitectures: g.CompatibleArchitectures}, nil
}

func (d door) getLayerVersion(ctx context.Context, in *GetLayerVersionInput) (*GetLayerVersionResponse, error) {
	l, err := d.f.GetLayer(layerOf(ctx, in.LayerName), int(*in.VersionNumber))
	if err != nil {
		return nil, errorOf(err)
	}
	return layerVersionOf(ctx, l), nil
}

func (d door) getLayerVersionByARN(ctx context.Context, in *GetLayerVersionByArnInput) (*GetLayerVersionResponse, error) {
	n := 0
	if a, err := arn.Parse(*in.Arn); err == nil {
		if parts := a.Split(); len(parts) == 3 {
			n, _ = strconv.Atoi(parts[2])
		}
	}
	l, err := d.f.GetLayer(layerOf(ctx, in.Arn), n)
	if err != nil {
		return nil, errorOf(err)
	}
	return layerVersionOf(ctx, l), nil
}

func (d door) deleteLayerVersion(ctx context.Context, in *DeleteLayerVersionInput) (*DeleteLayerVersionOutput, error) {
	return &DeleteLayerVersionOutput{}, errorOf(d.f.DeleteLayer(layerOf(ctx, in.LayerName), int(*in.VersionNumber)))
}

func (d door) listLayerVersions(ctx context.Context, in *ListLayerVersionsInput) (*ListLayerVersionsOutput, error) {
	all := d.f.LayerVersions(layerOf(ctx, in.LayerName), protocol.Value(in.CompatibleRuntime), protocol.Value(in.CompatibleArchitecture))
	part, next, err := page(all, in.Marker, in.MaxItems)
	out := &ListLayerVersionsOutput{NextMarker: next, LayerVersions: make([]LayerVersionsListItem, len(part))}
	for i, l := range part {
		out.LayerVersions[i] = layerItemOf(l)
	}
	return out, err
}

func (d door) listLayers(ctx context.Context, in *ListLayersInput) (*ListLayersOutput, error) {
	c := protocol.CallOf(ctx)
	all := d.f.Layers(c.Account, c.Region, protocol.Value(in.CompatibleRuntime), protocol.Value(in.CompatibleArchitecture))
	part, next, err := page(all, in.Marker, in.MaxItems)
	out := &ListLayersOutput{NextMarker: next, Layers: make([]LayersListItem, len(part))}
	for i, l := range part {
		out.Layers[i] = LayersListItem{LayerName: &l.Layer.Name, LayerArn: ptr(l.Layer.ARN()), LatestMatchingVersion: ptr(layerItemOf(l))}
	}
	return out, err
}

func (d door) addLayerPermission(ctx context.Context, in *AddLayerVersionPermissionInput) (*AddLayerVersionPermissionOutput, error) {
	st, revision, err := d.f.AddLayerPermission(layerOf(ctx, in.LayerName), int(*in.VersionNumber), functions.Permission{Sid: *in.StatementId,
		Action: *in.Action, Principal: *in.Principal, OrganizationID: protocol.Value(in.OrganizationId), Revision: protocol.Value(in.RevisionId)})
	if err != nil {
		return nil, errorOf(err)
	}
	return &AddLayerVersionPermissionOutput{Statement: ptr(st.JSON()), RevisionId: &revision}, nil
}

func (d door) removeLayerPermission(ctx context.Context, in *RemoveLayerVersionPermissionInput) (*RemoveLayerVersionPermissionOutput, error) {
	err := d.f.RemoveLayerPermission(layerOf(ctx, in.LayerName), int(*in.VersionNumber), *in.StatementId, protocol.Value(in.RevisionId))
	return &RemoveLayerVersionPermissionOutput{}, errorOf(err)
}

func (d door) getLayerPolicy(ctx context.Context, in *GetLayerVersionPolicyInput) (*GetLayerVersionPolicyOutput, error) {
	p, err := d.f.LayerPolicy(layerOf(ctx, in.LayerName), int(*in.VersionNumber))
	if err != nil {
		return nil, errorOf(err)
	}
	return &GetLayerVersionPolicyOutput{Policy: ptr(p.Document()), RevisionId: &p.Revision}, nil
}
