"""Signed calls through boto3, and presigned URLs, right and wrong: each line tells what happened."""
import sys, urllib.error, urllib.request
import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

URL = sys.argv[1]


def client(service, key="AKIAGOOD", secret="se/cr+et", token=None):
    return boto3.client(service, endpoint_url=URL, region_name="eu-west-1", aws_access_key_id=key, aws_secret_access_key=secret,
                        aws_session_token=token, config=Config(retries={"max_attempts": 1}))


def call(name, f):
    try:
        print(name, f()["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as e:
        print(name, e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"])


def open_url(name, url, data=None):
    try:
        print(name, urllib.request.urlopen(urllib.request.Request(url, data=data)).status)
    except urllib.error.HTTPError as e:
        print(name, e.code, e.headers.get("x-amzn-errortype"))


call("json", lambda: client("stepfunctions").list_state_machines())
call("rest", lambda: client("lambda").get_function(FunctionName="arn:aws:lambda:eu-west-1:000000000000:function:a-_b", Qualifier="$LATEST"))
call("rest body", lambda: client("lambda").invoke(FunctionName="f", Payload=b'{"a": 1}', InvocationType="Event"))
call("rest query", lambda: client("apigateway").get_resources(restApiId="a1", embed=["methods"], position="a b+c/é&="))
call("query", lambda: client("iam").create_role(RoleName="r", AssumeRolePolicyDocument='{"a": "b c+d&é"}'))
call("token", lambda: client("sts", "ASIATEMP", "temporary", "tok/en==").get_caller_identity())
call("wrong token", lambda: client("sts", "ASIATEMP", "temporary", "other").get_caller_identity())
call("expired token", lambda: client("lambda", "ASIAOLD", "temporary", "tok/en==").list_functions())
for service, f in [("stepfunctions", "list_state_machines"), ("lambda", "list_functions"), ("iam", "list_roles")]:
    call("wrong secret " + service, getattr(client(service, secret="wrong"), f))
    call("unknown key " + service, getattr(client(service, key="AKIANONE"), f))
sts = client("sts")
open_url("presigned", sts.generate_presigned_url("get_caller_identity", HttpMethod="GET", ExpiresIn=60))
open_url("presigned and changed", sts.generate_presigned_url("get_caller_identity", HttpMethod="GET", ExpiresIn=60) + "&X=1")
open_url("presigned, not for long", sts.generate_presigned_url("get_caller_identity", HttpMethod="GET", ExpiresIn=-1 + 1))
r = AWSRequest("POST", URL + "/2015-03-31/functions/f/invocations", params={"Qualifier": "a-b", "Extra": "a b/é"})
SigV4QueryAuth(Credentials("AKIAGOOD", "se/cr+et"), "lambda", "eu-west-1", expires=60).add_auth(r)
open_url("presigned rest", r.prepare().url, b"")
open_url("presigned other body", r.prepare().url, b"{}")
open_url("unsigned rest", URL + "/2015-03-31/functions/")
