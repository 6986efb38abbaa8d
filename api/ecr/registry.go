package ecr

import (
	"context"
	"fmt"

	"anthill/api/protocol"
)

// describeRegistry tells of the caller's registry, which is replicated nowhere.
func (d door) describeRegistry(ctx context.Context, _ *DescribeRegistryInput) (*DescribeRegistryOutput, error) {
	return &DescribeRegistryOutput{RegistryId: new(protocol.CallOf(ctx).Account), ReplicationConfiguration: &ReplicationConfiguration{Rules: []ReplicationRule{}}}, nil
}

const policySetting = "policy"

func noRegistryPolicy(account string) error {
	return &RegistryPolicyNotFoundException{Message: fmt.Sprintf("Registry policy does not exist in the registry with id '%s'", account)}
}

func (d door) getRegistryPolicy(ctx context.Context, _ *GetRegistryPolicyInput) (*GetRegistryPolicyOutput, error) {
	c := protocol.CallOf(ctx)
	text, err := d.s.Setting(c.Account, c.Region, policySetting)
	if err == nil && text == "" {
		err = noRegistryPolicy(c.Account)
	}
	return answer(&GetRegistryPolicyOutput{RegistryId: &c.Account, PolicyText: &text}, err)
}

func (d door) putRegistryPolicy(ctx context.Context, in *PutRegistryPolicyInput) (*PutRegistryPolicyOutput, error) {
	c := protocol.CallOf(ctx)
	if err := object("PolicyText", *in.PolicyText, "Invalid registry policy provided"); err != nil {
		return nil, err
	}
	return answer(&PutRegistryPolicyOutput{RegistryId: &c.Account, PolicyText: in.PolicyText}, d.s.PutSetting(c.Account, c.Region, policySetting, *in.PolicyText))
}

func (d door) deleteRegistryPolicy(ctx context.Context, _ *DeleteRegistryPolicyInput) (*DeleteRegistryPolicyOutput, error) {
	c := protocol.CallOf(ctx)
	text, err := d.s.Setting(c.Account, c.Region, policySetting)
	if err == nil && text == "" {
		err = noRegistryPolicy(c.Account)
	}
	if err == nil {
		err = d.s.PutSetting(c.Account, c.Region, policySetting, "")
	}
	return answer(&DeleteRegistryPolicyOutput{RegistryId: &c.Account, PolicyText: &text}, err)
}

// settingValues are the account settings with their possible values, the default first (API reference, PutAccountSetting).
func settingValues(name string) []string {
	switch name {
	case "BASIC_SCAN_TYPE_VERSION":
		return []string{"AWS_NATIVE", "CLAIR"}
	case "REGISTRY_POLICY_SCOPE":
		return []string{"V2", "V1"}
	case "BLOB_MOUNTING":
		return []string{"ENABLED", "DISABLED"}
	}
	return nil
}

func noSetting(name string) error {
	return &ValidationException{Message: "Invalid account setting name '" + name + "'"}
}

func (d door) getAccountSetting(ctx context.Context, in *GetAccountSettingInput) (*GetAccountSettingOutput, error) {
	c := protocol.CallOf(ctx)
	values := settingValues(*in.Name)
	if values == nil {
		return nil, noSetting(*in.Name)
	}
	value, err := d.s.Setting(c.Account, c.Region, "setting/"+*in.Name)
	if value == "" {
		value = values[0]
	}
	return answer(&GetAccountSettingOutput{Name: in.Name, Value: &value}, err)
}

// putAccountSetting takes the values that this registry behaves by, and refuses the others.
func (d door) putAccountSetting(ctx context.Context, in *PutAccountSettingInput) (*PutAccountSettingOutput, error) {
	c := protocol.CallOf(ctx)
	values := settingValues(*in.Name)
	if values == nil {
		return nil, noSetting(*in.Name)
	}
	if *in.Value != values[0] {
		return nil, &ValidationException{Message: *in.Name + " with value " + *in.Value + " is not supported by Anthill."}
	}
	return answer(&PutAccountSettingOutput{Name: in.Name, Value: in.Value}, d.s.PutSetting(c.Account, c.Region, "setting/"+*in.Name, *in.Value))
}

// getRegistryScanningConfiguration tells that images are scanned when somebody asks, which is AWS's default and asks for nothing.
func (d door) getRegistryScanningConfiguration(ctx context.Context, _ *GetRegistryScanningConfigurationInput) (*GetRegistryScanningConfigurationOutput, error) {
	return &GetRegistryScanningConfigurationOutput{RegistryId: new(protocol.CallOf(ctx).Account),
		ScanningConfiguration: &RegistryScanningConfiguration{ScanType: new("BASIC"), Rules: []RegistryScanningRule{}}}, nil
}

// putRegistryScanningConfiguration takes that default only: nothing is scanned here.
func (d door) putRegistryScanningConfiguration(_ context.Context, in *PutRegistryScanningConfigurationInput) (*PutRegistryScanningConfigurationOutput, error) {
	if t := protocol.Value(in.ScanType); t != "" && t != "BASIC" || len(in.Rules) > 0 {
		return nil, &ValidationException{Message: "A scanning configuration other than BASIC without rules is not supported by Anthill."}
	}
	return &PutRegistryScanningConfigurationOutput{RegistryScanningConfiguration: &RegistryScanningConfiguration{ScanType: new("BASIC"), Rules: []RegistryScanningRule{}}}, nil
}

// putReplicationConfiguration takes one that replicates nowhere.
func (d door) putReplicationConfiguration(_ context.Context, in *PutReplicationConfigurationInput) (*PutReplicationConfigurationOutput, error) {
	if len(in.ReplicationConfiguration.Rules) > 0 {
		return nil, &ValidationException{Message: "Replication is not supported by Anthill; remove the rules from the request."}
	}
	return &PutReplicationConfigurationOutput{ReplicationConfiguration: &ReplicationConfiguration{Rules: []ReplicationRule{}}}, nil
}
