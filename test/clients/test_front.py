"""The platform's own front: health, reset, errors that say what to do next."""

import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from conftest import BINARY, ROLE, Platform, make_function, zipped


def test_health(platform):
    for path in ("/health", "/_localstack/health"):
        health = json.loads(platform.get(path))
        assert health["version"] and health["services"]["lambda"] in ("available", "running")


def test_reset_forgets_everything(own_platform):
    make_function(own_platform, "gone", "def lambda_handler(event, context):\n    return 1\n")
    assert own_platform.post("/_anthill/reset", "")[0] == 200
    assert own_platform.client("lambda").list_functions()["Functions"] == []
    make_function(own_platform, "gone", "def lambda_handler(event, context):\n    return 2\n")
    assert own_platform.client("lambda").invoke(FunctionName="gone")["Payload"].read() == b"2"


def test_a_port_in_use_is_said_in_one_line(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        run = subprocess.run([BINARY, "up", "--port", str(s.getsockname()[1]), "--data", str(tmp_path / "d")], capture_output=True, text=True, timeout=30)
    assert run.returncode != 0 and "in use" in run.stderr and "--port" in run.stderr, run.stderr
    assert len(run.stderr.strip().splitlines()) <= 2


def test_a_data_directory_is_opened_once(own_platform):
    run = subprocess.run([BINARY, "up", "--port", "0", "--data", str(own_platform.folder / "state")], capture_output=True, text=True, timeout=30)
    assert run.returncode != 0 and "another" in run.stderr, run.stderr


def test_sigterm_stops_cleanly(tmp_path):
    p = Platform(tmp_path)
    p.process.send_signal(signal.SIGTERM)
    assert p.process.wait(timeout=20) == 0


def test_signatures_are_checked_when_asked(tmp_path):
    p = Platform(tmp_path, "--verify-signatures")
    try:
        with pytest.raises(ClientError) as e:
            p.client("stepfunctions").list_state_machines()
        assert e.value.response["Error"]["Code"] in ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException")
        for line in p.process.stdout:
            if m := re.search(rb"AWS_ACCESS_KEY_ID=(\S+) AWS_SECRET_ACCESS_KEY=(\S+)", line):
                break
        key, secret = (g.decode() for g in m.groups())
        made = boto3.Session(key, secret, region_name="us-east-1")
        lam, gateway = made.client("lambda", endpoint_url=p.endpoint), made.client("apigateway", endpoint_url=p.endpoint)
        lam.create_function(FunctionName="f", Runtime="python3.12", Handler="app.h", Role=ROLE, Code={"ZipFile": zipped(app="def h(e, c): return e['requestContext']['authorizer']['iam']")})
        id = lam.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")["FunctionUrl"].split("//")[1].split(".")[0]
        api = gateway.create_rest_api(name="a")["id"]
        call = {"restApiId": api, "resourceId": gateway.get_resources(restApiId=api)["items"][0]["id"], "httpMethod": "GET"}
        gateway.put_method(authorizationType="AWS_IAM", **call)
        gateway.put_integration(type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, **call)
        gateway.put_method_response(statusCode="200", **call)
        gateway.put_integration_response(statusCode="200", **call)
        gateway.create_deployment(restApiId=api, stageName="s")

        def ask(path, service, secret):
            r = AWSRequest("GET", p.endpoint + path)
            SigV4Auth(Credentials(key, secret), service, "us-east-1").add_auth(r)
            try:
                with urllib.request.urlopen(urllib.request.Request(r.url, headers=dict(r.headers))) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as e:
                return e.code, e.read().decode()

        url = f"/_aws/lambda-url/{id}/"
        status, text = ask(url, "lambda", secret)
        assert status == 200 and json.loads(text)["userArn"] == "arn:aws:iam::000000000000:user/anthill", text
        stage = f"/restapis/{api}/s/_user_request_/"
        assert ask(stage, "execute-api", secret)[0] == 200
        for path, service in ((url, "lambda"), (stage, "execute-api")):
            status, text = ask(path, service, "another")
            assert status == 403 and "signature we calculated does not match" in text, text
    finally:
        p.stop()


@pytest.mark.parametrize("code, handler, message", [
    (b"this is no zip", "lambda_function.lambda_handler", "Could not unzip uploaded file. Please check your file, then try to upload again."),
])  # fmt: skip
def test_a_package_that_is_none(platform, code, handler, message):
    with pytest.raises(ClientError) as e:
        platform.client("lambda").create_function(FunctionName="bad", Runtime="python3.11", Handler=handler, Role=ROLE, Code={"ZipFile": code})
    assert e.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert e.value.response["Error"]["Message"] == message


@pytest.mark.parametrize("source, error_type", [
    ("import nothing_of_that_name\ndef lambda_handler(event, context): pass\n", "Runtime.ImportModuleError"),
    ("def lambda_handler(event, context)\n    return 1\n", "Runtime.UserCodeSyntaxError"),
    ("def another(event, context): pass\n", "Runtime.HandlerNotFound"),
    ("import os\ndef lambda_handler(event, context): os._exit(3)\n", "Runtime.ExitError"),
    ("import time\ndef lambda_handler(event, context): time.sleep(60)\n", "Sandbox.Timedout"),
    ("def lambda_handler(event, context): return object()\n", "Runtime.MarshalError"),
    ("def lambda_handler(event, context): raise KeyError('k')\n", "KeyError"),
])  # fmt: skip
def test_handlers_that_fail(platform, source, error_type):
    name = "fails-" + error_type.replace(".", "-")
    make_function(platform, name, source, Timeout=1)
    r = platform.client("lambda").invoke(FunctionName=name)
    assert r["StatusCode"] == 200 and r["FunctionError"] == "Unhandled"
    assert json.loads(r["Payload"].read())["errorType"] == error_type
    # and the next request is served as if nothing had been
    make_function(platform, name + "-next", "def lambda_handler(event, context): return event\n")
    assert platform.client("lambda").invoke(FunctionName=name + "-next", Payload=b'{"a":1}')["Payload"].read() == b'{"a": 1}'


def test_what_is_not_built_says_so(platform):
    with pytest.raises(ClientError) as e:
        platform.client("lambda").list_function_versions_by_capacity_provider(CapacityProviderName="c")
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "docs/compatibility.md" in e.value.response["Error"]["Message"]


def test_an_invalid_definition_lists_its_problems(platform):
    sfn = platform.client("stepfunctions")
    with pytest.raises(ClientError) as e:
        sfn.create_state_machine(name="bad", roleArn=ROLE, definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nowhere"}, "B": {"Type": "Bogus"}}}))
    assert e.value.response["Error"]["Code"] == "InvalidDefinition"
    message = e.value.response["Error"]["Message"]
    assert "/States/A" in message and "/States/B" in message, message


def test_ready_line_and_lines_to_paste(tmp_path):
    p = Platform(tmp_path)
    p.stop()
    env = dict(os.environ)
    env.pop("AWS_ENDPOINT_URL", None)
    help_text = subprocess.run([BINARY, "up", "--help"], capture_output=True, text=True, env=env).stdout
    for flag in ("--data", "--ephemeral", "--port", "--verify-signatures", "--strict-runtimes"):
        assert flag in help_text
