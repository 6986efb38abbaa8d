package lambda

import (
	"context"

	"anthill/api/protocol"
	"anthill/functions"
)

func (d door) publishVersion(ctx context.Context, in *PublishVersionInput) (*FunctionConfiguration, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	if err := refuse(nil, map[string]bool{"PublishTo": in.PublishTo != nil}); err != nil {
		return nil, err
	}
	v, err := d.f.Publish(functions.Publication{Ref: r, Description: in.Description, CodeSHA256: protocol.Value(in.CodeSha256), Revision: protocol.Value(in.RevisionId)})
	if err != nil {
		return nil, errorOf(err)
	}
	return configurationOf(v), nil
}

func (d door) listVersions(ctx context.Context, in *ListVersionsByFunctionInput) (*ListVersionsByFunctionOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	all, err := d.f.Versions(r)
	if err != nil {
		return nil, errorOf(err)
	}
	part, next, err := page(all, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListVersionsByFunctionOutput{Versions: listedAll(part), NextMarker: next}, nil
}
