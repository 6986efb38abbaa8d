"""The measuring side against real Locust, the course's notebook, and a platform that says how it served."""

import csv
import json
import math
import os
import pathlib
import re
import subprocess

from conftest import BINARY, make_function
from test_course import PREDICT, rest_api

HERE = pathlib.Path(__file__).resolve().parent
HELLO = "def lambda_handler(event, context):\n    return {'ok': True}\n"


def anthill(platform, *words, timeout=120):
    out = subprocess.run([BINARY, *map(str, words)], env=platform.environment(), capture_output=True, text=True, timeout=timeout)
    assert out.returncode == 0, out.stdout + out.stderr
    return out.stdout


def locust_rounds(ms):
    """Locust 2's rounding of a response time before it is counted (locust/stats.py)."""
    if ms < 100:
        return round(ms)
    if ms < 1000:
        return round(ms, -1)
    if ms < 10000:
        return round(ms, -2)
    return round(ms, -3)


def test_percentiles_agree_with_locusts_on_one_run(platform, locust, tmp_path):
    """Each percentile of Locust is the rounded value of one rank of the run; ours is the exact one, at most a rank away."""
    arn = make_function(platform, "measured", PREDICT)
    api = rest_api(platform, "measured", "predict", "POST", arn, "default")
    logs = tmp_path / "logs"
    logs.mkdir()
    run = subprocess.run([locust, "-f", str(HERE / "locustfile_exact.py"), "--host", f"{platform.endpoint}/_aws/execute-api/{api}",
                          "--users", "8", "--spawn-rate", "8", "--run-time", "8s", "--csv", str(logs / "test"), "--csv-full-history",
                          "--logfile", str(logs / "test_locust_logs.txt"), "--headless"],
                         capture_output=True, text=True, env=dict(os.environ, LOCUST_SUMMARY=str(tmp_path / "summary.json")))  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    anthill(platform, "analyze", logs, "--out", tmp_path / "out")
    ours = json.loads((tmp_path / "out" / "summary.json").read_text())["all"]
    exact = sorted(float(m) for m in re.findall(r"Response time: ([0-9.e-]+) ms", (logs / "test_locust_logs.txt").read_text()))
    theirs = json.loads((tmp_path / "summary.json").read_text())
    n = len(exact)
    assert n > 100 and theirs["n"] == n == ours["n"]
    for p, key in ((50, "p50_ms"), (95, "p95_ms"), (99, "p99_ms")):
        rank = max(math.ceil(p * n / 100 - 1e-9), 1) - 1
        assert math.isclose(ours[key], exact[rank], rel_tol=1e-9, abs_tol=1e-6), (p, ours[key], exact[rank])
        locust_rank = min(int(n * p / 100), n - 1)
        assert theirs[str(p)] == locust_rounds(exact[locust_rank]), (p, theirs[str(p)], exact[locust_rank])
        assert abs(locust_rank - rank) <= 1


def test_load_is_split_exactly_and_read_by_the_courses_notebook(platform, tmp_path):
    make_function(platform, "loaded", HELLO)
    out = tmp_path / "load"
    said = anthill(platform, "load", "--function", "loaded", "--users", "4", "--spawn-rate", "4", "--wait", "exp:20ms", "--run-time", "4s", "--out", out)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["split"]["exact"] and summary["cold"]["n"] >= 1 and summary["warm"]["n"] > 50, said
    assert summary["cold"]["n"] + summary["warm"]["n"] == summary["all"]["n"]
    assert summary["split"]["estimate_wrong"] <= summary["all"]["n"]
    # performance_analysis.ipynb reads the log with this pattern
    times = [float(m) for m in re.findall(r"Response time:\s*([0-9.]+)\s*ms", (out / "test_locust_logs.txt").read_text())]
    assert len(times) == summary["all"]["n"]
    for name in ("test_stats.csv", "test_stats_history.csv", "test_failures.csv", "test_exceptions.csv", "test.hlog", "test_requests.csv",
                 "invocations.csv", "environments.json", "report.html", "figures/environments.svg", "figures/phases-warm.png"):  # fmt: skip
        assert (out / name).stat().st_size > 0, name
    page = (out / "report.html").read_text()
    assert "anthill load --function loaded" in page and "on purpose" not in page


