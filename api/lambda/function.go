package lambda

import (
	"context"
	"slices"
	"strings"

	"anthill/api/protocol"
	"anthill/functions"
)

func (d door) createFunction(ctx context.Context, in *CreateFunctionInput) (*CreateFunctionOutput, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	if err := refuse(in.VpcConfig, map[string]bool{
		"KMSKeyArn": protocol.Value(in.KMSKeyArn) != "", "FileSystemConfigs": len(in.FileSystemConfigs) > 0, "CapacityProviderConfig": in.CapacityProviderConfig != nil,
		"PublishTo": in.PublishTo != nil, "DurableConfig": in.DurableConfig != nil, "TenancyConfig": in.TenancyConfig != nil,
		"Code.SourceKMSKeyArn": in.Code.SourceKMSKeyArn != nil}); err != nil {
		return nil, err
	}
	c := functions.Creation{Ref: r, Settings: specOf(in), Layers: in.Layers, Tags: in.Tags, Publish: protocol.Value(in.Publish),
		SigningConfig: protocol.Value(in.CodeSigningConfigArn),
		Code: functions.CodeSource{Zip: in.Code.ZipFile, Bucket: protocol.Value(in.Code.S3Bucket), Key: protocol.Value(in.Code.S3Key),
			ObjectVersion: protocol.Value(in.Code.S3ObjectVersion), ImageURI: protocol.Value(in.Code.ImageUri)}}
	created, err := d.f.Create(ctx, c)
	if err != nil {
		return nil, errorOf(err)
	}
	return configurationOf(created), nil
}

