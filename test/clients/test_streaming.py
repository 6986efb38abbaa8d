"""Response streaming: pieces reach boto3 and curl while the function still runs."""

import io
import json
import shutil
import subprocess
import uuid
import zipfile

import pytest
from conftest import ROLE, make_function

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="the streaming functions are Node's")

# The handler ends only when its first piece has been read: whoever reads it invokes the function "go", which changes the
# description that the handler waits for, through the platform's own API.
SOURCE = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.rawPath) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "x-mine": "yes" } });
  stream.write("one ");
  if (event.fail) throw new Error("broke");
  for (let i = 0; i < 200; i++) {
    const path = "/2015-03-31/functions/" + process.env.AWS_LAMBDA_FUNCTION_NAME + "/configuration";
    const answer = await fetch(process.env.AWS_ENDPOINT_URL + path).then((r) => r.json());
    if (answer.Description === "go" || event.rawPath) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  stream.end("two");
});
"""


@pytest.fixture(scope="module")
def streaming(platform):
    lam, name, b = platform.client("lambda"), "stream-" + uuid.uuid4().hex[:8], io.BytesIO()
    with zipfile.ZipFile(b, "w") as z:
        z.writestr("index.js", SOURCE)
    lam.create_function(FunctionName=name, Runtime="nodejs20.x", Handler="index.handler", Role=ROLE, Timeout=30,
                        Code={"ZipFile": b.getvalue()})  # fmt: skip
    lam.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def test_pieces_come_while_the_function_runs(platform, streaming):
    lam = platform.client("lambda")
    answer = lam.invoke_with_response_stream(FunctionName=streaming, Payload=b"{}", LogType="Tail")
    assert answer["ExecutedVersion"] == "$LATEST"
    events = iter(answer["EventStream"])
    assert next(events)["PayloadChunk"]["Payload"] == b"one "
    lam.update_function_configuration(FunctionName=streaming, Description="go")  # only now does it go on
    rest = list(events)
    assert b"".join(e["PayloadChunk"]["Payload"] for e in rest if "PayloadChunk" in e) == b"two"
    assert "ErrorCode" not in rest[-1]["InvokeComplete"] and rest[-1]["InvokeComplete"]["LogResult"]


def test_an_error_in_the_middle(platform, streaming):
    events = list(platform.client("lambda").invoke_with_response_stream(FunctionName=streaming, Payload=b'{"fail": 1}')["EventStream"])
    assert events[0]["PayloadChunk"]["Payload"] == b"one "
    end = events[-1]["InvokeComplete"]
    assert end["ErrorCode"] == "Unhandled" and json.loads(end["ErrorDetails"])["errorMessage"] == "broke"


def test_a_runtime_that_does_not_stream(platform):
    name = "whole-" + uuid.uuid4().hex[:8]
    make_function(platform, name, "def lambda_handler(event, context):\n    return [1, 2]\n")
    events = list(platform.client("lambda").invoke_with_response_stream(FunctionName=name)["EventStream"])
    assert [json.loads(e["PayloadChunk"]["Payload"]) for e in events[:-1]] == [[1, 2]] and "InvokeComplete" in events[-1]


def test_a_function_url_streams(platform, streaming):
    lam = platform.client("lambda")
    url = lam.create_function_url_config(FunctionName=streaming, AuthType="NONE", InvokeMode="RESPONSE_STREAM")["FunctionUrl"]
    out = subprocess.run(["curl", "-sS", "-N", "-i", url + "x"], capture_output=True, text=True, timeout=60)
    assert out.stdout.startswith("HTTP/1.1 201") and "x-mine: yes" in out.stdout.lower() and out.stdout.endswith("one two")
