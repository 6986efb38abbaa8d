"""A template: a Python process that has the function's libraries in memory and forks environments from itself.

In namespaces it forks itself into shells (see zygote_shell) and has, where the machine allows it, the powers of a user
namespace that setting up a clone needs. It never runs the function's own code, but for a snapshot: then that code's init has
run in it, as the function's user, and its clones go on from there. Requests come as JSON in packets on descriptor 3; every
answer is one packet.

    a snapshot only: {"op": "init", "env"} + [output, mount of /tmp (in namespaces), control groups …]
    first, by itself                                                                       ->  {"op": "ready", "threads", …}
    {"op": "hot", "pages": [[first, number, written], …]}: what invocations touch
    {"op": "fork", "id"} + [control socket, mount of /tmp (in namespaces), control groups …]  ->  {"op": "forked", "id"} + [pidfds]
    when a clone ends                                                                      ->  {"op": "ended", "id", "status"}

The first pidfd is of the process whose end is the end of the whole environment, the last of the runtime; without namespaces
one process is both.
"""

import os


class Forked:
    """What the next fork of this process does before anything else: other modules have hooks there that write to memory."""

    todo = None

    @classmethod
    def first(cls):
        todo, cls.todo = cls.todo, None
        if todo is not None:
            todo()


os.register_at_fork(after_in_child=Forked.first)  # before the modules below register theirs

import ast
import binascii
import ctypes
import gc
import importlib
import importlib.util
import json
import select
import signal
import socket
import struct
import sys

import bootstrap
import zygote_group
import zygote_layout
import zygote_memory
import zygote_pickles
import zygote_snapshot
from zygote_modules import installed
from zygote_shell import CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWPID, MS_PRIVATE, MS_REC, check, libc, mount, mount_proc, pidfd_of, split

PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER = 38, 4, 15, 22, 36
SECCOMP_MODE_FILTER = 2
AT_FDCWD, MOVE_MOUNT_F_EMPTY_PATH = -100, 4
NR_MOVE_MOUNT = 429
LIMITS = {"RLIMIT_NOFILE": 1024, "RLIMIT_CORE": 0}  # as on AWS


def show_tmp(tmp):
    """Puts the mount of /tmp that the supervisor passed in its place."""
    check(libc.syscall(NR_MOVE_MOUNT, tmp, b"", AT_FDCWD, b"/tmp", MOVE_MOUNT_F_EMPTY_PATH), "/tmp")
    os.close(tmp)


class Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_char_p)]

    def __init__(self, encoded):
        self.text = binascii.a2b_base64(encoded or "")
        ctypes.Structure.__init__(self, len(self.text) // 8, self.text)


def drop_powers(user, filter):
    """Leaves nothing of the template's powers to the function."""
    if user:
        os.setgroups([])
        os.setresgid(user[1], user[1], user[1])
        os.setresuid(user[0], user[0], user[0])
    head = struct.pack("II", 0x20080522, 0)
    libc.capset(head, struct.pack("6I", 0, 0, 0, 0, 0, 0))
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    if filter.length:
        check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter), 0, 0), "system call filter")


# --------------------------------------------------------------------------------------------------- libraries


class Libraries:
    """What a handler imports that is not the user's own code, found without running any of that code."""

    def __init__(self, task):
        self.task = task
        self.installed = installed(task)
        self.seen = set()

    def own(self, name):
        top = name.split(".")[0]
        if top in self.installed:
            return None
        base = os.path.join(self.task, *name.split("."))
        for path in (base + ".py", os.path.join(base, "__init__.py")):
            if os.path.isfile(path):
                return path
        return "" if os.path.exists(os.path.join(self.task, top)) or os.path.exists(os.path.join(self.task, top + ".py")) else None

    def load(self, name):
        if name in self.seen or name.split(".")[0] == "snapshot_restore_py":
            return
        self.seen.add(name)
        path = self.own(name)
        if path is None:
            try:
                importlib.import_module(name)
            except BaseException:
                pass  # the handler's own import will say so
        elif path:
            self.scan(path, name)

    def scan(self, path, name):
        try:
            with open(path, "rb") as f:
                tree = ast.parse(f.read())
        except Exception:
            return
        todo = list(tree.body)
        while todo:
            node = todo.pop(0)
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.load(alias.name)
            elif isinstance(node, ast.ImportFrom):
                if node.level == 0 and node.module:
                    self.load(node.module)
                    for alias in node.names:
                        child = node.module + "." + alias.name
                        if node.module in sys.modules and hasattr(sys.modules[node.module], "__path__") and self.is_module(child):
                            self.load(child)
                elif node.level:
                    package = name.split(".")[:-node.level] if not path.endswith("__init__.py") else name.split(".")[:len(name.split(".")) - node.level + 1]
                    if package:
                        self.load(".".join(package + ([node.module] if node.module else [])))
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                todo.extend(getattr(node, "body", []) + getattr(node, "orelse", []) + getattr(node, "finalbody", []))

    def is_module(self, name):
        if name in sys.modules:
            return True
        try:
            return importlib.util.find_spec(name) is not None
        except Exception:
            return False


