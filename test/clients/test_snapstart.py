"""SnapStart through boto3: init runs when a version is published, and every cold start of it goes on from there."""

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import WaiterError
from conftest import ROLE, wait_for, zipped

HANDLER = """
import os, random, ssl, time, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot

order = ["init"]
born = time.time_ns()
register_before_snapshot(lambda: order.append("before 1"))
register_before_snapshot(lambda: order.append("before 2"))


@register_after_restore
def fresh():
    order.append("after")
    print("restored")


print("init ran")


def lambda_handler(event, context):
    time.sleep(event.get("sleep", 0))
    drawn = [random.random(), uuid.uuid4().hex, ssl.RAND_bytes(8).hex(), os.urandom(8).hex()]
    return {"order": order, "born": born, "drawn": drawn, "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]}
"""


def publish(platform, source, **more):
    """Create a function with SnapStart and publish a version; -> (client, name, the answer of PublishVersion)."""
    lam, name = platform.client("lambda"), "snap-" + uuid.uuid4().hex[:8]
    made = lam.create_function(FunctionName=name, Runtime="python3.12", Handler="lambda_function.lambda_handler", Role=ROLE, Timeout=20,
                               Code={"ZipFile": zipped(lambda_function=source)}, SnapStart={"ApplyOn": "PublishedVersions"}, **more)  # fmt: skip
    assert made["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return lam, name, lam.publish_version(FunctionName=name)


def active(lam, name, version):
    lam.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return lam.get_function_configuration(FunctionName=name, Qualifier=version)


def messages(platform, name):
    events = platform.client("logs").filter_log_events(logGroupName="/aws/lambda/" + name)["events"]
    return "".join(e["message"] for e in events)


def test_every_cold_start_goes_on_from_one_init(platform):
    lam, name, published = publish(platform, HANDLER)
    version = published["Version"]
    assert (published["State"], published["StateReasonCode"]) == ("Pending", "Creating")
    settled = active(lam, name, version)
    assert settled["State"] == "Active" and settled["SnapStart"]["OptimizationStatus"] == "On"
    assert re.search(r"^INIT_REPORT Init Duration: [0-9.]+ ms", wait_for(lambda: messages(platform, name)), re.M)

    def one(_):
        return json.load(lam.invoke(FunctionName=name, Qualifier=version, Payload=b'{"sleep": 0.5}')["Payload"])

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(one, range(4)))
    for a in answers:
        assert a["order"] == ["init", "before 2", "before 1", "after"], "AWS's order of hooks"
        assert a["type"] == "snap-start"
    assert len({a["born"] for a in answers}) == 1, "init ran once"
    for numbers in zip(*(a["drawn"] for a in answers)):
        assert len(set(numbers)) == len(answers), "no two environments draw the same numbers"

    log = wait_for(lambda: (m := messages(platform, name)).count("REPORT RequestId") == 4 and m)
    assert log.count("init ran") == 1 and log.count("restored") == 4
    assert len(re.findall(r"^RESTORE_START Runtime Version: .*\tRuntime Version ARN: .*$", log, re.M)) == 4
    assert len(re.findall(r"^RESTORE_REPORT Restore Duration: [0-9.]+ ms$", log, re.M)) == 4
    assert len(re.findall(r"\tRestore Duration: [0-9.]+ ms\tBilled Restore Duration: [0-9]+ ms\t$", log, re.M)) == 4
    assert "\tInit Duration" not in log


def test_a_version_whose_init_fails_is_failed(platform):
    lam, name, published = publish(platform, "raise RuntimeError('no model')\ndef lambda_handler(e, c):\n    return 1\n")
    with pytest.raises(WaiterError):
        active(lam, name, published["Version"])
    c = lam.get_function_configuration(FunctionName=name, Qualifier=published["Version"])
    assert (c["State"], c["StateReasonCode"], c["SnapStart"]["OptimizationStatus"]) == ("Failed", "FunctionError", "Off")
    with pytest.raises(lam.exceptions.SnapStartException):
        lam.invoke(FunctionName=name, Qualifier=published["Version"])
    assert "no model" in wait_for(lambda: messages(platform, name))


def test_threads_forbid_a_snapshot(platform):
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True, name='poller').start()\n"
    lam, name, published = publish(platform, source + "def lambda_handler(e, c):\n    return threading.active_count()\n")
    assert active(lam, name, published["Version"])["SnapStart"]["OptimizationStatus"] == "Off"
    out = lam.invoke(FunctionName=name, Qualifier=published["Version"])
    assert json.load(out["Payload"]) == 2, "its init has run in the environment"
    assert "SnapStart: no snapshot is kept: init left 1 thread running (poller)" in messages(platform, name)


def test_a_snapshot_survives_the_platform(own_platform):
    p = own_platform
    lam, name, published = publish(p, HANDLER)
    version = published["Version"]
    active(lam, name, version)
    born = json.load(lam.invoke(FunctionName=name, Qualifier=version, Payload=b"{}")["Payload"])["born"]
    p.kill()
    p.start()
    lam = p.client("lambda")

    def one(_):
        return json.load(lam.invoke(FunctionName=name, Qualifier=version, Payload=b'{"sleep": 0.3}')["Payload"])["born"]

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(one, range(3))) == {born}, "the supervisor kept it"
    p.stop()
    p.start()
    lam = p.client("lambda")
    assert one(0) != born, "it was taken again"
    assert lam.get_function_configuration(FunctionName=name, Qualifier=version)["State"] == "Active"


def test_a_hook_that_fails_after_a_restore_refuses_the_request(platform):
    lam, name, published = publish(platform, "import snapshot_restore_py as s\ndef hook(): raise KeyError('no key')\ns.register_after_restore(hook)\n"
                                             "def lambda_handler(event, context): return 1\n")  # fmt: skip
    assert active(lam, name, published["Version"])["State"] == "Active"
    with pytest.raises(lam.exceptions.SnapStartException) as refused:
        lam.invoke(FunctionName=name, Qualifier=published["Version"])
    answer = refused.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Type"]) == (400, "User")
    assert answer["Error"]["Message"] == "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs."
    log = wait_for(lambda: (m := messages(platform, name)).count("RESTORE_REPORT") and m)
    assert "[ERROR] Runtime.AfterRestoreError: 'no key'" in log and "Status: error\tError Type: Runtime.AfterRestoreError" in log
