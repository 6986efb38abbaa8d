"""kill -9 under load: the handlers themselves keep the ledger of what ran."""

import json
import os
import random
import socket
import threading
import time
from collections import Counter

from conftest import ROLE, make_function, wait_for

# The handler writes its task's id, and a number of this very run, into the ledger before it does anything else.
HANDLER = """
import json, os, socket, time, uuid

def lambda_handler(event, context):
    run = json.dumps([event["task"], str(uuid.uuid4())]).encode()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    for _ in range(20):
        try:
            s.sendto(run, ("127.0.0.1", event["port"]))
            s.recv(16)
            break
        except OSError:
            pass
    else:
        raise RuntimeError("nobody keeps the ledger")
    s.close()
    time.sleep(event["takes"])
    return event["task"]
"""

STEPS = 4


class Ledger:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.runs = set()
        threading.Thread(target=self.keep, daemon=True).start()

    def keep(self):
        while True:
            run, sender = self.socket.recvfrom(1024)
            self.runs.add(run)
            self.socket.sendto(b"ok", sender)

    def count(self):
        return Counter(json.loads(r)[0] for r in self.runs)


def chain(function, port):
    states = {}
    for i in range(STEPS):
        to = {"End": True} if i + 1 == STEPS else {"Next": f"S{i + 1}"}
        states[f"S{i}"] = {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "ResultPath": None,
            "Parameters": {"FunctionName": function, "Payload": {
                "port": port, "takes": [0, 0.02, 0.1, 0.01][i % 4], "task.$": f"States.Format('{{}}/S{i}', $$.Execution.Name)"}}, **to}  # fmt: skip
    return json.dumps({"StartAt": "S0", "States": states})


def test_nothing_is_lost_and_nothing_runs_twice(own_platform):
    seconds = float(os.environ.get("KILL_SECONDS", "15"))
    p, ledger, seed = own_platform, Ledger(), random.randrange(1 << 30)
    draw = random.Random(seed)
    function = make_function(p, "ledger", HANDLER, Timeout=30)
    machine = p.client("stepfunctions").create_state_machine(name="chain", definition=chain(function, ledger.port), roleArn=ROLE)["stateMachineArn"]
    started, over = [], threading.Event()

    def client(n):
        sfn, i = p.client("stepfunctions"), 0
        while not over.is_set():
            name = f"c{n}-{i}"
            try:
                started.append(sfn.start_execution(stateMachineArn=machine, name=name, input="{}")["executionArn"])
            except sfn.exceptions.ExecutionAlreadyExists:  # it was started, its answer was lost, and it has ended
                started.append(machine.replace(":stateMachine:", ":execution:") + ":" + name)
            except Exception:
                time.sleep(0.05)  # the same name again: nobody knows what became of it
                continue
            i += 1
            time.sleep(0.15)

    clients = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for c in clients:
        c.start()
    end, kills = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        time.sleep(draw.uniform(0.3, 2))
        p.kill()
        kills += 1
        time.sleep(draw.uniform(0, 0.3))
        p.start()
    over.set()
    for c in clients:
        c.join()

    sfn, outcomes = p.client("stepfunctions"), {}

    def open_ones():
        for arn in started:
            if arn not in outcomes:
                d = sfn.describe_execution(executionArn=arn)
                if d["status"] == "RUNNING":
                    return False
                outcomes[arn] = d
        return True

    wait_for(open_ones, seconds=60, every=0.5)
    ran = ledger.count()
    print(f"seed {seed}: {kills} kills, {len(started)} executions acknowledged, {sum(ran.values())} handlers ran")
    assert kills >= 3 and len(started) > 20, "there was no load, or nobody was killed"
    failed = {arn: d.get("cause") for arn, d in outcomes.items() if d["status"] != "SUCCEEDED"}
    assert not failed, f"{len(failed)} of {len(started)} executions failed, the first: {next(iter(failed.items()))}"
    twice = {task: n for task, n in ran.items() if n > 1}
    assert not twice, f"handlers ran more than once: {twice}"
    missing = [f"{a.rsplit(':', 1)[1]}/S{i}" for a in started for i in range(STEPS) if not ran[f"{a.rsplit(':', 1)[1]}/S{i}"]]
    assert not missing, f"succeeded and never ran: {missing[:5]}"
