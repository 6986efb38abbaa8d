"""The disk of the data directory fills up under clients, is full to its last byte, and has room again."""

import concurrent.futures
import os
import subprocess
import urllib.request

import pytest
from botocore.exceptions import ClientError
from conftest import ROLE, Platform, make_function, wait_for, zipped

MACHINE = '{"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$.wait", "Next": "P"}, "P": {"Type": "Pass", "End": true}}}'


@pytest.fixture
def small(tmp_path):
    """A platform whose data directory is a disk of 128 MiB."""
    state = tmp_path / "state"
    state.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", state], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    p = None
    try:
        p = Platform(tmp_path)
        yield p
    finally:
        if p:
            p.stop()
        subprocess.run(["umount", "-l", state], check=True)


def refused(call, **arguments):
    """What a call that must fail says: its code, its message and its HTTP status."""
    with pytest.raises(ClientError) as e:
        call(**arguments)
    r = e.value.response
    return r["Error"]["Code"], r["Error"]["Message"], r["ResponseMetadata"]["HTTPStatusCode"]


def test_a_disk_that_fills_up(small):
    p = small
    sfn, lam, s3 = p.client("stepfunctions"), p.client("lambda"), p.client("s3")
    function = make_function(p, "works", "def lambda_handler(event, context):\n    return event\n")
    machine = sfn.create_state_machine(name="waits", definition=MACHINE, roleArn=ROLE)["stateMachineArn"]
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="before", Body=b"x" * 1000)
    acknowledged, refusals = set(), []

    def fill(worker):
        """Start executions until one is refused."""
        mine = p.client("stepfunctions")
        for n in range(100_000):
            name = f"w{worker}-{n}"
            try:
                mine.start_execution(stateMachineArn=machine, name=name, input='{"wait": 1, "ballast": "%s"}' % ("x" * 100_000))
                acknowledged.add(name)
            except ClientError as e:
                refusals.append((e.response["Error"]["Code"], e.response["Error"]["Message"], e.response["ResponseMetadata"]["HTTPStatusCode"]))
                return name

    # A file of somebody else's leaves them some 30 MiB above the reserve.
    ballast = p.folder / "state" / "ballast"
    room = os.statvfs(p.folder / "state")
    with open(ballast, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, room.f_bavail * room.f_frsize - (62 << 20))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        named = set(pool.map(fill, range(4)))
    assert len(acknowledged) > 50, refusals
    for code, message, status in refusals:
        assert status == 503 and code.startswith("ServiceUnavailable") and "space" in message, (code, message)

    # Nothing that writes is taken, and all of it says why; what only reads is answered, and functions run.
    for call, arguments in [(sfn.create_state_machine, {"name": "refused", "definition": MACHINE, "roleArn": ROLE}),
                            (lam.create_function, {"FunctionName": "refused", "Runtime": "python3.11", "Handler": "a.b", "Role": ROLE, "Code": {"ZipFile": zipped(a="b = 1")}}),
                            (s3.create_bucket, {"Bucket": "refused"})]:  # fmt: skip
        code, message, status = refused(call, **arguments)
        assert status == 503 and ("space" in message or "disk is full" in message), (call, code, message)
    assert sfn.describe_state_machine(stateMachineArn=machine)["name"] == "waits"
    assert s3.get_object(Bucket="kept", Key="before")["Body"].read() == b"x" * 1000
    assert lam.invoke(FunctionName=function, Payload=b'{"a": 1}')["Payload"].read() == b'{"a": 1}'

    # Now somebody takes the last byte.
    with open(p.folder / "state" / "last", "wb") as f, pytest.raises(OSError):
        while True:
            os.write(f.fileno(), b"x" * (1 << 20))
    code, message, status = refused(sfn.start_execution, stateMachineArn=machine, name="wall", input='{"wait": 1}')
    assert status == 503, (code, message)

    # There is room again.
    ballast.unlink()
    (p.folder / "state" / "last").unlink()

    def taken():
        try:
            return sfn.start_execution(stateMachineArn=machine, name="after", input='{"wait": 0}')
        except ClientError as e:
            assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 503, e
        return None

    assert wait_for(taken)
    acknowledged.add("after")

    def found():
        pages = sfn.get_paginator("list_executions").paginate(stateMachineArn=machine)
        return {e["name"]: e["status"] for page in pages for e in page["executions"]}

    def over():
        by = found()
        return "RUNNING" not in by.values() and by

    there = wait_for(over, 60)
    assert acknowledged <= there.keys(), "what was acknowledged is there"
    assert {there[n] for n in acknowledged} == {"SUCCEEDED"}
    assert not named & there.keys(), "what was refused for want of space was not begun"
    p.kill()
    p.start()
    assert acknowledged <= found().keys(), "and after a kill -9, too"
    assert urllib.request.urlopen(p.endpoint + "/health").status == 200
