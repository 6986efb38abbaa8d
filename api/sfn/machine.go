package sfn

import (
	"context"

	"anthill/api/protocol"
	"anthill/asl"
	"anthill/workflows"
)

func (d door) createStateMachine(ctx context.Context, in *CreateStateMachineInput) (*CreateStateMachineOutput, error) {
	m, v, err := d.workflows.CreateMachine(scopeOf(ctx), workflows.MachineInput{
		Name: *in.Name, Definition: *in.Definition, RoleARN: *in.RoleArn, Type: workflows.Type(val(in.Type)), Logging: loggingOf(in.LoggingConfiguration),
		Tracing: in.TracingConfiguration != nil && val(in.TracingConfiguration.Enabled), Encryption: encryptionOf(in.EncryptionConfiguration),
		Tags: tagsOf(in.Tags), Publish: val(in.Publish), VersionDescription: val(in.VersionDescription),
	})
	if err != nil {
		return nil, errorOf(err)
	}
	out := &CreateStateMachineOutput{StateMachineArn: &m.ARN, CreationDate: &m.Created}
	if v != nil {
		out.StateMachineVersionArn = ptr(v.ARN())
	}
	return out, nil
}

func (d door) updateStateMachine(_ context.Context, in *UpdateStateMachineInput) (*UpdateStateMachineOutput, error) {
	u := workflows.MachineUpdate{Definition: val(in.Definition), RoleARN: val(in.RoleArn), Logging: loggingOf(in.LoggingConfiguration),
		Encryption: encryptionOf(in.EncryptionConfiguration), Publish: val(in.Publish), VersionDescription: val(in.VersionDescription)}
	if in.TracingConfiguration != nil {
		u.Tracing = ptr(val(in.TracingConfiguration.Enabled))
	}
	m, v, err := d.workflows.UpdateMachine(*in.StateMachineArn, u)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &UpdateStateMachineOutput{UpdateDate: &m.Updated, RevisionId: protocol.Optional(m.Revision.ID)}
	if v != nil {
		out.StateMachineVersionArn = ptr(v.ARN())
	}
	return out, nil
}

func (d door) describeStateMachine(_ context.Context, in *DescribeStateMachineInput) (*DescribeStateMachineOutput, error) {
	t, err := d.workflows.Resolve(*in.StateMachineArn)
	if err != nil {
		return nil, errorOf(err)
	}
	r := t.Revision
	out := &DescribeStateMachineOutput{StateMachineArn: &t.Machine.ARN, Name: &t.Machine.Name, Status: ptr("ACTIVE"), Definition: &r.Definition, RoleArn: &r.RoleARN,
		Type: ptr(string(r.Type)), CreationDate: &t.Machine.Created, LoggingConfiguration: loggingTo(r.Logging),
		TracingConfiguration: &TracingConfiguration{Enabled: &r.Tracing}, RevisionId: protocol.Optional(r.ID), EncryptionConfiguration: encryptionTo(r.Encryption),
		Label: protocol.Optional(t.Label), VariableReferences: d.variables(r)}
	if t.Version != nil {
		out.StateMachineArn, out.CreationDate, out.Description = ptr(t.Version.ARN()), &t.Version.Created, protocol.Optional(t.Version.Description)
	}
	if val(in.IncludedData) == "METADATA_ONLY" {
		out.Definition, out.VariableReferences = nil, nil
	}
	return out, nil
}

// variables is variableReferences; nil when the definition mentions no variables.
func (d door) variables(r *workflows.Revision) map[string][]string {
	refs := d.workflows.Variables(r)
	if len(refs) == 0 {
		return nil
	}
	out := map[string][]string{}
	for _, s := range refs {
		out[s.State] = s.Variables
	}
	return out
}

func (d door) describeStateMachineForExecution(_ context.Context, in *DescribeStateMachineForExecutionInput) (*DescribeStateMachineForExecutionOutput, error) {
	e, r, err := d.workflows.RevisionOf(*in.ExecutionArn)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &DescribeStateMachineForExecutionOutput{StateMachineArn: &e.MachineARN, Name: &e.MachineName, Definition: &r.Definition, RoleArn: &r.RoleARN,
		UpdateDate: &r.Updated, LoggingConfiguration: loggingTo(r.Logging), TracingConfiguration: &TracingConfiguration{Enabled: &r.Tracing},
		MapRunArn: protocol.Optional(e.MapRunARN), Label: protocol.Optional(workflows.LabelOf(e)), RevisionId: protocol.Optional(r.ID), EncryptionConfiguration: encryptionTo(r.Encryption), VariableReferences: d.variables(r)}
	if val(in.IncludedData) == "METADATA_ONLY" {
		out.Definition, out.VariableReferences = nil, nil
	}
	return out, nil
}

