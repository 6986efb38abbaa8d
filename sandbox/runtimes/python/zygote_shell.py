"""Shells: the namespaces of an environment with nothing in them but their first process, made ahead.

A process that holds libraries is dear to copy: its page tables are large. So the first process of a template's process
namespace splits before any library is in memory. The child becomes the template; the first process stays small and makes
shells. To make an environment the template takes one and forks itself into it, once.

A shell comes to the template as one packet on a socket, with a descriptor of its first process, which the namespaces are
entered by; every byte that the template sends asks for one more. A packet without a descriptor says what went wrong.
"""

import ctypes
import os
import signal
import socket
import struct

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
PR_SET_NAME = 15
NR_PIDFD_OPEN = 434
NAMESPACES = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC
AHEAD = 2  # shells that wait

libc = ctypes.CDLL(None, use_errno=True)


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
    template = os.fork()
    if template == 0:
        ours.close()
        return shells
    shells.close()
    os.close(requests)  # that nobody but the template holds it is how its end is seen
    try:
        keep(ours, template)
    finally:
        os._exit(1)  # and with it everything in this namespace


def keep(ours, template):
    """Makes shells until the template has ended, and with it the socket."""
    libc.prctl(PR_SET_NAME, b"shells", 0, 0, 0)
    # Nobody waits for a child of ours, nor for an orphan of an environment: the kernel collects them. Programs inherit that.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    here = pidfd_of(template)
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "init")
    command = [program] if os.path.exists(program) else ["/bin/sleep", "infinity"]
    for _ in range(AHEAD):
        make(ours, here, command)
    while ours.recv(1):
        make(ours, here, command)


def make(ours, here, command):
    """Makes a shell: a small program that does nothing, in namespaces of its own. We go there, start it, and come back."""
    try:
        check(libc.unshare(NAMESPACES), "unshare")
        try:
            pid = os.posix_spawn(command[0], command, {}, setsid=True)
        finally:
            check(libc.setns(here, NAMESPACES), "setns")
        first = pidfd_of(pid)
    except OSError as e:
        ours.send(str(e).encode())
        return
    ours.sendmsg([b"shell"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", first))])
    os.close(first)
