"""Shells: the namespaces of an environment with nothing in them but their first process, made ahead.

A process that holds libraries is dear to copy: its page tables are large. So the first process of a template's process
namespace splits before any library is in memory. The child becomes the template; the first process stays small and makes
shells. To make an environment the template takes one and forks itself into it, once.

A shell comes to the template as one packet on a socket, with a descriptor of its first process, which the namespaces are
entered by; every byte that the template sends asks for one more. A packet without a descriptor says what went wrong.
"""

import ctypes
import gc
import os
import signal
import socket
import struct

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
PR_SET_NAME = 15
NR_PIDFD_OPEN, NR_CLONE3 = 434, 435
AHEAD = 2  # shells that wait
CHILD = (signal.SIGCHLD,)

libc = ctypes.CDLL(None, use_errno=True)
python = ctypes.PyDLL(None, use_errno=True)  # calls that this thread makes without giving up the interpreter


def check(result, what):
    if result < 0:
        e = ctypes.get_errno()
        raise OSError(e, "%s: %s" % (what, os.strerror(e)))
    return result


def mount(source, target, kind, flags, data=None):
    enc = lambda s: None if s is None else s.encode()
    check(libc.mount(enc(source), enc(target), enc(kind), ctypes.c_ulong(flags), enc(data)), "mount " + target)


def mount_proc():
    """Shows the processes of this process namespace alone."""
    try:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        pass  # a container that hides parts of /proc forbids it: the host's stays, other users' processes are closed


def pidfd_of(pid):
    return check(libc.syscall(NR_PIDFD_OPEN, pid, 0), "pidfd_open")


def split(requests):
    """Splits this process. In the child, the template to be, it gives the socket that shells come from."""
    shells, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # OpenSSL takes a process that has its parent's number for its parent, and goes on with the same random numbers. A
    # function is the second process of its namespace; so that its template is not, somebody else is here.
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    template = os.fork()
    if template == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        ours.close()
        return shells
    shells.close()
    os.close(requests)  # that nobody but the template holds it is how its end is seen
    try:
        keep(ours, template)
    finally:
        os._exit(1)  # and with it everything in this namespace


def keep(ours, template):
    def ended(*_):
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == template:
                os._exit(0)
            if pid == 0:
                return

    libc.prctl(PR_SET_NAME, b"shells", 0, 0, 0)
    signal.signal(signal.SIGCHLD, ended)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    gc.disable()
    gc.freeze()
    for _ in range(AHEAD):
        make(ours)
    while ours.recv(1):
        make(ours)


# What clone3(2) is told: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls.
CLONE = struct.pack("8Q", CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)


def make(ours):
    """Makes a shell. It does without what the interpreter does after a fork, which would write to much of its memory: of the
    interpreter's state that is set right there a shell needs nothing."""
    child = python.syscall(NR_CLONE3, CLONE, len(CLONE))
    if child == 0:
        try:
            shell(ours)
        finally:
            os._exit(1)
    if child < 0:
        ours.send(b"clone3: " + os.strerror(ctypes.get_errno()).encode())


def shell(ours):
    """The first process of an environment: it collects orphans. Its end is the end of all others there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, CHILD)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        libc.prctl(PR_SET_NAME, b"init", 0, 0, 0)
        os.setsid()
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        mount_proc()
        self = pidfd_of(os.getpid())
        ours.sendmsg([b"shell"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", self))])
        os.close(self)
    except OSError as e:
        ours.send(str(e).encode())
        return
    ours.close()
    while True:
        signal.sigwait(CHILD)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