func (d door) listStateMachines(ctx context.Context, in *ListStateMachinesInput) (*ListStateMachinesOutput, error) {
	page, next, err := workflows.Page(d.workflows.Machines(scopeOf(ctx)), int(val(in.MaxResults)), val(in.NextToken), func(m *workflows.Machine) string { return m.ARN })
	if err != nil {
		return nil, errorOf(err)
	}
	out := &ListStateMachinesOutput{StateMachines: []StateMachineListItem{}, NextToken: protocol.Optional(next)}
	for _, m := range page {
		out.StateMachines = append(out.StateMachines, StateMachineListItem{StateMachineArn: &m.ARN, Name: &m.Name, Type: ptr(string(m.Type)), CreationDate: &m.Created})
	}
	return out, nil
}

func (d door) deleteStateMachine(_ context.Context, in *DeleteStateMachineInput) (*DeleteStateMachineOutput, error) {
	if err := d.workflows.DeleteMachine(*in.StateMachineArn); err != nil {
		return nil, errorOf(err)
	}
	return &DeleteStateMachineOutput{}, nil
}

func (d door) validateStateMachineDefinition(_ context.Context, in *ValidateStateMachineDefinitionInput) (*ValidateStateMachineDefinitionOutput, error) {
	_, problems := asl.Parse(*in.Definition, asl.Options{Express: val(in.Type) == string(workflows.Express)})
	out := &ValidateStateMachineDefinitionOutput{Result: ptr("OK"), Diagnostics: []ValidateStateMachineDefinitionDiagnostic{}}
	limit := 100
	if n := int(val(in.MaxResults)); n > 0 {
		limit = n
	}
	for _, p := range problems {
		severity := "ERROR"
		if p.Severity == asl.Warning {
			severity = "WARNING"
			if val(in.Severity) != "WARNING" {
				continue
			}
		} else {
			out.Result = ptr("FAIL")
		}
		if len(out.Diagnostics) == limit {
			out.Truncated = ptr(true)
			continue
		}
		out.Diagnostics = append(out.Diagnostics, ValidateStateMachineDefinitionDiagnostic{Severity: &severity, Code: ptr(p.Code), Message: ptr(p.Message), Location: protocol.Optional(p.Location)})
	}
	if out.Truncated == nil {
		out.Truncated = ptr(false)
	}
	return out, nil
}

func loggingOf(l *LoggingConfiguration) *workflows.Logging {
	if l == nil {
		return nil
	}
	out := &workflows.Logging{Level: val(l.Level), IncludeExecutionData: val(l.IncludeExecutionData)}
	for _, dest := range l.Destinations {
		if dest.CloudWatchLogsLogGroup != nil {
			out.Groups = append(out.Groups, val(dest.CloudWatchLogsLogGroup.LogGroupArn))
		}
	}
	return out
}

func loggingTo(l workflows.Logging) *LoggingConfiguration {
	out := &LoggingConfiguration{Level: &l.Level, IncludeExecutionData: &l.IncludeExecutionData}
	for _, g := range l.Groups {
		out.Destinations = append(out.Destinations, LogDestination{CloudWatchLogsLogGroup: &CloudWatchLogsLogGroup{LogGroupArn: &g}})
	}
	return out
}

func encryptionOf(e *EncryptionConfiguration) *workflows.Encryption {
	if e == nil {
		return nil
	}
	return &workflows.Encryption{Type: val(e.Type), KeyID: val(e.KmsKeyId), ReuseSeconds: val(e.KmsDataKeyReusePeriodSeconds)}
}

// encryptionTo shows how a resource is encrypted. AWS has said so of every state machine since customer managed keys came
// (July 2024); before that the member was absent.
func encryptionTo(e *workflows.Encryption) *EncryptionConfiguration {
	if e == nil {
		return &EncryptionConfiguration{Type: ptr("AWS_OWNED_KEY")}
	}
	return &EncryptionConfiguration{Type: &e.Type, KmsKeyId: protocol.Optional(e.KeyID), KmsDataKeyReusePeriodSeconds: protocol.Optional(e.ReuseSeconds)}
}
