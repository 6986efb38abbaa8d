#!/usr/bin/env python3
"""Replay the recorded AWS answers against a platform of its own and hold the list of cases that pass.

    run.py            fails when a case of passing.txt does not pass
    run.py --update   adds the cases that pass now to passing.txt (the list only grows)

The recordings lie beside the checkout, in ../shared/conformance or $ANTHILL_SHARED/conformance; without them there is
nothing to replay and the run says so. A listed case that fails is tried twice more, alone: the machines are noisy.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIST = HERE / "passing.txt"


def listed():
    if not LIST.exists():
        return []
    return [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]


def start(data):
    """Start a platform on a free port and wait for its ready line; -> (process, endpoint)."""
    binary = os.environ.get("ANTHILL_BIN", str(ROOT / "bin" / "anthill"))
    log = open(pathlib.Path(data) / "platform.log", "wb")
    p = subprocess.Popen([binary, "up", "--port", "0", "--data", str(pathlib.Path(data) / "state")],
                         stdout=subprocess.PIPE, stderr=log)  # fmt: skip
    for line in p.stdout:
        m = re.search(rb"https?://[0-9A-Za-z.\[\]:]+:\d+", line)
        if m:
            endpoint = m.group(0).decode()
            break
    else:
        raise SystemExit("the platform did not start: " + (pathlib.Path(data) / "platform.log").read_text()[-2000:])
    urllib.request.urlopen(endpoint + "/health", timeout=10).read()
    return p, endpoint


def replay(kit, endpoint, out, *more):
    cmd = [sys.executable, str(kit / "replay.py"), "--endpoint", endpoint, "--json", out, "-q", *more]
    code = subprocess.run(cmd).returncode
    if code != 0:
        raise SystemExit(f"replay ended with {code}")
    return {r["id"]: r for r in json.loads(pathlib.Path(out).read_text())["results"]}


def main():
    shared = pathlib.Path(os.environ.get("ANTHILL_SHARED", ROOT.parent / "shared"))
    kit = shared / "conformance"
    if not (kit / "replay.py").exists():
        print("no recordings beside this checkout: nothing to replay")
        return 0
    with tempfile.TemporaryDirectory() as data:
        p, endpoint = start(data)
        try:
            out = str(pathlib.Path(data) / "results.json")
            results = replay(kit, endpoint, out, "--jobs", "8", *sys.argv[2:])
            want = [i for i in listed() if i in results or len(sys.argv) <= 2]
            lost = [i for i in want if not results.get(i, {}).get("passed")]
            for _ in range(2):
                if lost and len(lost) <= 40:
                    again = replay(kit, endpoint, out, "--jobs", "2", *[a for i in lost for a in ("--only", glob(i))])
                    lost = [i for i in lost if not again.get(i, {}).get("passed")]
        finally:
            p.send_signal(signal.SIGTERM)
            p.wait(timeout=60)
    passed = sorted(i for i, r in results.items() if r["passed"])
    if "--update" in sys.argv:
        LIST.write_text("# The recorded cases that pass, one id a line. The list only grows.\n"
                        + "".join(i + "\n" for i in sorted(set(listed()) | set(passed))))  # fmt: skip
    for i in lost:
        print(f"LOST {i}: {results.get(i, {}).get('problems') or results.get(i, {}).get('mismatches')}"[:600])
    print(f"conformance: {len(want) - len(lost)} passed, {len(lost)} failed")
    return 1 if lost else 0


def glob(case_id):
    """The id as a pattern that matches only itself."""
    return "*" + re.sub(r"([\[\]?*])", r"[\1]", case_id)


if __name__ == "__main__":
    sys.exit(main())
