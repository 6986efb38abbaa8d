"""A snapshot: the function's init runs in the template itself, once, and every clone goes on from there.

What a copy of a process cannot share with another copy is looked for after init. Threads, children, event loops and shared
memory forbid a snapshot; files and sockets are opened anew in each copy.
"""

import fcntl
import os
import random
import re
import socket
import stat
import sys
import time

import bootstrap

SETTLE = 0.05  # seconds that threads get to end after init
MAX_MESSAGE = 16384  # characters of an error: it has to fit into a packet
OPEN_FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK | getattr(os, "O_DIRECT", 0)


class Refused(Exception):
    """The process cannot be copied; the text says why."""


def descriptors():
    own = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            own.add((int(name), os.readlink("/proc/self/fd/" + name)))
        except OSError:
            pass  # that of the listing itself
    return own


def take(job):
    """Runs init and the hooks before a snapshot. It gives the runtime, or None, and what there is to report."""
    before = descriptors()
    runtime = bootstrap.Runtime(job)
    report = {"begin": runtime.begin}
    try:
        error = runtime.load() or runtime.before_snapshot()
        runtime.end_lines()
        if error:
            error["errorMessage"] = error["errorMessage"][:MAX_MESSAGE]
            error["stackTrace"] = error["stackTrace"][:20]
            report["failure"] = error
    except SystemExit as e:
        report["exit"] = e.code if isinstance(e.code, int) else 0 if e.code is None else 1
    report["end"] = time.time_ns()
    report["memory"] = bootstrap.max_rss()
    if "failure" in report or "exit" in report:
        return None, report
    try:
        runtime.held = held(before)
        refuse_sharing()
    except Refused as e:
        report["refused"] = str(e)
        return None, report
    return runtime, report


def refuse_sharing():
    """Refuses what a fork would lose, or what copies would share with each other."""
    until = time.monotonic() + SETTLE
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < until:
        time.sleep(0.002)
    names = thread_names()
    if names:
        raise Refused("init left %d thread%s running (%s), which a copy of the process would not have"
                      % (len(names), "" if len(names) == 1 else "s", ", ".join(names)))
    try:
        if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            raise Refused("init left a child process running, which copies would share")
    except ChildProcessError:
        pass
    with open("/proc/self/maps") as maps:
        for line in maps:
            fields = line.split(None, 5)
            if fields[1].startswith("rw") and fields[1].endswith("s"):
                raise Refused("init made shared memory (%s), which copies would share" % (fields[5].strip() if len(fields) > 5 else "anonymous"))


def thread_names():
    import threading

    known = {}
    for t in threading.enumerate():
        known[getattr(t, "native_id", None)] = t.name
    names = []
    own = int(os.readlink("/proc/self"))
    for task in os.listdir("/proc/self/task"):
        if int(task) == own:
            continue
        try:
            with open("/proc/self/task/%s/comm" % task) as f:
                names.append(known.get(int(task)) or f.read().strip())
        except OSError:
            pass
    return names


def held(before):
    """The descriptors that init opened: (number, what to do with it in a copy)."""
    todo = []
    known = {number for number, _ in before}
    for number, target in descriptors():
        if (number, target) in before or number in known:
            continue
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        if stat.S_ISSOCK(mode):
            todo.append((number, "socket"))
        elif stat.S_ISREG(mode):
            todo.append((number, "file"))
        elif stat.S_ISFIFO(mode):
            raise Refused("init left a pipe open, which copies would share")
        elif target.startswith("anon_inode:"):
            kind = re.sub(r"[^a-z_]", "", target.split(":", 1)[1])
            raise Refused("init left an event loop or a timer open (%s), which copies would share" % kind)
    return todo


def renew(todo):
    """Gives this copy descriptors of its own: files at the same place, sockets whose peer has closed."""
    for number, kind in todo:
        inheritable = os.get_inheritable(number)
        try:
            fresh = fresh_file(number) if kind == "file" else fresh_socket(number)
        except OSError:
            continue
        if fresh is not None:
            os.dup2(fresh, number, inheritable)
            os.close(fresh)


def fresh_file(number):
    flags = fcntl.fcntl(number, fcntl.F_GETFL) & OPEN_FLAGS
    path = os.readlink("/proc/self/fd/%d" % number)
    at = os.lseek(number, 0, os.SEEK_CUR)
    if not path.startswith("/tmp/") or path.endswith(" (deleted)"):
        path = "/proc/self/fd/%d" % number
    fresh = os.open(path, flags | os.O_CLOEXEC)
    os.lseek(fresh, at, os.SEEK_SET)
    return fresh


def fresh_socket(number):
    """After a restore the peers of a snapshot's connections are gone, so their sockets read as closed. Others are made anew."""
    old = socket.socket(fileno=os.dup(number))
    with old:
        connected = True
        try:
            old.getpeername()
        except OSError:
            connected = False
        if connected and old.type == socket.SOCK_STREAM:
            one, other = socket.socketpair()
            other.close()
            return one.detach()
        if old.getsockopt(socket.SOL_SOCKET, getattr(socket, "SO_ACCEPTCONN", 30)):
            return None  # a listener is bound to an address that only one can have
        return socket.socket(old.family, old.type, old.proto).detach()


def sow():
    """Has OpenSSL make its generator, which takes some milliseconds, ahead of reseed in every copy."""
    ssl = sys.modules.get("ssl")
    if ssl is not None:
        ssl.RAND_bytes(1)


def reseed():
    """Makes the random state of this copy its own: what the interpreter, numpy and OpenSSL keep for everybody."""
    random.seed()
    random_state = getattr(sys.modules.get("numpy"), "random", None)
    if random_state is not None:
        try:
            random_state.seed(int.from_bytes(os.urandom(4), "little"))  # without a number it takes half a millisecond
        except Exception:
            pass
    ssl = sys.modules.get("ssl")
    if ssl is not None:
        ssl.RAND_add(os.urandom(32), 32.0)
    uuid = sys.modules.get("uuid")
    if uuid is not None:
        uuid._last_timestamp = None
    process = getattr(sys.modules.get("multiprocessing.process"), "_current_process", None)
    if process is not None:
        try:
            process._config["authkey"] = process._config["authkey"].__class__(os.urandom(32))
        except Exception:
            pass
