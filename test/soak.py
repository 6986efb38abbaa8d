"""A soak: load for a while, and a verdict on whether what the platform holds stays flat.

    make soak                     ten minutes
    make soak SOAK_SECONDS=3600

Executions of three kinds run all the time: chains of Pass states, chains of Python functions, and waits that are put down to
disk. A figure counts as flat when the last third of the time needs no more than the third before it and some room. The
database's own buffers grow to some 50 MiB in the first minute or two, so a soak of less says little.
"""

import json
import os
import pathlib
import re
import statistics
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent / "clients"))
from conftest import ROLE, Platform, make_function  # noqa: E402

SECONDS = float(os.environ.get("SOAK_SECONDS") or 600)
CLIENTS = 8
EVERY = max(SECONDS / 60, 1)


def states(*list_of):
    named = {f"S{i}": {**s, **({"End": True} if i + 1 == len(list_of) else {"Next": f"S{i + 1}"})} for i, s in enumerate(list_of)}
    return json.dumps({"StartAt": "S0", "States": named})


# What is watched: its name, how much more the last third may have than the one before (a factor and an amount).
WATCHED = [("memory, MiB", 1.1, 16), ("goroutines", 1.1, 20), ("files", 1.1, 10), ("functions' processes", 1.1, 4)]


def sample(p):
    """The figures of WATCHED now. Memory is what is resident without file pages."""
    pid = p.process.pid
    anon = next(int(line.split()[1]) / 1024 for line in open(f"/proc/{pid}/status") if line.startswith("RssAnon"))
    metrics = urllib.request.urlopen(p.endpoint + "/metrics", timeout=30).read().decode()
    figure = lambda name: float(re.search(rf"(?m)^{name} (\S+)$", metrics).group(1))  # noqa: E731
    return anon, figure("go_goroutines"), len(os.listdir(f"/proc/{pid}/fd")), figure("anthill_environments")


def main():
    with tempfile.TemporaryDirectory(prefix="anthill-soak-") as folder:
        p = Platform(folder)
        try:
            return soak(p)
        finally:
            p.stop()


def soak(p):
    sfn = p.client("stepfunctions")
    function = make_function(p, "work", "def lambda_handler(event, context):\n    return event\n")
    machine = lambda name, *s: sfn.create_state_machine(name=name, definition=states(*s), roleArn=ROLE)["stateMachineArn"]  # noqa: E731
    machines = [
        machine("passes", *[{"Type": "Pass"}] * 10),
        machine("tasks", *[{"Type": "Task", "Resource": function}] * 3),
        machine("waits", {"Type": "Pass"}, {"Type": "Wait", "Seconds": 20}),
    ]
    over, started, refused = threading.Event(), [0] * CLIENTS, [0] * CLIENTS

    def client(n):
        own, i = p.client("stepfunctions"), 0
        while not over.is_set():
            i += 1
            try:
                own.start_execution(stateMachineArn=machines[(n + i) % 3], input='{"n": 1}')
                started[n] += 1
            except Exception as e:
                refused[n] += 1
                print("refused:", e, flush=True)
                time.sleep(0.1)
            time.sleep(0.005)

    clients = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for c in clients:
        c.start()
    began, samples = time.monotonic(), []
    while (now := time.monotonic() - began) < SECONDS:
        time.sleep(EVERY)
        samples.append(sample(p))
        print(f"{now + EVERY:7.0f} s  {sum(started):9} executions started  " + "  ".join(f"{v:7.1f} {name}" for v, (name, _, _) in zip(samples[-1], WATCHED)), flush=True)
    over.set()
    for c in clients:
        c.join()

    deadline, failed = time.monotonic() + 120, 0
    for m in machines:
        while sfn.list_executions(stateMachineArn=m, statusFilter="RUNNING", maxResults=1)["executions"] and time.monotonic() < deadline:
            time.sleep(1)
        for status in ("RUNNING", "FAILED", "TIMED_OUT", "ABORTED"):
            failed += len(sfn.list_executions(stateMachineArn=m, statusFilter=status)["executions"])
    third, good = max(len(samples) // 3, 1), True
    print(f"\n{'':24}{'second third':>14}{'last third':>14}   verdict")
    for i, (name, factor, room) in enumerate(WATCHED):
        before, after = (statistics.mean(s[i] for s in part) for part in (samples[-2 * third : -third] or samples, samples[-third:]))
        flat = after <= before * factor + room
        good = good and flat
        print(f"{name:24}{before:14.1f}{after:14.1f}   {'flat' if flat else 'IT GROWS'}")
    print(f"{sum(started)} executions, {failed} did not succeed, {sum(refused)} requests refused: {'well' if good and not failed and not sum(refused) else 'NOT WELL'}")
    return 0 if good and not failed and not sum(refused) else 1


if __name__ == "__main__":
    sys.exit(main())
