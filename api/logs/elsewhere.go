package logs

import (
	"context"

	"anthill/logs"
)

// elsewhere holds the operations that concern other services: buckets to export to, streams of records to deliver to,
// services that deliver logs. There are none of those here, so there is nothing to find and nothing to make.
func (d *door) elsewhere(o *Operations) {
	d.resourcePolicies(o)
	o.CreateExportTask = func(ctx context.Context, in *CreateExportTaskInput) (*CreateExportTaskOutput, error) {
		if _, err := d.s.Group(place(ctx), *in.LogGroupName); err != nil {
			return nil, translate(err)
		}
		return nil, bad("The given bucket does not exist. Please make sure the bucket is valid.")
	}
	o.CancelExportTask = func(context.Context, *CancelExportTaskInput) (*CancelExportTaskOutput, error) {
		return nil, &ResourceNotFoundException{Message: "The specified export task does not exist."}
	}
	o.DescribeExportTasks = func(context.Context, *DescribeExportTasksInput) (*DescribeExportTasksOutput, error) {
		return &DescribeExportTasksOutput{ExportTasks: []ExportTask{}}, nil
	}
	o.DescribeDestinations = func(context.Context, *DescribeDestinationsInput) (*DescribeDestinationsOutput, error) {
		return &DescribeDestinationsOutput{Destinations: []Destination{}}, nil
	}
	o.DeleteDestination = func(context.Context, *DeleteDestinationInput) (*DeleteDestinationOutput, error) {
		return nil, &ResourceNotFoundException{Message: "The specified destination does not exist."}
	}
	noDestination := &ResourceNotFoundException{Message: "Requested Delivery Destination does not exist in this account."}
	noSource := &ResourceNotFoundException{Message: "Requested Delivery Source does not exist in this account."}
	noDelivery := &ResourceNotFoundException{Message: "Requested Delivery does not exist in this account."}
	o.GetDeliveryDestination = func(context.Context, *GetDeliveryDestinationInput) (*GetDeliveryDestinationOutput, error) {
		return nil, noDestination
	}
	o.DeleteDeliveryDestination = func(context.Context, *DeleteDeliveryDestinationInput) (*DeleteDeliveryDestinationOutput, error) {
		return nil, noDestination
	}
	o.DescribeDeliveryDestinations = func(context.Context, *DescribeDeliveryDestinationsInput) (*DescribeDeliveryDestinationsOutput, error) {
		return &DescribeDeliveryDestinationsOutput{DeliveryDestinations: []DeliveryDestination{}}, nil
	}
	o.GetDeliverySource = func(context.Context, *GetDeliverySourceInput) (*GetDeliverySourceOutput, error) { return nil, noSource }
	o.DeleteDeliverySource = func(context.Context, *DeleteDeliverySourceInput) (*DeleteDeliverySourceOutput, error) {
		return nil, noSource
	}
	o.DescribeDeliverySources = func(context.Context, *DescribeDeliverySourcesInput) (*DescribeDeliverySourcesOutput, error) {
		return &DescribeDeliverySourcesOutput{DeliverySources: []DeliverySource{}}, nil
	}
	o.PutDeliverySource = func(context.Context, *PutDeliverySourceInput) (*PutDeliverySourceOutput, error) {
		return nil, &ResourceNotFoundException{Message: "Cannot access provided service."}
	}
	o.GetDelivery = func(context.Context, *GetDeliveryInput) (*GetDeliveryOutput, error) { return nil, noDelivery }
	o.DeleteDelivery = func(context.Context, *DeleteDeliveryInput) (*DeleteDeliveryOutput, error) { return nil, noDelivery }
	o.DescribeDeliveries = func(context.Context, *DescribeDeliveriesInput) (*DescribeDeliveriesOutput, error) {
		return &DescribeDeliveriesOutput{Deliveries: []Delivery{}}, nil
	}
}

func (d *door) resourcePolicies(o *Operations) {
	o.PutResourcePolicy = func(ctx context.Context, in *PutResourcePolicyInput) (*PutResourcePolicyOutput, error) {
		switch {
		case in.ResourceArn != nil:
			return nil, refuse("resource policies of one log group")
		case in.PolicyName == nil || in.PolicyDocument == nil:
			return nil, bad("policyName and policyDocument are required.")
		}
		p, err := d.s.PutPolicy(logs.Policy{Place: place(ctx), Name: *in.PolicyName, Document: *in.PolicyDocument})
		return answer(&PutResourcePolicyOutput{ResourcePolicy: new(policyOf(&p))}, err)
	}
	o.DescribeResourcePolicies = func(ctx context.Context, in *DescribeResourcePoliciesInput) (*DescribeResourcePoliciesOutput, error) {
		all, err := d.s.Policies(place(ctx))
		if err != nil {
			return nil, err
		}
		var out DescribeResourcePoliciesOutput
		out.ResourcePolicies, out.NextToken, err = page(collect(all, policyOf), in.NextToken, in.Limit, 50)
		return answer(&out, err)
	}
	o.DeleteResourcePolicy = func(ctx context.Context, in *DeleteResourcePolicyInput) (*DeleteResourcePolicyOutput, error) {
		return none[DeleteResourcePolicyOutput](d.s.DeletePolicy(place(ctx), value(in.PolicyName)))
	}
}

func policyOf(p *logs.Policy) ResourcePolicy {
	return ResourcePolicy{PolicyName: &p.Name, PolicyDocument: &p.Document, LastUpdatedTime: &p.Updated, PolicyScope: new("ACCOUNT")}
}
