"""aws-sdk tasks of every service that the platform serves, and of services at another endpoint in each protocol."""

import json

import pytest
from conftest import Platform

ROLE = "arn:aws:iam::000000000000:role/LabRole"


def task(resource, parameters):
    return json.dumps({"Type": "Task", "Resource": "arn:aws:states:::" + resource, "Parameters": parameters, "End": True})


@pytest.fixture
def run(platform):
    sfn = platform.client("stepfunctions")

    def go(resource, **parameters):
        out = sfn.test_state(definition=task(resource, parameters), roleArn=ROLE, input="{}")
        return json.loads(out["output"]) if out["status"] == "SUCCEEDED" else (out["error"], out["cause"])

    return go


@pytest.mark.parametrize(
    "resource,parameters,error",
    [
        ("lambda:getFunction", {"FunctionName": "nobody"}, "Lambda.ResourceNotFoundException"),
        ("sfn:describeStateMachine", {"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:no"}, "Sfn.StateMachineDoesNotExistException"),
        ("s3:getObject", {"Bucket": "nobodys-bucket", "Key": "k"}, "S3.NoSuchBucketException"),
        ("cloudwatchlogs:deleteLogGroup", {"LogGroupName": "/none"}, "CloudWatchLogs.ResourceNotFoundException"),
        ("iam:getRole", {"RoleName": "nobody"}, "Iam.NoSuchEntityException"),
        ("apigateway:getRestApi", {"RestApiId": "none"}, "ApiGateway.NotFoundException"),
        ("eventbridge:describeConnection", {"Name": "none"}, "EventBridge.ResourceNotFoundException"),
        ("sts:assumeRole", {"RoleArn": "arn:aws:iam::000000000000:role/none", "RoleSessionName": "s"}, "Sts.StsException"),
    ],
)
def test_errors_have_the_names_of_the_sdk(run, resource, parameters, error):
    name, cause = run("aws-sdk:" + resource, **parameters)
    assert name == error, cause
    assert f"(Service: {error.split('.')[0]}, Status Code: " in cause


def test_each_service_here_answers(run, platform):
    platform.client("s3").create_bucket(Bucket="sdk-tasks")
    assert run("aws-sdk:s3:putObject", Bucket="sdk-tasks", Key="a b", Body={"x": [1]})["ServerSideEncryption"] == "AES256"
    got = run("aws-sdk:s3:getObject", Bucket="sdk-tasks", Key="a b")
    assert got["Body"] == '{"x":[1]}' and got["ContentLength"] == 9 and got["Metadata"] == {}
    assert [o["Key"] for o in run("aws-sdk:s3:listObjectsV2", Bucket="sdk-tasks")["Contents"]] == ["a b"]
    assert run("aws-sdk:s3:deleteObjects", Bucket="sdk-tasks", Delete={"Objects": [{"Key": "a b"}]})["Deleted"] == [{"Key": "a b"}]
    assert run("aws-sdk:s3:headObject", Bucket="sdk-tasks", Key="a b")[0] == "S3.NoSuchKeyException"
    assert run("aws-sdk:sts:getCallerIdentity")["Account"] == "000000000000"
    assert run("aws-sdk:iam:listRoles")["Roles"]
    assert "Functions" in run("aws-sdk:lambda:listFunctions")
    assert "StateMachines" in run("aws-sdk:sfn:listStateMachines")
    assert "LogGroups" in run("aws-sdk:cloudwatchlogs:describeLogGroups")
    assert isinstance(run("aws-sdk:apigateway:getRestApis"), dict)
    assert run("aws-sdk:eventbridge:listConnections") == {"Connections": []}


def test_a_service_without_an_endpoint_is_named(run):
    name, cause = run("sqs:sendMessage", QueueUrl="q", MessageBody="b")
    assert name == "States.TaskFailed" and '"sqs"' in cause and "--service sqs=" in cause


def test_services_elsewhere_are_called_in_their_protocols(platform, tmp_path):
    """Another platform stands for the services: it speaks all four protocols, and boto3 is content with it."""
    at = platform.endpoint
    names = ["lambda", "s3", "iam", "logs", "sts", "events"]
    other = Platform(tmp_path, *[f"--service={n}={at}" for n in names])
    try:
        sfn = other.client("stepfunctions")

        def run(resource, **parameters):
            out = sfn.test_state(definition=task("aws-sdk:" + resource, parameters), roleArn=ROLE, input="{}")
            return json.loads(out["output"]) if out["status"] == "SUCCEEDED" else (out["error"], out["cause"])

        platform.client("s3").create_bucket(Bucket="elsewhere")
        run("s3:putObject", Bucket="elsewhere", Key="k", Body="text")
        assert platform.client("s3").get_object(Bucket="elsewhere", Key="k")["Body"].read() == b'"text"'
        assert "elsewhere" in [b["Name"] for b in run("s3:listBuckets")["Buckets"]]
        assert "elsewhere" not in [b["Name"] for b in other.client("s3").list_buckets()["Buckets"]]
        run("cloudwatchlogs:createLogGroup", LogGroupName="/elsewhere")
        assert [g["logGroupName"] for g in platform.client("logs").describe_log_groups(logGroupNamePrefix="/else")["logGroups"]] == ["/elsewhere"]
        created = run("iam:createRole", RoleName="Elsewhere", AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": []})
        assert created["Role"]["Arn"] == platform.client("iam").get_role(RoleName="Elsewhere")["Role"]["Arn"]
        assert run("iam:getRole", RoleName="nobody")[0] == "Iam.NoSuchEntityException"
        assert run("lambda:getFunction", FunctionName="nobody")[0] == "Lambda.ResourceNotFoundException"
        assert run("s3:getObject", Bucket="elsewhere", Key="none")[0] == "S3.NoSuchKeyException"
        assert run("eventbridge:describeConnection", Name="none")[0] == "EventBridge.ResourceNotFoundException"
    finally:
        other.stop()
