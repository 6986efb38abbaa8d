"""HTTP tasks with EventBridge connections, through boto3."""

import http.server
import json
import threading

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/LabRole"


@pytest.fixture
def api():
    """A server that answers POST with what it was sent, and /401 with 401."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            text = json.dumps({"path": self.path, "auth": self.headers.get("Authorization"), "body": json.loads(body)}).encode()
            self.send_response(401 if self.path == "/401" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_http_tasks(platform, api):
    events, sfn = platform.client("events"), platform.client("stepfunctions")
    made = events.create_connection(Name="shop", AuthorizationType="BASIC", AuthParameters={
        "BasicAuthParameters": {"Username": "ada", "Password": "lovelace"},
        "InvocationHttpParameters": {"HeaderParameters": [{"Key": "X-Tenant", "Value": "t1", "IsValueSecret": True}]}})  # fmt: skip
    assert made["ConnectionState"] == "AUTHORIZED"
    shown = events.describe_connection(Name="shop")
    assert shown["AuthParameters"]["BasicAuthParameters"] == {"Username": "ada"}
    assert shown["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"] == [{"Key": "X-Tenant", "IsValueSecret": True}]
    assert [c["Name"] for c in events.list_connections()["Connections"]] == ["shop"]
    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        events.create_connection(Name="shop", AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}})

    def state(path):
        return {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": True,
                "Parameters": {"ApiEndpoint": api + path, "Method": "POST", "Authentication": {"ConnectionArn": made["ConnectionArn"]},
                               "RequestBody": {"order.$": "$.order"}}}  # fmt: skip

    definition = json.dumps({"StartAt": "Call", "States": {"Call": state("/orders")}})
    assert sfn.validate_state_machine_definition(definition=definition)["result"] == "OK"
    machine = sfn.create_state_machine(name="http", roleArn=ROLE, definition=definition, type="EXPRESS")["stateMachineArn"]
    out = sfn.start_sync_execution(stateMachineArn=machine, input='{"order": 7}')
    assert out["status"] == "SUCCEEDED", out
    result = json.loads(out["output"])
    assert (result["StatusCode"], result["StatusText"]) == (200, "OK")
    assert result["ResponseBody"] == {"path": "/orders", "auth": "Basic YWRhOmxvdmVsYWNl", "body": {"order": 7}}
    assert result["Headers"]["content-type"] == ["application/json"]

    tried = sfn.test_state(definition=json.dumps(state("/401")), roleArn=ROLE, input='{"order": 7}', inspectionLevel="TRACE")
    assert (tried["status"], tried["error"]) == ("FAILED", "States.Http.StatusCode.401")
    request = tried["inspectionData"]["request"]
    assert request["method"] == "POST" and request["url"] == api + "/401" and request["body"] == '{"order":7}'
    assert "Authorization" not in request["headers"] and "X-Tenant" not in request["headers"]
    assert tried["inspectionData"]["response"]["statusCode"] == "401"
    revealed = sfn.test_state(definition=json.dumps(state("/401")), roleArn=ROLE, input='{"order": 7}', inspectionLevel="TRACE", revealSecrets=True)
    assert "Authorization: Basic YWRhOmxvdmVsYWNl" in revealed["inspectionData"]["request"]["headers"]
    assert "X-Tenant: t1" in revealed["inspectionData"]["request"]["headers"]
    assert "request" not in sfn.test_state(definition=json.dumps(state("/401")), roleArn=ROLE, input='{"order": 7}', inspectionLevel="DEBUG")["inspectionData"]

    events.delete_connection(Name="shop")
    gone = sfn.start_sync_execution(stateMachineArn=machine, input='{"order": 7}')
    assert gone["error"] == "Events.ConnectionResource.ResourceNotFound"