def preload(job):
    libraries = Libraries(job["task"])
    if job.get("handler") and "." in job["handler"]:
        libraries.load(job["handler"].rsplit(".", 1)[0].replace("/", "."))
    for name in job.get("modules") or ():
        libraries.load(name)
    if zygote_pickles.LOADERS & {name.split(".")[0] for name in libraries.seen}:
        for name in zygote_pickles.modules(job["task"]):
            libraries.load(name)


def threads():
    return len(os.listdir("/proc/self/task"))


# --------------------------------------------------------------------------------------------------- clones


def first_process(page_status, child):
    """The first process of an environment without namespaces: it collects orphans, and passes on how the runtime ended."""
    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(n, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            os.write(page_status, struct.pack("<i", status))
            end_children()
            os._exit(0)


def end_children():
    while True:
        with open("/proc/self/task/%d/children" % os.getpid()) as f:
            children = f.read().split()
        for pid in children:
            os.kill(int(pid), signal.SIGKILL)
        try:
            for _ in children or [None]:  # theirs come to us as they end
                os.wait()
        except ChildProcessError:
            return


class Template:
    def __init__(self, requests, shells, job, runtime):
        self.requests = requests
        self.shells = shells  # where shells come from; None without namespaces
        self.job = job
        self.filter = Filter(job.get("filter"))
        self.runtime = runtime  # of a snapshot it has run its init
        self.clones = {}  # pid -> (id, status pipe or shell)
        self.ending = {}  # shell -> (id, status of its runtime)
        self.hot = None  # pages that an invocation touches

    def fork(self, request, fds):
        shell = status_in = None
        if self.shells is not None:
            held = shell = self.take_shell()
        else:
            held, status_in = os.pipe()
        try:
            if shell is not None:
                check(libc.setns(shell, CLONE_NEWPID), "setns")
            groups = fds[2 if shell is not None else 1:]
            Forked.todo = lambda: self.settle(groups)
            pid = zygote_group.fork(groups)
        except OSError:
            os.close(held)
            raise
        if pid == 0:
            os._exit(self.run(fds, held, status_in))
        Forked.todo = None
        if status_in is not None:
            os.close(status_in)
        self.clones[pid] = (request["id"], held)
        runtime = pidfd_of(pid)
        self.say({"op": "forked", "id": request["id"]}, [runtime] if shell is None else [shell, runtime])
        os.close(runtime)

    def take_shell(self):
        message, fds = bootstrap.receive_fd(self.shells)
        self.shells.send(b"1")
        if not fds:
            raise OSError(message.decode() or "nobody makes shells any more")
        return fds[0]

    def settle(self, groups):
        """Takes a clone into its control groups, and makes the memory its own that it is going to write to."""
        zygote_group.arrive(groups)
        if self.hot and self.shells is not None:
            self.hot.own()

    def run(self, fds, held, status):
        """A clone's whole life; what it gives is its exit status, as the interpreter itself would end."""
        import atexit

        code = 1
        try:
            self.clone(fds, held, status)
        except SystemExit as e:
            if e.code is None:
                code = 0
            elif isinstance(e.code, int):
                code = e.code & 0xFF
            else:
                sys.stderr.write(str(e.code) + "\n")
        except BaseException:
            sys.excepthook(*sys.exc_info())
        try:
            atexit._run_exitfuncs()
            sys.stdout.flush()
        except BaseException:
            pass
        return code

    def clone(self, fds, held, status):
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, self.child)
        control = fds[0]
        self.requests.close()
        for fd in self.wake:
            os.close(fd)
        os.setsid()
        if self.shells is not None:
            self.shells.close()
            here = os.getcwd()
            check(libc.setns(held, CLONE_NEWNS | CLONE_NEWIPC), "setns")
            mount_proc()
            show_tmp(fds[1])
            os.chdir(here)
        else:
            libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what the function starts and leaves comes to us
            child = os.fork()
            if child:
                os.close(control)
                first_process(status, child)
            libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
            os.close(status)
        os.close(held)
        control = socket.socket(fileno=control)
        ahead = not select.select([control], [], [], 0)[0]  # nobody waits for it
        drop_powers(self.job["user"] if self.shells is not None else None, self.filter)
        for _, other in self.clones.values():
            os.close(other)
        for other in self.ending:
            os.close(other)
        self.become(control, ahead)

    def become(self, control, ahead):
        """Makes ready what needs not know the environment, waits for its work, and does it."""
        zygote_snapshot.reseed()
        for name, value in LIMITS.items():
            limit(name, value)
        if self.job["snapshot"]:
            zygote_snapshot.renew(self.runtime.held)
        if ahead and not self.hot:
            self.runtime.rehearse()
        message, fds = bootstrap.receive_fd(control)
        if not message:
            os._exit(0)
        work = json.loads(message)
        for fd in (1, 2):
            os.dup2(fds[0], fd)
        os.close(fds[0])
        for name, value in work["limits"].items():
            limit(name, value)
        runtime = self.runtime
        if self.job["snapshot"]:
            runtime.restored(fds[1], control.detach(), fds[2])
            return
        for name in work["gone"]:
            os.environ.pop(name, None)
        os.environ.update(work["env"])
        place(self.job)
        runtime.begin_again(work["learn"])
        bootstrap.run(runtime, fds[1], control.detach(), fds[2])

    def say(self, message, fds=()):
        data = json.dumps(message).encode()
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("%di" % len(fds), *fds))] if fds else []
        self.requests.sendmsg([data], ancillary)

    def reap(self):
        while self.clones:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name, held = self.clones.pop(pid, (None, None))
            if name is None:
                continue
            if self.shells is not None:
                kill(held)
                self.ending[held] = name, status
                self.poll.register(held, select.POLLIN)
                continue
            own = os.read(held, 4)
            os.close(held)
            if len(own) == 4:
                status = struct.unpack("<i", own)[0]
            self.say({"op": "ended", "id": name, "status": status})

    def gone(self, shell):
        """Nothing is left of an environment."""
        self.poll.unregister(shell)
        os.close(shell)
        name, status = self.ending.pop(shell)
        self.say({"op": "ended", "id": name, "status": status})

    def loop(self):
        self.wake = wake, wake_in = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(wake_in, False)
        self.child = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
        self.poll = select.poll()
        self.poll.register(self.requests.fileno(), select.POLLIN)
        self.poll.register(wake, select.POLLIN)
        while True:
            for fd, _ in self.poll.poll():
                if fd in self.ending:
                    self.gone(fd)
                    continue
                if fd == wake:
                    try:
                        os.read(wake, 4096)
                    except BlockingIOError:
                        pass
                    self.reap()
                    continue
                message, fds = bootstrap.receive_fd(self.requests)
                if not message:
                    os._exit(0)
                self.answer(json.loads(message), fds)
                for fd in fds:
                    os.close(fd)


    def answer(self, request, fds):
        if request["op"] == "hot":
            self.hot = zygote_memory.Hot(request["pages"])
            gc.freeze()
            return
        try:
            self.fork(request, fds)
        except Exception as e:
            self.say({"op": "failed", "id": request["id"], "error": str(e)})


