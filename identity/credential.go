package identity

import (
	"slices"
	"strconv"
	"strings"

	"anthill/fault"
)

// credentialServices are the services that have names and passwords of their own.
func credentialServices() []string {
	return []string{"codecommit.amazonaws.com", "cassandra.amazonaws.com", "bedrock.amazonaws.com"}
}

// CheckCredentialService refuses a service that has no credentials of its own.
func CheckCredentialService(service string) error {
	if !slices.Contains(credentialServices(), service) {
		return notFound("identity.CheckCredentialService", "service", service, "No such service "+service+" is supported for Service Specific Credentials")
	}
	return nil
}

// AddCredential makes a user's name and password for a service, of which a user may have two.
func (s *Service) AddCredential(acct, user, service string) (ServiceCredential, error) {
	const op = "identity.AddCredential"
	var made ServiceCredential
	if err := CheckCredentialService(service); err != nil {
		return made, err
	}
	_, err := s.Update(acct, User, user, func(p *Principal) error {
		n := 0
		for _, c := range p.Credentials {
			if c.Service == service {
				n++
			}
		}
		if n >= 2 {
			return &fault.Error{Kind: fault.Full, Op: op, Noun: "credential", Name: user, Detail: "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2"}
		}
		name := p.Name
		if n > 0 {
			name += "+" + strconv.Itoa(n)
		}
		made = ServiceCredential{ID: newID("ACCA"), Service: service, UserName: name + "-at-" + acct, Password: newSecret(44), Active: true, Created: s.now()}
		p.Credentials = append(p.Credentials, made)
		return nil
	})
	return made, err
}

// ChangeCredential lets change alter a user's credential; a credential that change empties is deleted.
func (s *Service) ChangeCredential(acct, user, id string, change func(*ServiceCredential)) (ServiceCredential, error) {
	var changed ServiceCredential
	_, err := s.Update(acct, User, user, func(p *Principal) error {
		i := slices.IndexFunc(p.Credentials, func(c ServiceCredential) bool { return c.ID == id })
		if i < 0 {
			return notFound("identity.ChangeCredential", "credential", id, "No such credential "+id+" exists")
		}
		change(&p.Credentials[i])
		changed = p.Credentials[i]
		if changed.ID == "" {
			p.Credentials = slices.Delete(p.Credentials, i, i+1)
		}
		return nil
	})
	return changed, err
}

// ResetPassword gives a credential another password.
func (s *Service) ResetPassword(acct, user, id string) (ServiceCredential, error) {
	return s.ChangeCredential(acct, user, id, func(c *ServiceCredential) { c.Password = newSecret(44) })
}

// CreateLinked makes the role that a service of AWS uses in this account. suffix may be empty.
func (s *Service) CreateLinked(acct, service, suffix, description string) (Principal, error) {
	const op = "identity.CreateLinked"
	invalid := func(detail string) error {
		return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "role", Name: service, Reason: "input", Detail: detail}
	}
	l, known := linkedRole(service)
	switch {
	case !known:
		return Principal{}, invalid("Anthill knows no service-linked role of " + service)
	case suffix != "" && !l.suffix:
		return Principal{}, invalid("Custom suffix is not allowed for " + service)
	case suffix != "":
		l.role += "_" + suffix
	}
	if description == "" {
		description = l.description
	}
	p, err := s.Create(Principal{Kind: Role, Account: acct, Name: l.role, Path: "/aws-service-role/" + service + "/", Service: service, Description: description,
		Attached: []string{"arn:aws:iam::aws:policy/" + l.policyPath + l.policy},
		Trust:    `{"Version":"2012-10-17","Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":"` + service + `"}}]}`})
	if fault.Is(err, fault.Exists) {
		return p, invalid("Service role name " + l.role + " has been taken in this account, please try a different suffix.")
	}
	return p, err
}

// linked is one service's role.
type linked struct {
	role, policy string
	policyPath   string // "aws-service-role/", where not told otherwise
	description  string
	suffix       bool // a custom suffix is allowed
}

// linkedRole reads the table of service-linked roles: "AWS services that work with IAM" and the services' own guides.
func linkedRole(service string) (linked, bool) {
	for line := range strings.SplitSeq(linkedRoles, "\n") {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != service {
			continue
		}
		l := linked{role: "AWSServiceRoleFor" + f[1], policy: f[2], policyPath: "aws-service-role/", suffix: len(f) > 3 && f[3] == "suffix"}
		if service == "sso.amazonaws.com" {
			l.description = "Service-linked role used by AWS SSO to manage AWS resources, including IAM roles, policies and SAML IdP on your behalf."
		}
		return l, true
	}
	return linked{}, false
}