def test_every_invocation_says_how_it_was_served(platform):
    make_function(platform, "served", HELLO)
    lam = platform.client("lambda")
    for _ in range(3):
        lam.invoke(FunctionName="served")
    version = lam.publish_version(FunctionName="served")["Version"]
    lam.get_waiter("published_version_active").wait(FunctionName="served", Qualifier=version)
    lam.put_provisioned_concurrency_config(FunctionName="served", Qualifier=version, ProvisionedConcurrentExecutions=1)
    while lam.get_provisioned_concurrency_config(FunctionName="served", Qualifier=version)["Status"] != "READY":
        pass
    lam.invoke(FunctionName="served", Qualifier=version)
    records = json.loads(anthill(platform, "invocations", "served", "--json"))
    assert [r["start"] for r in records] == ["cold", "warm", "warm", "proactive"]
    for r in records:
        assert r["arrived"] <= r["queued"] <= r["sent"] <= r["entered"] <= r["returned"] <= r["received"], r
    cold, ahead = records[0], records[3]
    assert cold["queued"] <= cold["spawnBegin"] <= cold["spawned"] <= cold["initBegin"] <= cold["initEnd"] <= cold["sent"], cold
    assert 0 < ahead["spawnBegin"] <= ahead["initEnd"] < ahead["arrived"], ahead  # the init lay before the request
    rows = list(csv.DictReader(anthill(platform, "invocations", "served", "--csv").splitlines()))
    assert len(rows) == 4 and float(rows[0]["init_ms"]) > 0 and rows[1]["imports_ms"] == ""
    assert "proactive" in anthill(platform, "invocations", "served")


def test_load_over_executions_waits_for_their_ends(platform, tmp_path):
    arn = make_function(platform, "step", HELLO)
    sfn = platform.client("stepfunctions")
    task = {"Type": "Task", "Resource": arn}
    machine = sfn.create_state_machine(name="loaded", roleArn="arn:aws:iam::000000000000:role/LabRole", definition=json.dumps(
        {"StartAt": "A", "States": {"A": {**task, "Next": "W"}, "W": {"Type": "Wait", "Seconds": 1, "Next": "B"}, "B": {**task, "End": True}}}))["stateMachineArn"]  # fmt: skip
    anthill(platform, "load", "--state-machine", machine, "--rate", "10", "--run-time", "2s", "--out", tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["all"]["n"] == 20 and summary["locust_total"]["failures"] == 0 and summary["all"]["min_ms"] >= 1000, summary["all"]
    with open(tmp_path / "out" / "test_requests.csv", newline="") as f:
        arns = [row["Request ID"] for row in csv.DictReader(f)]
    text = anthill(platform, "overhead", *arns[:3], "--out", tmp_path / "overhead")
    assert "A → B" in text and "All 3 executions" in text
    assert (tmp_path / "overhead" / "figures" / "steps.svg").stat().st_size > 0
    assert sfn.describe_execution(executionArn=arns[0])["status"] == "SUCCEEDED"


def test_experiment_says_which_differences_are_real(platform, tmp_path):
    make_function(platform, "swept", HELLO)
    out = tmp_path / "experiment"
    said = anthill(platform, "experiment", "cold", "swept", "--repetitions", "8", "--packages", "2", "--memory", "256", "--policies", "plain,keep-warm", "--bursts", "3", "--out", out)
    found = json.loads((out / "experiment.json").read_text())
    assert [(cell["factor"], cell["took"]["n"]) for cell in found["cells"]] == [("base", 8), ("package", 8), ("memory", 8), ("policy", 8), ("policy", 8), ("burst", 24)], said
    assert all(how.split()[1] == "cold" for how in found["cells"][3]["served"]) and found["cells"][4]["served"] == ["8 warm"]
    assert len(found["comparisons"]) == 6 and all(c["p_adjusted"] >= c["P"] for c in found["comparisons"])
    lam = platform.client("lambda")
    assert [f["FunctionName"] for f in lam.list_functions()["Functions"] if f["FunctionName"].startswith("anthill-experiment")] == []


def test_a_latency_profile_is_named_in_every_report(tmp_path):
    from conftest import Platform

    profile = tmp_path / "tiny.json"
    profile.write_text(json.dumps({"name": "tiny", "source": "this test", "hop": {"n": 1, "how": "", "values_ms": [30]}, "transition": {"n": 1, "how": "", "values_ms": [40]}}))
    platform = Platform(tmp_path, "--latency-profile", str(profile))
    try:
        arn = make_function(platform, "far", HELLO)
        said = anthill(platform, "load", "--function", "far", "--users", "1", "--wait", "0", "--run-time", "2s", "--out", tmp_path / "out")
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        assert summary["all"]["min_ms"] >= 30 and "tiny" in summary["latency_profile"] and "on purpose" in said
        assert "on purpose" in (tmp_path / "out" / "report.html").read_text()
        sfn = platform.client("stepfunctions")
        task = {"Type": "Task", "Resource": arn}
        machine = sfn.create_state_machine(name="far", roleArn="arn:aws:iam::000000000000:role/LabRole",
                                           definition=json.dumps({"StartAt": "A", "States": {"A": {**task, "Next": "B"}, "B": {**task, "End": True}}}))["stateMachineArn"]  # fmt: skip
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        while sfn.describe_execution(executionArn=execution)["status"] == "RUNNING":
            pass
        at = {e["type"]: e["timestamp"] for e in sfn.get_execution_history(executionArn=execution, reverseOrder=True)["events"] if e["type"] in ("TaskStateExited", "TaskStateEntered")}
        assert at, execution
        text = anthill(platform, "overhead", execution)
        assert "on purpose" in text and re.search(r"Overhead A → B\s+4\d\.\d ms", text), text
    finally:
        platform.stop()
