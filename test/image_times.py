"""How long an image of 200 MB takes from Docker to its first answer, beside a copy of the same bytes.

    make bin test-env && PATH="$HOME/.cache/anthill/test-env/bin:$PATH" python test/image_times.py [ROUNDS]

The image is the tests' Python base with 200 MB of random bytes in four layers. Each round pushes it, under new bytes, to a new
repository, makes a function of it (which unpacks it) and invokes that; and copies a file of as many bytes, flushed, with cp.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "clients"))
from conftest import ROLE, Platform  # noqa: E402
from images import BASE_CHANGES, Docker, base_tar, packages  # noqa: E402

LAYER = 50 << 20
HANDLER = "def handler(event, context):\n    return event\n"


def timed(what, took, action):
    begun = time.perf_counter()
    result = action()
    took.setdefault(what, []).append(time.perf_counter() - begun)
    return result


def build(docker, folder, n):
    folder.mkdir()
    lines = ["FROM lambda-python:base", "COPY ric ${LAMBDA_TASK_ROOT}/", "COPY app.py ${LAMBDA_TASK_ROOT}/"]
    (folder / "app.py").write_text(HANDLER)
    (folder / "ric").mkdir()
    for name in packages().iterdir():
        if "awslambdaric" in name.name or "runtime_client" in name.name or name.name in ("simplejson", "snapshot_restore_py"):
            subprocess.run(["cp", "-r", name, folder / "ric"], check=True)
    for i in range(4):
        (folder / f"data{i}").write_bytes(os.urandom(LAYER))
        lines.append(f"COPY data{i} /data{i}")
    lines.append('CMD ["app.handler"]')
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    docker("build", "-q", "-t", f"times:{n}", folder)


def round_of(docker, platform, folder, n, took):
    build(docker, folder, n)
    with open(folder / "whole", "wb") as whole:
        for i in range(4):
            whole.write((folder / f"data{i}").read_bytes())
    timed("copy of 200 MB, flushed", took, lambda: subprocess.run(f"cp {folder}/whole {folder}/copy && sync {folder}/copy", shell=True, check=True))
    timed("gzip of the same, as Docker has to", took, lambda: subprocess.run(f"gzip -c {folder}/whole > {folder}/copy", shell=True, check=True))
    uri = platform.aws("ecr", "create-repository", "--repository-name", f"times-{n}")["repository"]["repositoryUri"]
    password = platform.aws("ecr", "get-login-password", raw=True)
    docker("login", "--username", "AWS", "--password-stdin", uri.split("/")[0], input=password.encode())
    docker("tag", f"times:{n}", uri + ":1")
    timed("docker push", took, lambda: docker("push", uri + ":1"))
    lam, name = platform.client("lambda"), f"times-{n}"

    def make():
        lam.create_function(FunctionName=name, PackageType="Image", Code={"ImageUri": uri + ":1"}, Role=ROLE, MemorySize=512, Timeout=60)
        while lam.get_function_configuration(FunctionName=name)["State"] != "Active":
            time.sleep(0.02)

    timed("create-function until Active (unpacks)", took, make)
    for what in ("first invoke", "second invoke"):
        out = timed(what, took, lambda: lam.invoke(FunctionName=name, Payload=b"[1]"))
        answer = out["Payload"].read()
        assert json.loads(answer) == [1] and not out.get("FunctionError"), answer


def main():
    rounds, took, docker = int((sys.argv[1:] or ["3"])[0]), {}, Docker()
    try:
        docker("import", *BASE_CHANGES, "-", "lambda-python:base", input=base_tar())
        with tempfile.TemporaryDirectory(prefix="anthill-times-") as folder:
            platform = Platform(folder)
            try:
                for n in range(rounds):
                    round_of(docker, platform, pathlib.Path(folder) / str(n), n, took)
            finally:
                platform.stop()
    finally:
        docker.close()
    floor = statistics.median(took["copy of 200 MB, flushed"])
    print(f"medians of {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    for what, all in took.items():
        print(f"{what:40} {statistics.median(all):8.2f} s   least {min(all):.2f}   × copy {statistics.median(all) / floor:.2f}")


if __name__ == "__main__":
    main()
