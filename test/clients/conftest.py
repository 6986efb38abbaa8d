"""Fixtures: a real platform (the built binary) on a free port, and real clients pointed at it."""

import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.request
import zipfile

import boto3
import pytest
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("ANTHILL_BIN", str(ROOT / "bin" / "anthill"))
ROLE = "arn:aws:iam::000000000000:role/LabRole"


class Platform:
    """One `anthill up`, which can be killed and started again over the same data."""

    def __init__(self, folder, *flags):
        self.folder, self.flags, self.process = pathlib.Path(folder), flags, None
        self.port = 0
        self.start()

    def start(self):
        self.log = open(self.folder / "platform.log", "ab")
        self.process = subprocess.Popen(
            [BINARY, "up", "--port", str(self.port), "--data", str(self.folder / "state"), *self.flags],
            stdout=subprocess.PIPE, stderr=self.log)  # fmt: skip
        for line in self.process.stdout:
            m = re.search(rb"https?://[^\s\"']+:(\d+)", line)
            if m:
                self.endpoint, self.port = m.group(0).decode(), int(m.group(1))
                return
        pytest.fail("the platform did not start:\n" + (self.folder / "platform.log").read_text()[-3000:])

    def kill(self):
        """kill -9: no farewell of any kind."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)

    def client(self, service, **more):
        config = Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=120, inject_host_prefix=False)
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="test",
                            aws_secret_access_key="test", config=config, **more)  # fmt: skip

    def environment(self):
        return dict(os.environ, AWS_ENDPOINT_URL=self.endpoint, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
                    AWS_DEFAULT_REGION="us-east-1", AWS_PAGER="", AWS_CONFIG_FILE=os.devnull,
                    AWS_SHARED_CREDENTIALS_FILE=os.devnull)  # fmt: skip

    def aws(self, *words, raw=False):
        """Run the AWS CLI as a student would; -> its JSON output."""
        out = subprocess.run(["aws", *map(str, words)], env=self.environment(), cwd=self.folder, capture_output=True, text=True)
        assert out.returncode == 0, f"aws {' '.join(map(str, words))}\n{out.stdout}\n{out.stderr}"
        if raw or not out.stdout.strip():
            return out.stdout
        return json.loads(out.stdout)

    def get(self, path):
        with urllib.request.urlopen(self.endpoint + path, timeout=30) as r:
            return r.read()

    def post(self, path, body, headers=()):
        """-> (status, headers, text); an error status is an answer, not an exception."""
        req = urllib.request.Request(self.endpoint + path, data=body.encode(), method="POST",
                                     headers={"Content-Type": "application/json", **dict(headers)})  # fmt: skip
        try:
            with urllib.request.urlopen(req, timeout=60) as r:
                return r.status, r.headers, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read().decode()


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    p = Platform(tmp_path_factory.mktemp("platform"))
    yield p
    p.stop()


@pytest.fixture
def own_platform(tmp_path):
    """A platform for one test, which may be killed."""
    p = Platform(tmp_path)
    yield p
    p.stop()


def zipped(**files):
    """A deployment package: zipped(lambda_function="def lambda_handler…")."""
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in files.items():
            z.writestr(name + ".py", text)
    return b.getvalue()


def make_function(platform, name, source, **more):
    """Create a python function and wait until it is active; -> its ARN."""
    lam = platform.client("lambda")
    arn = lam.create_function(FunctionName=name, Runtime="python3.11", Handler="lambda_function.lambda_handler", Role=ROLE,
                              Code={"ZipFile": zipped(lambda_function=source)}, **more)["FunctionArn"]  # fmt: skip
    lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 180})
    return arn


def wait_for(what, seconds=30, every=0.05):
    """Poll until what() is true; -> its value."""
    end = time.monotonic() + seconds
    while True:
        v = what()
        if v:
            return v
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(every)


def ended(sfn, arn, seconds=60):
    """Wait until an execution has ended; -> DescribeExecution's answer."""
    return wait_for(lambda: (d := sfn.describe_execution(executionArn=arn))["status"] != "RUNNING" and d, seconds)


@pytest.fixture(scope="session")
def locust():
    path = shutil.which("locust")
    assert path, "locust is not on PATH: run `make test`, which prepares the test environment"
    return path
