"""Container images for the tests, made on this machine: a base image in the layout of AWS's, and a Docker engine of our own."""

import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time

import pytest

PACKAGES = ["awslambdaric==4.2.2", "scikit-learn==1.7.2" if sys.version_info >= (3, 10) else "scikit-learn==1.5.2"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "anthill" / "test-images"


def installed(*programs):
    """See to it that Debian's packages of Docker, skopeo and crun are there; skip, and say why, where that cannot be."""
    missing = [p for p in programs if not shutil.which(p, path=PATH)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip(f"{', '.join(missing)} not installed, and only root with apt-get can install them")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")  # no service is started
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "docker.io", "skopeo", "crun"]
    if subprocess.run(install, env=env, capture_output=True).returncode:
        subprocess.run(["apt-get", "update", "-q"], env=env, capture_output=True)
        done = subprocess.run(install, env=env, capture_output=True, text=True)
        if done.returncode:
            pytest.skip("Docker, skopeo and crun cannot be installed: " + done.stderr[-500:])


PATH = os.environ["PATH"] + ":/usr/local/sbin:/usr/sbin:/sbin"


class Docker:
    """A Docker engine with its own data, socket and login; no bridge, no rules of the machine's firewall."""

    def __init__(self):
        installed("docker", "dockerd", "skopeo")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="anthill-docker-"))
        self.env = dict(os.environ, PATH=PATH, DOCKER_HOST=f"unix://{self.folder}/sock", DOCKER_CONFIG=str(self.folder / "config"), DOCKER_BUILDKIT="0")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            ["dockerd", "--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
             "-H", f"unix://{self.folder}/sock", "--iptables=false", "--ip6tables=false", "--bridge=none"],
            stdout=self.log, stderr=self.log, env=dict(os.environ, PATH=PATH))  # fmt: skip
        end = time.monotonic() + 60
        while subprocess.run(["docker", "info"], env=self.env, capture_output=True).returncode:
            if self.process.poll() is not None or time.monotonic() > end:
                text = (self.folder / "log").read_text()[-800:]
                self.close()
                pytest.skip("a Docker engine does not start here: " + text)
            time.sleep(0.2)

    def __call__(self, *words, input=None, ok=True):
        out = subprocess.run(["docker", *map(str, words)], env=self.env, input=input, capture_output=True)
        assert not ok or out.returncode == 0, f"docker {' '.join(map(str, words))}\n{out.stdout.decode()}\n{out.stderr.decode()}"
        return out.stdout.decode() if ok else out

    def skopeo(self, *words, ok=True):
        out = subprocess.run(["skopeo", *map(str, words)], env=self.env, capture_output=True, text=True)
        assert not ok or out.returncode == 0, f"skopeo {' '.join(map(str, words))}\n{out.stdout}\n{out.stderr}"
        return out.stdout if ok else out

    def build(self, tag, folder, dockerfile, **files):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Dockerfile").write_text(dockerfile)
        for name, text in files.items():
            (folder / (name + ".py")).write_text(text)
        self("build", "-q", "-t", tag, folder)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def packages():
    """A folder with the packages that images need, from PyPI, once for a machine."""
    key = hashlib.sha256(" ".join([sys.version, *PACKAGES]).encode()).hexdigest()[:12]
    folder = CACHE / key
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        new = tempfile.mkdtemp(dir=CACHE)
        os.chmod(new, 0o755)
        done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile", "--target", new, *PACKAGES],
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        try:
            os.rename(new, folder)
        except OSError:
            shutil.rmtree(new)  # another run was quicker
    return folder


def libraries(*programs):
    """The shared libraries of programs, the loader too."""
    out = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True).stdout
    return {p for p in re.findall(r"(/\S+)(?: \(0x)", out)}


ENTRYPOINT = """#!/bin/sh
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" 1>&2
  exit 142
fi
export _HANDLER="$1"
exec /var/runtime/bootstrap
"""
BOOTSTRAP = """#!/bin/sh
exec /var/lang/bin/python -m awslambdaric "$_HANDLER"
"""


def base_tar():
    """A root filesystem in the layout of AWS's base images for Python: this machine's interpreter under /var/lang, a shell,
    the entry point, the runtime's client under /var/runtime."""
    python = os.path.realpath(sys.executable)
    stdlib = pathlib.Path(sysconfig.get_path("stdlib"))
    unwanted = {"test", "tests", "site-packages", "dist-packages", "idlelib", "tkinter", "ensurepip", "lib2to3", "__pycache__", "turtledemo"}
    shared = pathlib.Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib").glob("libpython3*.so*")
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        def entry(name, kind=tarfile.REGTYPE, mode=0o755, **more):
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            for k, v in more.items():
                setattr(info, k, v)
            return info

        def text(name, content, mode=0o755):
            t.addfile(entry(name, size=len(content), mode=mode), io.BytesIO(content.encode()))

        for d in ("var", "var/lang", "var/lang/bin", "var/lang/lib", "var/task", "var/runtime", "opt", "tmp", "bin", "etc"):
            t.addfile(entry(d, tarfile.DIRTYPE))
        t.add(python, "var/lang/bin/python")
        t.add(stdlib, f"var/lang/lib/{stdlib.name}", filter=lambda i: None if unwanted & set(i.name.split("/")) or "/config-" in i.name else i)
        for so in shared:
            t.add(so, f"var/lang/lib/{so.name}", recursive=False)
        extensions = list((stdlib / "lib-dynload").glob("*.so"))
        for lib in sorted(libraries(python, "/bin/sh", *extensions) | libraries(*packages().glob("*.so"))):
            t.addfile(entry(lib.lstrip("/"), size=os.path.getsize(lib)), open(lib, "rb"))
        # compiled packages lean on the C++ library, which manylinux expects to be there
        cxx = subprocess.run(["sh", "-c", "ldconfig -p | grep -m1 'libstdc++.so.6.*=>' | sed 's/.*=> //'"], capture_output=True, text=True,
                             env=dict(os.environ, PATH=PATH)).stdout.strip()  # fmt: skip
        for lib in [cxx] if cxx else []:
            real = os.path.realpath(lib)
            t.addfile(entry("var/lang/lib/libstdc++.so.6", size=os.path.getsize(real)), open(real, "rb"))
        t.add(os.path.realpath("/bin/sh"), "bin/sh")
        text("lambda-entrypoint.sh", ENTRYPOINT)
        text("var/runtime/bootstrap", BOOTSTRAP)
        text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644)
        for name in ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"):
            for path in packages().glob(name + "*"):
                if not path.name.endswith(".dist-info"):
                    t.add(path, f"var/runtime/{path.name}")
    return b.getvalue()


BASE_CHANGES = [word for change in (
    "ENV LANG=en_US.UTF-8 TZ=:/etc/localtime PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime PYTHONPATH=/var/runtime",
    "WORKDIR /var/task", 'ENTRYPOINT ["/lambda-entrypoint.sh"]') for word in ("--change", change)]  # fmt: skip
