"""Real Locust, with the course's locustfile and its command line, and our reading of what it wrote."""

import json
import pathlib
import subprocess

from conftest import BINARY, make_function
from test_course import PREDICT, rest_api

HERE = pathlib.Path(__file__).resolve().parent


def test_locust_runs_unchanged_and_is_analysed(platform, locust, tmp_path):
    arn = make_function(platform, "iris-locust", PREDICT)
    api = rest_api(platform, "iris-locust", "predict", "POST", arn, "default")
    logs = tmp_path / "locust_logs"
    logs.mkdir()
    # The course's command; its host name in the local form, which ends where the stage begins.
    run = subprocess.run([locust, "-f", str(HERE / "locustfile.py"), "--host", f"{platform.endpoint}/_aws/execute-api/{api}",
                          "--users", "10", "--spawn-rate", "5", "--run-time", "12s", "--csv", str(logs / "test"), "--csv-full-history",
                          "--html", str(logs / "test_locust_report.html"), "--logfile", str(logs / "test_locust_logs.txt"), "--headless"],
                         capture_output=True, text=True)  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    rows = (logs / "test_stats.csv").read_text().splitlines()
    kind, name, count, failures = rows[1].split(",")[:4]
    # Locust names a request by its whole path, which begins with the local form of the host name
    assert kind == "POST" and name.endswith("/default/predict") and int(count) > 20 and failures == "0", rows

    out = subprocess.run([BINARY, "analyze", str(logs), "--out", str(tmp_path / "out")], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary, "a summary of the run"
