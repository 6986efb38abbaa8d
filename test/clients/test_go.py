"""A function in Go with the real aws-lambda-go, as a zip for provided.al2023."""

import io
import json
import os
import pathlib
import re
import subprocess
import uuid
import zipfile

import pytest
from conftest import ROLE

SOURCE = pathlib.Path(__file__).parent / "testdata" / "gofunction"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    program = tmp_path_factory.mktemp("go") / "bootstrap"
    env = dict(os.environ, CGO_ENABLED="0", GOWORK="off")
    built = subprocess.run(["go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", str(program), "."],
                           cwd=SOURCE, env=env, capture_output=True, text=True)  # fmt: skip
    assert built.returncode == 0, built.stderr
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        z.writestr(entry, program.read_bytes(), zipfile.ZIP_DEFLATED)
    return b.getvalue()


def test_go(platform, package):
    lam, name = platform.client("lambda"), "go-" + uuid.uuid4().hex[:8]
    arn = lam.create_function(FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=ROLE, Timeout=1,
                              MemorySize=256, Code={"ZipFile": package})["FunctionArn"]  # fmt: skip
    lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def invoke(do):
        r = lam.invoke(FunctionName=name, Payload=json.dumps({"do": do}))
        return r.get("FunctionError"), json.loads(r["Payload"].read()), r["ResponseMetadata"]["RequestId"]

    error, seen, request = invoke("work")
    assert error is None and 0 < seen.pop("left") <= 1000, seen
    assert seen == {"did": "work", "request": request, "arn": arn, "function": name, "memory": 256}

    error, seen, _ = invoke("fail")
    assert (error, seen) == ("Unhandled", {"errorMessage": "no", "errorType": "errorString"})

    # aws-lambda-go reports a panic with its stack and then ends its process: the next call is served by a new one.
    for _ in range(20):
        error, seen, _ = invoke("panic")
        assert error == "Unhandled" and (seen["errorMessage"], seen["errorType"]) == ("oh", "string") and seen["stackTrace"], seen
        assert (again := invoke("work"))[0] is None, again

    # The context's deadline is the platform's: whoever notices it first, it is the timeout or the context's error.
    error, seen, request = invoke("wait")
    assert error == "Unhandled"
    timed_out = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds"}
    assert seen == timed_out or seen["errorMessage"] == "context deadline exceeded", seen

    error, seen, request = invoke("hang")
    assert error == "Unhandled" and seen["errorMessage"] == f"RequestId: {request} Error: Task timed out after 1.00 seconds"
    assert (again := invoke("work"))[0] is None, again

    events = platform.client("logs").filter_log_events(logGroupName="/aws/lambda/" + name)["events"]
    log = "".join(e["message"] for e in events)
    assert re.search(r"INIT_START Runtime Version: provided:al2023\S*\tRuntime Version ARN: ", log), log
    assert len(re.findall(r"REPORT RequestId: ", log)) >= 7, log
