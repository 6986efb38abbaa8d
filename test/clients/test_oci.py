"""The conformance suite of the OCI Distribution Specification 1.1 against the registry."""

import os
import re
import subprocess
import urllib.parse

import pytest

SUITE = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"

# What the suite leaves out by itself and we have, and what we refuse as ECR does: digests other than SHA-256.
WANTED = {"OCI_API_BLOBS_DIGEST_HEADER": "true", "OCI_API_BLOBS_UPLOAD_CANCEL": "true", "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
          "OCI_API_MANIFESTS_TAG_PARAM": "true", "OCI_DATA_SHA512": "false"}  # fmt: skip


def test_distribution_specification(platform, tmp_path):
    tools = dict(os.environ, GOBIN=str(tmp_path), GOFLAGS="", GOWORK="off", CGO_ENABLED="0")
    built = subprocess.run(["go", "install", SUITE], env=tools, cwd=tmp_path, capture_output=True, text=True)
    if built.returncode:
        pytest.skip("the suite cannot be fetched from the Go proxy: " + built.stderr[-300:])
    ecr = platform.client("ecr")
    for name in ("conformance/repo1", "conformance/repo2"):
        ecr.create_repository(repositoryName=name)
    env = dict(os.environ, OCI_REGISTRY=urllib.parse.urlparse(platform.endpoint).netloc, OCI_TLS="disabled", OCI_VERSION="1.1",
               OCI_REPO1="conformance/repo1", OCI_REPO2="conformance/repo2", OCI_RESULTS_DIR=str(tmp_path / "results"), **WANTED)  # fmt: skip
    done = subprocess.run([tmp_path / "conformance"], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    passed = re.search(r"Pass\.+: +(\d+)", done.stdout)
    assert done.returncode == 0 and passed and int(passed[1]) > 700, done.stdout[-4000:] + done.stderr[-2000:]