// linkedRoles is a table: service, role's name after AWSServiceRoleFor, its policy, and whether it may have a suffix.
const linkedRoles = `
access-analyzer.amazonaws.com AccessAnalyzer AccessAnalyzerServiceRolePolicy
accountdiscovery.ssm.amazonaws.com AmazonSSM_AccountDiscovery AWSSystemsManagerAccountDiscoveryServicePolicy
acm.amazonaws.com CertificateManager CertificateManagerServiceRolePolicy
appmesh.amazonaws.com AppMesh AWSAppMeshServiceRolePolicy
autoscaling-plans.amazonaws.com AutoScalingPlans_EC2AutoScaling AWSAutoScalingPlansEC2AutoScalingPolicy
autoscaling.amazonaws.com AutoScaling AutoScalingServiceRolePolicy suffix
backup.amazonaws.com Backup AWSBackupServiceLinkedRolePolicyForBackup
batch.amazonaws.com Batch BatchServiceRolePolicy
cassandra.application-autoscaling.amazonaws.com ApplicationAutoScaling_CassandraTable AWSApplicationAutoscalingCassandraTablePolicy
cks.kms.amazonaws.com KeyManagementServiceCustomKeyStores AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy
cloudtrail.amazonaws.com CloudTrail CloudTrailServiceRolePolicy
codestar-notifications.amazonaws.com CodeStarNotifications AWSCodeStarNotificationsServiceRolePolicy
config.amazonaws.com Config AWSConfigServiceRolePolicy
connect.amazonaws.com AmazonConnect AmazonConnectServiceLinkedRolePolicy suffix
dms.amazonaws.com DMSServerless AWSDMSServerlessServiceRolePolicy
docdb-elastic.amazonaws.com DocDB-Elastic AmazonDocDB-ElasticServiceRolePolicy
dynamodb.application-autoscaling.amazonaws.com ApplicationAutoScaling_DynamoDBTable AWSApplicationAutoscalingDynamoDBTablePolicy
ec2-instance-connect.amazonaws.com Ec2InstanceConnect Ec2InstanceConnectEndpoint
ec2.application-autoscaling.amazonaws.com ApplicationAutoScaling_EC2SpotFleetRequest AWSApplicationAutoscalingEC2SpotFleetRequestPolicy
ecr.amazonaws.com ECRTemplate ECRTemplateServiceRolePolicy
ecs.amazonaws.com ECS AmazonECSServiceRolePolicy
ecs.application-autoscaling.amazonaws.com ApplicationAutoScaling_ECSService AWSApplicationAutoscalingECSServicePolicy
eks-connector.amazonaws.com AmazonEKSConnector AmazonEKSConnectorServiceRolePolicy
eks-fargate.amazonaws.com AmazonEKSForFargate AmazonEKSForFargateServiceRolePolicy
eks-nodegroup.amazonaws.com AmazonEKSNodegroup AWSServiceRoleForAmazonEKSNodegroup
eks.amazonaws.com AmazonEKS AmazonEKSServiceRolePolicy
elasticache.amazonaws.com ElastiCache ElastiCacheServiceRolePolicy
elasticbeanstalk.amazonaws.com ElasticBeanstalk AWSElasticBeanstalkServiceRolePolicy
elasticfilesystem.amazonaws.com AmazonElasticFileSystem AmazonElasticFileSystemServiceRolePolicy
elasticloadbalancing.amazonaws.com ElasticLoadBalancing AWSElasticLoadBalancingServiceRolePolicy
elasticmapreduce.amazonaws.com EMRCleanup AmazonEMRCleanupPolicy suffix
email.cognito-idp.amazonaws.com AmazonCognitoIdpEmailService AmazonCognitoIdpEmailServiceRolePolicy
emr-containers.amazonaws.com AmazonEMRContainers AmazonEMRContainersServiceRolePolicy
emrwal.amazonaws.com EMRWAL EMRDescribeClusterPolicyForEMRWAL
events.amazonaws.com CloudWatchEvents CloudWatchEventsServiceRolePolicy
fis.amazonaws.com FIS AmazonFISServiceRolePolicy
globalaccelerator.amazonaws.com GlobalAccelerator AWSGlobalAcceleratorSLRPolicy
grafana.amazonaws.com AmazonGrafana AmazonGrafanaServiceLinkedRolePolicy
guardduty.amazonaws.com AmazonGuardDuty AmazonGuardDutyServiceRolePolicy
inspector2.amazonaws.com AmazonInspector2 AmazonInspector2ServiceRolePolicy
kafka.amazonaws.com Kafka KafkaServiceRolePolicy
kafkaconnect.amazonaws.com KafkaConnect KafkaConnectServiceRolePolicy
lakeformation.amazonaws.com LakeFormationDataAccess LakeFormationDataAccessServiceRolePolicy
lambda.application-autoscaling.amazonaws.com ApplicationAutoScaling_LambdaConcurrency AWSApplicationAutoscalingLambdaConcurrencyPolicy
lex.amazonaws.com LexBots AmazonLexBotPolicy
lexv2.amazonaws.com LexV2Bots AmazonLexV2BotPolicy suffix
lightsail.amazonaws.com Lightsail LightsailExportAccess
macie.amazonaws.com AmazonMacie AmazonMacieServiceRolePolicy
memorydb.amazonaws.com MemoryDB MemoryDBServiceRolePolicy
mq.amazonaws.com AmazonMQ AmazonMQServiceRolePolicy
mrk.kms.amazonaws.com KeyManagementServiceMultiRegionKeys AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy
notifications.amazonaws.com AwsUserNotifications AWSUserNotificationsServiceLinkedRolePolicy
observability.aoss.amazonaws.com AmazonOpenSearchServerless AmazonOpenSearchServerlessServiceRolePolicy
opensearchservice.amazonaws.com AmazonOpenSearchService AmazonOpenSearchServiceRolePolicy
ops.apigateway.amazonaws.com APIGateway APIGatewayServiceRolePolicy
ops.emr-serverless.amazonaws.com AmazonEMRServerless AmazonEMRServerlessServiceRolePolicy
opsinsights.ssm.amazonaws.com AmazonSSM_OpsInsights AWSSSMOpsInsightsServiceRolePolicy
organizations.amazonaws.com Organizations AWSOrganizationsServiceTrustPolicy
pullthroughcache.ecr.amazonaws.com ECRPullThroughCache AWSECRPullThroughCache_ServiceRolePolicy
ram.amazonaws.com ResourceAccessManager AWSResourceAccessManagerServiceRolePolicy
rds.amazonaws.com RDS AmazonRDSServiceRolePolicy
rds.application-autoscaling.amazonaws.com ApplicationAutoScaling_RDSCluster AWSApplicationAutoscalingRDSClusterPolicy
redshift.amazonaws.com Redshift AmazonRedshiftServiceLinkedRolePolicy
replication.cassandra.amazonaws.com KeyspacesReplication KeyspacesReplicationServiceRolePolicy
replication.ecr.amazonaws.com ECRReplication ECRReplicationServiceRolePolicy
replicator.lambda.amazonaws.com LambdaReplicator AWSLambdaReplicator
repository.sync.codeconnections.amazonaws.com GitSync AWSGitSyncServiceRolePolicy
resource-explorer-2.amazonaws.com ResourceExplorer AWSResourceExplorerServiceRolePolicy
rolesanywhere.amazonaws.com RolesAnywhere AWSRolesAnywhereServicePolicy
securityhub.amazonaws.com SecurityHub AWSSecurityHubServiceRolePolicy
ses.amazonaws.com AmazonSES AmazonSESServiceRolePolicy
shield.amazonaws.com AWSShield AWSShieldServiceRolePolicy
spot.amazonaws.com EC2Spot AWSEC2SpotServiceRolePolicy
spotfleet.amazonaws.com EC2SpotFleet AWSEC2SpotFleetServiceRolePolicy
ssm-quicksetup.amazonaws.com SSMQuickSetup SSMQuickSetupRolePolicy
ssm.amazonaws.com AmazonSSM AmazonSSMServiceRolePolicy
sso.amazonaws.com SSO AWSSSOServiceRolePolicy
support.amazonaws.com Support AWSSupportServiceRolePolicy
transitgateway.amazonaws.com VPCTransitGateway AWSVPCTransitGatewayServiceRolePolicy
trustedadvisor.amazonaws.com TrustedAdvisor AWSTrustedAdvisorServiceRolePolicy
vpcorigin.cloudfront.amazonaws.com CloudFrontVPCOrigin AWSCloudFrontVPCOriginServiceRolePolicy
waf.amazonaws.com WAFLogging WAFLoggingServiceRolePolicy
wafv2.amazonaws.com WAFV2Logging WAFV2LoggingServiceRolePolicy
`
