package sfn

import (
	"context"

	"anthill/api/protocol"
	"anthill/workflows"
)

func (d door) publishStateMachineVersion(_ context.Context, in *PublishStateMachineVersionInput) (*PublishStateMachineVersionOutput, error) {
	v, err := d.workflows.PublishVersion(*in.StateMachineArn, val(in.Description), val(in.RevisionId))
	if err != nil {
		return nil, errorOf(err)
	}
	return &PublishStateMachineVersionOutput{CreationDate: &v.Created, StateMachineVersionArn: ptr(v.ARN())}, nil
}

func (d door) listStateMachineVersions(_ context.Context, in *ListStateMachineVersionsInput) (*ListStateMachineVersionsOutput, error) {
	if _, err := d.workflows.Resolve(*in.StateMachineArn); err != nil {
		return nil, errorOf(err)
	}
	page, next, err := workflows.Page(d.workflows.Versions(*in.StateMachineArn), int(val(in.MaxResults)), val(in.NextToken), (*workflows.Version).ARN)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &ListStateMachineVersionsOutput{StateMachineVersions: []StateMachineVersionListItem{}, NextToken: protocol.Optional(next)}
	for _, v := range page {
		out.StateMachineVersions = append(out.StateMachineVersions, StateMachineVersionListItem{StateMachineVersionArn: ptr(v.ARN()), CreationDate: &v.Created})
	}
	return out, nil
}

func (d door) deleteStateMachineVersion(_ context.Context, in *DeleteStateMachineVersionInput) (*DeleteStateMachineVersionOutput, error) {
	if err := d.workflows.DeleteVersion(*in.StateMachineVersionArn); err != nil {
		return nil, errorOf(err)
	}
	return &DeleteStateMachineVersionOutput{}, nil
}

func (d door) createStateMachineAlias(_ context.Context, in *CreateStateMachineAliasInput) (*CreateStateMachineAliasOutput, error) {
	a, err := d.workflows.CreateAlias(*in.Name, val(in.Description), routesOf(in.RoutingConfiguration))
	if err != nil {
		return nil, errorOf(err)
	}
	return &CreateStateMachineAliasOutput{StateMachineAliasArn: &a.ARN, CreationDate: &a.Created}, nil
}

func (d door) updateStateMachineAlias(_ context.Context, in *UpdateStateMachineAliasInput) (*UpdateStateMachineAliasOutput, error) {
	a, err := d.workflows.UpdateAlias(*in.StateMachineAliasArn, in.Description, routesOf(in.RoutingConfiguration))
	if err != nil {
		return nil, errorOf(err)
	}
	return &UpdateStateMachineAliasOutput{UpdateDate: &a.Updated}, nil
}

func (d door) describeStateMachineAlias(_ context.Context, in *DescribeStateMachineAliasInput) (*DescribeStateMachineAliasOutput, error) {
	a, err := d.workflows.Alias(*in.StateMachineAliasArn)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &DescribeStateMachineAliasOutput{StateMachineAliasArn: &a.ARN, Name: &a.Name, Description: protocol.Optional(a.Description), CreationDate: &a.Created, UpdateDate: &a.Updated}
	for _, r := range a.Routes {
		out.RoutingConfiguration = append(out.RoutingConfiguration, RoutingConfigurationListItem{StateMachineVersionArn: &r.VersionARN, Weight: &r.Weight})
	}
	return out, nil
}

func (d door) listStateMachineAliases(_ context.Context, in *ListStateMachineAliasesInput) (*ListStateMachineAliasesOutput, error) {
	t, err := d.workflows.Resolve(*in.StateMachineArn)
	if err != nil {
		return nil, errorOf(err)
	}
	var list []*workflows.Alias
	for _, a := range d.workflows.Aliases(t.Machine.ARN) {
		if t.Version == nil || routesTo(a, t.Version.ARN()) {
			list = append(list, a)
		}
	}
	page, next, err := workflows.Page(list, int(val(in.MaxResults)), val(in.NextToken), func(a *workflows.Alias) string { return a.ARN })
	if err != nil {
		return nil, errorOf(err)
	}
	out := &ListStateMachineAliasesOutput{StateMachineAliases: []StateMachineAliasListItem{}, NextToken: protocol.Optional(next)}
	for _, a := range page {
		out.StateMachineAliases = append(out.StateMachineAliases, StateMachineAliasListItem{StateMachineAliasArn: &a.ARN, CreationDate: &a.Created})
	}
	return out, nil
}

func routesTo(a *workflows.Alias, versionARN string) bool {
	for _, r := range a.Routes {
		if r.VersionARN == versionARN {
			return true
		}
	}
	return false
}

func (d door) deleteStateMachineAlias(_ context.Context, in *DeleteStateMachineAliasInput) (*DeleteStateMachineAliasOutput, error) {
	if err := d.workflows.DeleteAlias(*in.StateMachineAliasArn); err != nil {
		return nil, errorOf(err)
	}
	return &DeleteStateMachineAliasOutput{}, nil
}

func routesOf(list []RoutingConfigurationListItem) []workflows.Route {
	var out []workflows.Route
	for _, r := range list {
		out = append(out, workflows.Route{VersionARN: val(r.StateMachineVersionArn), Weight: val(r.Weight)})
	}
	return out
}
