"""Raises the server's errors in boto3 and compares code, message, status and further members."""
import sys
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
CONFIG = Config(retries={"max_attempts": 1}, parameter_validation=False)
INTERNAL = "An internal error occurred; the platform's log has the details."
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:x"
CASES = [  # key, service, call, HTTP status, error, further members
    ("lambdaNotFound", "lambda", lambda c: c.get_function(FunctionName="f"), 404,
     ("ResourceNotFoundException", 'no <é> "here"'), {"Type": "User", "Message": 'no <é> "here"'}),
    ("lambdaThrottle", "lambda", lambda c: c.invoke(FunctionName="f"), 429, ("TooManyRequestsException", "Rate Exceeded."),
     {"Type": "User", "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded.", "retryAfterSeconds": "1"}),
    ("lambdaPlain", "lambda", lambda c: c.list_functions(), 400, ("ValidationException", "wrong"), {}),
    ("lambdaExtra", "lambda", lambda c: c.list_functions(), 400, ("InvalidParameterValueException", "wrong"),
     {"Type": "User", "message": "wrong"}),
    ("sfnMissing", "stepfunctions", lambda c: c.describe_state_machine(stateMachineArn=ARN), 400,
     ("StateMachineDoesNotExist", "State Machine Does Not Exist: 'x'"), {"message": "State Machine Does Not Exist: 'x'"}),
    ("sfnReason", "stepfunctions", lambda c: c.describe_state_machine(stateMachineArn=ARN), 400, ("ValidationException", "no"),
     {"message": "no", "reason": "API_DOES_NOT_SUPPORT_LABELED_ARNS"}),
    ("logsUnmodeled", "logs", lambda c: c.delete_log_group(logGroupName="g"), 400,
     ("ResourceNotFoundException", "The specified log group does not exist."), {}),
    ("logsMember", "logs", lambda c: c.delete_log_group(logGroupName="g"), 400, ("InvalidSequenceTokenException", "bad token"),
     {"expectedSequenceToken": "42"}),
    ("iamMissing", "iam", lambda c: c.get_role(RoleName="r"), 404, ("NoSuchEntity", "no <é> & such"), {}),
    ("iamServer", "iam", lambda c: c.get_role(RoleName="r"), 500, ("ServiceFailure", "broken"), {}),
    ("stsInvalid", "sts", lambda c: c.get_caller_identity(), 400, ("ValidationError", "x is invalid"), {}),
    ("ecrMissing", "ecr", lambda c: c.describe_images(repositoryName="repo"), 400, ("RepositoryNotFoundException", "none"),
     {"message": "none"}),
    ("apiMissing", "apigateway", lambda c: c.get_rest_api(restApiId="x"), 404,
     ("NotFoundException", "Invalid API identifier specified"), {"message": "Invalid API identifier specified"}),
    ("apiThrottled", "apigateway", lambda c: c.get_rest_api(restApiId="x"), 429, ("TooManyRequestsException", "slow down"),
     {"message": "slow down", "retryAfterSeconds": "3"}),
    ("faultConflict", "lambda", lambda c: c.list_functions(), 409, ("ResourceConflictException", "busy"), {"message": "busy"}),
    ("faultInternal", "lambda", lambda c: c.list_functions(), 500, ("InternalFailure", INTERNAL), {}),
    ("faultInternal", "stepfunctions", lambda c: c.list_state_machines(), 500, ("InternalFailure", INTERNAL), {}),
    ("faultInternal", "iam", lambda c: c.list_roles(), 500, ("InternalFailure", INTERNAL), {}),
    ("faultUnsupported", "iam", lambda c: c.list_roles(), 501, ("NotImplemented", "not yet"), {}),
    ("faultUnsupported", "logs", lambda c: c.describe_log_groups(), 501, ("NotImplementedException", "not yet"), {}),
]

bad = 0
for key, service, call, status, want, members in CASES:
    client = boto3.client(service, endpoint_url=URL, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key="x", config=CONFIG)
    try:
        call(client)
        problem = "no error"
    except ClientError as e:
        r = dict(e.response)
        meta, error = r.pop("ResponseMetadata"), r.pop("Error")
        got = (meta["HTTPStatusCode"], (error["Code"], error["Message"]), {k: v for k, v in r.items()})
        problem = None if got == (status, want, members) else f"got {got}\n   want {(status, want, members)}"
        if not problem and len(meta["RequestId"]) != 36:
            problem = f"request id {meta}"
    if problem:
        bad += 1
        print(key, service, problem)
print(f"{len(CASES)} errors, {bad} differ")
sys.exit(bad > 0)
