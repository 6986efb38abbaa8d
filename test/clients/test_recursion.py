"""A function that calls itself with AWS's SDK is stopped after sixteen runs, as on Lambda."""

import json
import uuid

from conftest import make_function

SOURCE = """
import boto3, json
lam = boto3.client("lambda")

def lambda_handler(event, context):
    try:
        r = lam.invoke(FunctionName=context.function_name, Payload=json.dumps(event))
        return json.loads(r["Payload"].read()) + 1
    except lam.exceptions.RecursiveInvocationException as e:
        return 1
"""


def test_recursion(platform):
    lam, name = platform.client("lambda"), "loop-" + uuid.uuid4().hex[:8]
    make_function(platform, name, SOURCE, Timeout=60)
    assert lam.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    assert json.loads(lam.invoke(FunctionName=name)["Payload"].read()) == 16
