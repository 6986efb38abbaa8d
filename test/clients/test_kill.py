"""The platform dies by kill -9 in the middle of things and is started again."""

import json
import re
import time

import course
from conftest import ROLE, ended, make_function, wait_for

SLOW_PROBE = course.PROBE.replace("    output = {", "    time.sleep(0.7)\n    output = {", 1)


def entered(sfn, arn, state):
    return any(e.get("stateEnteredEventDetails", {}).get("name") == state for e in sfn.get_execution_history(executionArn=arn)["events"])


def test_a_chain_goes_on_where_it_was(own_platform):
    p = own_platform
    probe = make_function(p, "probe", SLOW_PROBE, Timeout=30)
    sfn = p.client("stepfunctions")
    machine = sfn.create_state_machine(name="chain", definition=course.workflow(probe), roleArn=ROLE)["stateMachineArn"]
    arn = sfn.start_execution(stateMachineArn=machine, input=json.dumps({"experiment_type": "CHAIN", "last_step_time": 0}))["executionArn"]
    wait_for(lambda: entered(sfn, arn, "Chain_Step_B"))
    time.sleep(0.2)  # B's handler is running now
    p.kill()
    time.sleep(0.2)
    p.start()

    assert ended(sfn, arn)["status"] == "SUCCEEDED"
    events = sfn.get_execution_history(executionArn=arn)["events"]
    step = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
    assert [e["type"] for e in events] == ["ExecutionStarted", "ChoiceStateEntered", "ChoiceStateExited"] + 3 * step + ["ExecutionSucceeded"]
    assert [e["id"] for e in events] == list(range(1, len(events) + 1))

    def ran():
        logged = p.client("logs").filter_log_events(logGroupName="/aws/lambda/probe")["events"]
        steps = re.findall(r"Probe (\w) invoked", " ".join(e["message"] for e in logged))
        return len(steps) >= 3 and sorted(steps)

    assert wait_for(ran) == ["A", "B", "C"], "each probe runs once"


def test_definitions_and_waits_survive(own_platform):
    p = own_platform
    sfn = p.client("stepfunctions")
    definition = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3, "Next": "P"}, "P": {"Type": "Pass", "End": True}}})
    machine = sfn.create_state_machine(name="waits", definition=definition, roleArn=ROLE)["stateMachineArn"]
    arn = sfn.start_execution(stateMachineArn=machine, name="one", input='{"n": 1.0}')["executionArn"]
    p.kill()
    p.start()
    assert sfn.start_execution(stateMachineArn=machine, name="one", input='{"n": 1.0}')["executionArn"] == arn, "idempotent by name"
    d = ended(sfn, arn)
    assert (d["status"], json.loads(d["output"])) == ("SUCCEEDED", {"n": 1.0})
    assert (d["stopDate"] - d["startDate"]).total_seconds() >= 3


def test_nothing_is_left_running_after_sigterm(own_platform):
    p = own_platform
    make_function(p, "sleeper", "import os\ndef lambda_handler(event, context):\n    return os.getpid()\n")
    p.client("lambda").invoke(FunctionName="sleeper")
    state = str(p.folder / "state")
    p.stop()

    def of_ours():
        import pathlib

        found = []
        for cmd in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if state.encode() in cmd.read_bytes():
                    found.append(cmd)
            except OSError:
                pass
        return found

    wait_for(lambda: not of_ours(), seconds=10)
