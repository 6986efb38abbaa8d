"""The lab from end to end, with so few of everything that it is soon over: training, layers, API, load, cold starts, workflow, report."""

import json
import subprocess

from conftest import BINARY


def test_the_lab_runs_to_its_report(platform, tmp_path):
    out = tmp_path / "lab"
    run = subprocess.run([BINARY, "lab", "--endpoint", platform.endpoint, "--users", "2", "--spawn-rate", "2", "--run-time", "5s", "--cold-starts", "2",
                          "--repetitions", "2", "--out", str(out)], capture_output=True, text=True, timeout=600)  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    found = json.loads((out / "lab.json").read_text())
    assert found["first_request"]["status"] == 200 and json.loads(found["first_request"]["body"])["predictions"] == [2]
    assert found["load_test"]["split"]["exact"] and found["load_test"]["cold"]["n"] >= 1
    assert {series["name"] for series in found["cold_starts"]} >= {"Iris, plain init", "Iris, from a template", "probe, plain init"}
    for experiment in ("chain", "parallel"):
        assert found[experiment]["repetitions"] == 2 and found[experiment]["metrics"], experiment
    assert found["aws"]["overhead_ab_ms"] == 23 and found["aws"]["fan_out_ms"] == 102
    page = (out / "report.html").read_text()
    assert "anthill lab" in page and "on purpose" not in page
    for name in ("cloudwatch_log.csv", "locust_logs/test_stats.csv", "figures/overhead.svg", "figures/chain-waterfall.png"):
        assert (out / name).stat().st_size > 0, name
