"""Two thousand executions wait, each until an instant of its own, while the platform is killed by kill -9: each goes on once, none
early, and how late they are is printed (pytest -s)."""

import concurrent.futures
import json
import time
import urllib.request
from datetime import datetime, timedelta, timezone

from conftest import ROLE, wait_for

WAITING = 2_000
AHEAD = timedelta(seconds=8)  # between the start of an execution and its instant, at least
APART = timedelta(milliseconds=2.5)  # between two instants, on average

DEFINITION = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "TimestampPath": "$.at", "Next": "P"}, "P": {"Type": "Pass", "End": True}}})


def figure(p, name):
    with urllib.request.urlopen(p.endpoint + "/metrics") as r:
        return next(float(line.split()[1]) for line in r.read().decode().splitlines() if line.startswith(name + " "))


def test_waits_are_exact_and_outlive_a_kill(own_platform):
    p = own_platform
    sfn = p.client("stepfunctions")
    machine = sfn.create_state_machine(name="waits", definition=DEFINITION, roleArn=ROLE)["stateMachineArn"]
    headers = {"X-Amz-Target": "AWSStepFunctions.StartExecution", "Content-Type": "application/x-amz-json-1.0",
               "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0"}  # fmt: skip
    began, due = datetime.now(timezone.utc), {}

    def start(i):
        name = f"w{i}"
        at = max(began + i * APART, datetime.now(timezone.utc)) + AHEAD
        due[name] = at.replace(microsecond=at.microsecond // 1000 * 1000)
        at = due[name].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        status, _, text = p.post("/", json.dumps({"stateMachineArn": machine, "name": name, "input": json.dumps({"at": at})}), headers)
        assert status == 200, text

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(WAITING)))
    kill = max(sorted(due.values())[WAITING // 3], datetime.now(timezone.utc))
    while datetime.now(timezone.utc) < kill:
        time.sleep(0.02)
    assert figure(p, "anthill_open_executions") > WAITING / 10, "many of them wait"
    p.kill()
    p.start()
    back = datetime.now(timezone.utc)

    def ended():
        pages = sfn.get_paginator("list_executions").paginate(stateMachineArn=machine, PaginationConfig={"PageSize": 1000})
        all = [e for page in pages for e in page["executions"]]
        return all if all and all[-1]["status"] != "RUNNING" and not any(e["status"] == "RUNNING" for e in all) else None

    all = wait_for(ended, 120, 0.5)
    assert sorted(e["name"] for e in all) == sorted(due), "each is there once"
    assert {e["status"] for e in all} == {"SUCCEEDED"}
    late = {e["name"]: (e["stopDate"].astimezone(timezone.utc) - due[e["name"]]).total_seconds() * 1000 for e in all}
    assert min(late.values()) >= 0, "none goes on early"
    for e in all[:: WAITING // 100]:
        types = [x["type"] for x in sfn.get_execution_history(executionArn=e["executionArn"])["events"]]
        assert types == ["ExecutionStarted", "WaitStateEntered", "WaitStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    for what, of in [("before the kill", [late[n] for n in due if due[n] < kill - timedelta(seconds=0.2)]),
                     ("after the restart", [late[n] for n in due if due[n] > back + timedelta(seconds=0.2)])]:  # fmt: skip
        of = sorted(of) or [0]
        print(f"\n{len(of)} waits {what}: late by {of[len(of) // 2]:.1f} ms at the median, {of[len(of) * 99 // 100]:.1f} at p99, {of[-1]:.1f} at most (aim 10 ms)", end="")