// refuse answers requests for what Anthill does not have. A virtual private cloud's groups and subnets do not exist
// here, and that is what AWS says of such.
func refuse(vpc *VpcConfig, asked map[string]bool) error {
	if vpc != nil && len(vpc.SecurityGroupIds) > 0 {
		return &InvalidParameterValueException{Type: "User", Message: "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group '" + vpc.SecurityGroupIds[0] + "' does not exist"}
	}
	if vpc != nil && len(vpc.SubnetIds) > 0 {
		return &InvalidParameterValueException{Type: "User", Message: "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID '" + vpc.SubnetIds[0] + "' does not exist"}
	}
	var names []string
	for name, is := range asked {
		if is {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	return &InvalidParameterValueException{Type: "User", Message: strings.Join(names, " and ") + " cannot be honoured by Anthill; remove it from the request."}
}

// specOf takes the settings of a function out of a request.
func specOf(in *CreateFunctionInput) functions.Settings {
	s := functions.Settings{
		Description: protocol.Value(in.Description), PackageType: protocol.Value(in.PackageType), Runtime: protocol.Value(in.Runtime),
		Handler: protocol.Value(in.Handler), Role: protocol.Value(in.Role), Timeout: int(protocol.Value(in.Timeout)), MemoryMB: int(protocol.Value(in.MemorySize)),
		Environment: environmentOf(in.Environment), Image: imageOf(in.ImageConfig), Logging: protocol.Value(loggingOf(in.LoggingConfig)),
	}
	if in.EphemeralStorage != nil {
		s.TmpMB = int(protocol.Value(in.EphemeralStorage.Size))
	}
	if len(in.Architectures) > 0 {
		s.Architecture = in.Architectures[0]
	}
	if in.TracingConfig != nil {
		s.Tracing = protocol.Value(in.TracingConfig.Mode)
	}
	if in.SnapStart != nil {
		s.SnapStart = protocol.Value(in.SnapStart.ApplyOn)
	}
	if in.DeadLetterConfig != nil {
		s.DeadLetter = protocol.Value(in.DeadLetterConfig.TargetArn)
	}
	return s
}

func environmentOf(e *Environment) *functions.Environment {
	if e == nil {
		return nil
	}
	env := &functions.Environment{Variables: e.Variables}
	if env.Variables == nil {
		env.Variables = map[string]string{}
	}
	return env
}

func imageOf(c *ImageConfig) *functions.ImageConfig {
	if c == nil {
		return nil
	}
	return &functions.ImageConfig{EntryPoint: c.EntryPoint, Command: c.Command, WorkingDirectory: protocol.Value(c.WorkingDirectory)}
}

func loggingOf(c *LoggingConfig) *functions.Logging {
	if c == nil {
		return nil
	}
	return &functions.Logging{Format: protocol.Value(c.LogFormat), Group: protocol.Value(c.LogGroup),
		ApplicationLevel: protocol.Value(c.ApplicationLogLevel), SystemLevel: protocol.Value(c.SystemLogLevel)}
}

// configurationOf describes a version with its state.
func configurationOf(d *functions.Description) *FunctionConfiguration {
	c := listedOf(d)
	c.State, c.LastUpdateStatus = ptr("Active"), ptr("Successful")
	const reason, code = "The function is being created.", "Creating"
	switch d.Version.Phase {
	case functions.Creating, functions.Snapping:
		c.State, c.StateReason, c.StateReasonCode, c.LastUpdateStatus = ptr("Pending"), ptr(reason), ptr(code), nil
	case functions.Updating: // AWS gives the same reason here
		c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = ptr("InProgress"), ptr(reason), ptr(code)
	}
	if f := d.Version.Failure; d.Version.Phase == functions.Failed {
		c.State, c.StateReason, c.StateReasonCode = ptr("Failed"), ptr(f.Reason), ptr(f.Code)
		c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = ptr("Failed"), ptr(f.Reason), ptr(f.Code)
	}
	if s := &d.Version.Settings; s.PackageType == "Zip" {
		c.RuntimeVersionConfig = &RuntimeVersionConfig{RuntimeVersionArn: ptr(runtimeVersionARN(d))}
	}
	return c
}

// runtimeVersionARN says what runs the function: the tail is plain when it is not what the function asks for.
func runtimeVersionARN(d *functions.Description) string {
	return "arn:aws:lambda:" + d.Function.Region + "::runtime:" + d.Version.Settings.RunsOn
}

// listedOf describes a version as lists do, without its state.
func listedOf(d *functions.Description) *FunctionConfiguration {
	v, s := d.Version, &d.Version.Settings
	c := &FunctionConfiguration{
		FunctionName: &d.Function.Name, FunctionArn: &d.ARN, Version: &v.Number, Description: &s.Description, Role: &s.Role,
		Runtime: optional(s.Runtime), Handler: optional(s.Handler), PackageType: &s.PackageType,
		Timeout: ptr(int32(s.Timeout)), MemorySize: ptr(int32(s.MemoryMB)), EphemeralStorage: &EphemeralStorage{Size: ptr(int32(s.TmpMB))},
		CodeSize: &v.Code.Size, CodeSha256: ptr(v.Code.SHA256()), LastModified: ptr(stamp(v.Modified)), RevisionId: &v.Revision,
		Architectures: []string{s.Architecture}, TracingConfig: &TracingConfigResponse{Mode: &s.Tracing},
		SnapStart:     &SnapStartResponse{ApplyOn: &s.SnapStart, OptimizationStatus: ptr("Off")},
		LoggingConfig: &LoggingConfig{LogFormat: &s.Logging.Format, LogGroup: &s.Logging.Group, ApplicationLogLevel: optional(s.Logging.ApplicationLevel), SystemLogLevel: optional(s.Logging.SystemLevel)},
	}
	if s.Environment != nil {
		c.Environment = &EnvironmentResponse{Variables: s.Environment.Variables}
	}
	for _, l := range s.Layers {
		c.Layers = append(c.Layers, Layer{Arn: ptr(l.ARN), CodeSize: ptr(l.Code.Size)})
	}
	if s.DeadLetter != "" {
		c.DeadLetterConfig = &DeadLetterConfig{TargetArn: &s.DeadLetter}
	}
	if d.Version.Restored() {
		c.SnapStart.OptimizationStatus = ptr("On")
	}
	if i := s.Image; i != nil {
		c.ImageConfigResponse = &ImageConfigResponse{ImageConfig: &ImageConfig{EntryPoint: i.EntryPoint, Command: i.Command, WorkingDirectory: optional(i.WorkingDirectory)}}
	}
	return c
}

func (d door) getFunction(ctx context.Context, in *GetFunctionInput) (*GetFunctionOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	f, err := d.f.Get(r)
	if err != nil {
		return nil, errorOf(err)
	}
	out := &GetFunctionOutput{Configuration: configurationOf(f)}
	if i := f.Version.Code.Image; i != nil {
		out.Code = &FunctionCodeLocation{RepositoryType: ptr("ECR"), ImageUri: &f.Version.Code.ImageURI, ResolvedImageUri: &i.Resolved}
	} else {
		out.Code = &FunctionCodeLocation{RepositoryType: ptr("S3"), Location: ptr(location(ctx, f.Version.Code))}
	}
	if len(f.Function.Tags) > 0 {
		out.Tags = f.Function.Tags
	}
	if f.Function.Reserved != nil {
		out.Concurrency = &Concurrency{ReservedConcurrentExecutions: size(f.Function.Reserved)}
	}
	return out, nil
}

func (d door) getFunctionConfiguration(ctx context.Context, in *GetFunctionConfigurationInput) (*FunctionConfiguration, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, errorOf(err)
	}
	f, err := d.f.Get(r)
	if err != nil {
		return nil, errorOf(err)
	}
	return configurationOf(f), nil
}

func (d door) updateFunctionCode(ctx context.Context, in *UpdateFunctionCodeInput) (*FunctionConfiguration, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	if err := refuse(nil, map[string]bool{"PublishTo": in.PublishTo != nil, "SourceKMSKeyArn": in.SourceKMSKeyArn != nil}); err != nil {
		return nil, err
	}
	u := functions.CodeUpdate{Ref: r, Publish: protocol.Value(in.Publish), DryRun: protocol.Value(in.DryRun), Revision: protocol.Value(in.RevisionId),
		Code: functions.CodeSource{Zip: in.ZipFile, Bucket: protocol.Value(in.S3Bucket), Key: protocol.Value(in.S3Key),
			ObjectVersion: protocol.Value(in.S3ObjectVersion), ImageURI: protocol.Value(in.ImageUri)}}
	if len(in.Architectures) > 0 {
		u.Architecture = in.Architectures[0]
	}
	f, err := d.f.UpdateCode(ctx, u)
	if err != nil {
		return nil, errorOf(err)
	}
	return configurationOf(f), nil
}

func (d door) updateFunctionConfiguration(ctx context.Context, in *UpdateFunctionConfigurationInput) (*FunctionConfiguration, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, errorOf(err)
	}
	if err := refuse(in.VpcConfig, map[string]bool{"KMSKeyArn": protocol.Value(in.KMSKeyArn) != "", "FileSystemConfigs": len(in.FileSystemConfigs) > 0,
		"CapacityProviderConfig": in.CapacityProviderConfig != nil, "DurableConfig": in.DurableConfig != nil}); err != nil {
		return nil, err
	}
	u := functions.ConfigurationUpdate{Ref: r, Description: in.Description, Runtime: in.Runtime, Handler: in.Handler, Role: in.Role,
		Timeout: number(in.Timeout), MemoryMB: number(in.MemorySize), Environment: environmentOf(in.Environment), Image: imageOf(in.ImageConfig),
		Logging: loggingOf(in.LoggingConfig), Revision: protocol.Value(in.RevisionId)}
	if in.EphemeralStorage != nil {
		u.TmpMB = number(in.EphemeralStorage.Size)
	}
	if in.Layers != nil {
		u.Layers = &in.Layers
	}
	if in.TracingConfig != nil {
		u.Tracing = in.TracingConfig.Mode
	}
	if in.SnapStart != nil {
		u.SnapStart = in.SnapStart.ApplyOn
	}
	if in.DeadLetterConfig != nil {
		u.DeadLetter = ptr(protocol.Value(in.DeadLetterConfig.TargetArn))
	}
	f, err := d.f.UpdateConfiguration(u)
	if err != nil {
		return nil, errorOf(err)
	}
	return configurationOf(f), nil
}

func (d door) deleteFunction(ctx context.Context, in *DeleteFunctionInput) (*DeleteFunctionOutput, error) {
	r, err := refOf(ctx, in.FunctionName, in.Qualifier)
	if err == nil {
		err = d.f.Delete(r)
	}
	if err != nil {
		return nil, errorOf(err)
	}
	return &DeleteFunctionOutput{StatusCode: ptr(int32(204))}, nil
}

func (d door) listFunctions(ctx context.Context, in *ListFunctionsInput) (*ListFunctionsOutput, error) {
	c := protocol.CallOf(ctx)
	all := d.f.List(c.Account, c.Region, protocol.Value(in.FunctionVersion) == "ALL")
	part, next, err := page(all, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &ListFunctionsOutput{Functions: listedAll(part), NextMarker: next}, nil
}

func listedAll(ds []*functions.Description) []FunctionConfiguration {
	out := make([]FunctionConfiguration, len(ds))
	for i, d := range ds {
		out[i] = *listedOf(d)
	}
	return out
}
