"""The course, part by part, through the AWS CLI, boto3 and plain HTTP, as a student goes through it."""

import json
import re

import course
from conftest import ROLE, ended, make_function, wait_for, zipped

PREDICT = '''
import json

def predict(values):
    """Stands for the pickled model: petal length decides."""
    return [0 if v[2] < 2.5 else 1 if v[2] < 4.9 else 2 for v in values]

def lambda_handler(event, context):
    try:
        values = json.loads(event["body"])["values"]
    except (KeyError, TypeError, ValueError) as e:
        return {"statusCode": 400, "body": json.dumps({"error": str(e)})}
    return {"statusCode": 200, "body": json.dumps({"predictions": predict(values)})}
'''


def rest_api(platform, name, path, method, function_arn, stage):
    """The course's API Gateway steps by the AWS CLI; -> the API's id."""
    api = platform.aws("apigateway", "create-rest-api", "--name", name, "--endpoint-configuration", "types=REGIONAL")["id"]
    root = platform.aws("apigateway", "get-resources", "--rest-api-id", api)["items"][0]
    assert root["path"] == "/"
    res = platform.aws("apigateway", "create-resource", "--rest-api-id", api, "--parent-id", root["id"], "--path-part", path)["id"]
    platform.aws("apigateway", "put-method", "--rest-api-id", api, "--resource-id", res, "--http-method", method, "--authorization-type", "NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    platform.aws("apigateway", "put-integration", "--rest-api-id", api, "--resource-id", res, "--http-method", method, "--type", "AWS_PROXY",
                 "--integration-http-method", "POST", "--uri", uri)  # fmt: skip
    platform.aws("lambda", "add-permission", "--function-name", function_arn, "--statement-id", "apigateway", "--action", "lambda:InvokeFunction",
                 "--principal", "apigateway.amazonaws.com")  # fmt: skip
    platform.aws("apigateway", "create-deployment", "--rest-api-id", api, "--stage-name", stage)
    return api


def test_part_1_serve_a_model(platform):
    (platform.folder / "iris.zip").write_bytes(zipped(lambda_function=PREDICT))
    made = platform.aws("lambda", "create-function", "--function-name", "iris-model-lambda", "--runtime", "python3.10", "--role", ROLE,
                        "--handler", "lambda_function.lambda_handler", "--zip-file", "fileb://iris.zip")  # fmt: skip
    assert made["FunctionName"] == "iris-model-lambda" and made["CodeSize"] > 0
    platform.aws("lambda", "wait", "function-active-v2", "--function-name", "iris-model-lambda")

    event = {"body": json.dumps({"values": [[5.1, 3.5, 1.4, 0.2]]})}
    answer = platform.aws("lambda", "invoke", "--function-name", "iris-model-lambda", "--cli-binary-format", "raw-in-base64-out",
                          "--payload", json.dumps(event), "out.json") if cli_is_v2(platform) else platform.aws(
                          "lambda", "invoke", "--function-name", "iris-model-lambda", "--payload", json.dumps(event), "out.json")  # fmt: skip
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer
    assert json.loads((platform.folder / "out.json").read_text()) == {"statusCode": 200, "body": '{"predictions": [0]}'}

    api = rest_api(platform, "iris", "predict", "POST", made["FunctionArn"], "default")
    body = json.dumps({"values": [[6.3, 3.3, 6.0, 2.5]]})
    for path in (f"/restapis/{api}/default/_user_request_/predict", f"/_aws/execute-api/{api}/default/predict"):
        assert platform.post(path, body)[::2] == (200, '{"predictions": [2]}')
    # by AWS's own host name, as the course writes its URL
    assert platform.post("/default/predict", body, {"Host": f"{api}.execute-api.us-east-1.amazonaws.com"})[::2] == (200, '{"predictions": [2]}')
    assert platform.post(f"/restapis/{api}/default/_user_request_/predict", "{}")[0] == 400

    def report():
        events = platform.aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/iris-model-lambda")["events"]
        lines = [e["message"] for e in events]
        return any(m.startswith("REPORT") and "Init Duration" in m for m in lines) and lines

    lines = wait_for(report)
    assert any(re.match(r"START RequestId: [0-9a-f-]{36} Version: \$LATEST", m) for m in lines)


def cli_is_v2(platform):
    return "aws-cli/2" in platform.aws("--version", raw=True)


def test_part_2_orchestrate(platform):
    probe = make_function(platform, "sfn-probe-lambda", course.PROBE)
    sfn = platform.client("stepfunctions")
    machine = sfn.create_state_machine(name="Pheromone-Experiment-Workflow", definition=course.workflow(probe), roleArn=ROLE)["stateMachineArn"]
    trigger = make_function(platform, "sfn-trigger-lambda", course.trigger(machine), Timeout=30)
    api = rest_api(platform, "SFN Experiment Trigger", "experiment", "POST", trigger, "dev")

    status, _, text = platform.post(f"/restapis/{api}/dev/_user_request_/experiment", '{"experiment_type": "CHAIN"}')
    assert status == 202, text
    arn = json.loads(text)["execution_arn"]
    assert ended(sfn, arn)["status"] == "SUCCEEDED"
    types = [e["type"] for e in sfn.get_execution_history(executionArn=arn)["events"]]
    step = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
    assert types == ["ExecutionStarted", "ChoiceStateEntered", "ChoiceStateExited"] + 3 * step + ["ExecutionSucceeded"]

    status, _, text = platform.post(f"/restapis/{api}/dev/_user_request_/experiment", '{"experiment_type": "PARALLEL"}')
    assert status == 202, text
    arn = json.loads(text)["execution_arn"]
    assert ended(sfn, arn)["status"] == "SUCCEEDED"
    events = sfn.get_execution_history(executionArn=arn)["events"]
    types = [e["type"] for e in events]
    assert types.count("TaskStarted") == 5 and types.count("ParallelStateStarted") == 1
    assert [e["id"] for e in events] == list(range(1, len(events) + 1))

    out = platform.aws("stepfunctions", "get-execution-history", "--execution-arn", arn, "--no-paginate")
    assert len(out["events"]) == len(events)
