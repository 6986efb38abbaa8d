"""Functions in JavaScript that use AWS's SDK without bringing it, as on Lambda."""

import io
import json
import subprocess
import uuid
import zipfile

import pytest
from conftest import BINARY, ROLE

COMMONJS = """
const { LambdaClient, GetFunctionCommand } = require("@aws-sdk/client-lambda");
const client = new LambdaClient({});
exports.handler = async (event, context) => {
  const found = await client.send(new GetFunctionCommand({ FunctionName: context.functionName }));
  return { runtime: found.Configuration.Runtime, handler: found.Configuration.Handler };
};
"""

MODULE = """
import { LambdaClient, GetFunctionCommand } from "@aws-sdk/client-lambda";
const client = new LambdaClient({});
export const handler = async (event, context) => {
  const found = await client.send(new GetFunctionCommand({ FunctionName: context.functionName }));
  return { runtime: found.Configuration.Runtime, handler: found.Configuration.Handler };
};
"""


@pytest.mark.parametrize("runtime, file, source", [("nodejs20.x", "index.js", COMMONJS), ("nodejs22.x", "index.mjs", MODULE)])
def test_sdk(platform, runtime, file, source):
    subprocess.run([BINARY, "prepare", runtime], check=True)  # this version itself, if the machine does not have it
    lam, name = platform.client("lambda"), "node-" + uuid.uuid4().hex[:8]
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w") as z:
        z.writestr(file, source)
    lam.create_function(FunctionName=name, Runtime=runtime, Handler="index.handler", Role=ROLE, Timeout=60,
                        MemorySize=512, Code={"ZipFile": b.getvalue()})  # fmt: skip
    version = lam.get_function_configuration(FunctionName=name)["RuntimeVersionConfig"]["RuntimeVersionArn"]
    assert "runs-on" not in version
    lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 180})
    r = lam.invoke(FunctionName=name, LogType="Tail")
    assert json.loads(r["Payload"].read()) == {"runtime": runtime, "handler": "index.handler"}, r