def kill(pidfd):
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        pass  # that it ended is why we are here


def limit(name, value):
    import resource

    try:
        resource.setrlimit(getattr(resource, name), (value, value))
    except (OSError, ValueError):
        pass


def place(job):
    """Makes the function's directory this process's own."""
    os.environ["LAMBDA_TASK_ROOT"] = os.environ["PWD"] = job["task"]
    try:
        os.chdir(job["task"])
    except OSError:
        pass


class Lowered:
    """The function's own user while its init runs here; the template's powers come back afterwards, for it has to set up
    clones. They are those of a user namespace that holds this one function."""

    def __init__(self, job):
        self.user = job["user"] if job["namespaces"] else None

    def __enter__(self):
        if self.user:
            os.setgroups([])
            os.setresgid(self.user[1], self.user[1], 0)
            os.setresuid(self.user[0], self.user[0], 0)
            libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)

    def __exit__(self, *_):
        if self.user:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)


def snapshot(job, requests):
    """Waits for what init needs, and runs it. It gives the runtime and the report, as zygote_snapshot.take."""
    message, fds = bootstrap.receive_fd(requests)
    if not message:
        os._exit(0)
    request = json.loads(message)
    os.dup2(fds[0], 1)
    os.dup2(fds[0], 2)
    os.close(fds[0])
    groups = fds[1:]
    if job["namespaces"]:
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        show_tmp(groups.pop(0))
        mount_proc()
    zygote_group.arrive(groups)
    threads = {n: v for n, v in os.environ.items() if n.endswith("_NUM_THREADS") and n not in request["env"]}
    os.environ.clear()
    os.environ.update(request["env"])
    place(job)
    os.environ.update(threads)  # numeric libraries read them when they are loaded
    with Lowered(job):
        runtime, report = zygote_snapshot.take(job)
    for name in threads:
        os.environ.pop(name, None)
    return runtime, report


def main():
    job = json.loads(sys.argv[1])
    shells = split(3) if job["namespaces"] else None
    libc.prctl(PR_SET_NAME, b"template", 0, 0, 0)
    arenas = zygote_layout.Arenas()
    requests = socket.socket(fileno=3)
    os.set_inheritable(3, False)
    bootstrap.set_up_path(job)
    bootstrap.site_builtins()
    import resource  # what every environment uses

    runtime, report = None, {}
    if job["snapshot"]:
        runtime, report = snapshot(job, requests)
    else:
        place(job)
        runtime = bootstrap.Runtime(job)
        runtime.set_up()
        if job["preload"]:
            preload(job)
    zygote_snapshot.sow()
    gc.collect()
    gc.freeze()
    arenas.close()
    zygote_layout.join()
    zygote_layout.collapse()
    template = Template(requests, shells, job, runtime)
    template.say(dict(report, op="ready", threads=threads()))
    if runtime is None:
        os._exit(0)
    template.loop()


main()
