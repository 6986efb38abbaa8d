"""Control groups of clones.

Of version 1 a template is given files, and a clone writes itself into them. Of version 2 it is given the group's directory, and
a clone begins in it: to move there would take it 5 to 15 ms.
"""

import ctypes
import os
import stat
import struct

PR_GET_TID_ADDRESS = 40
NR_CLONE3, NR_GETTID = 435, {"x86_64": 186}.get(os.uname().machine, 178)
CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_INTO_CGROUP = 0x00200000, 0x01000000, 0x200000000
SIGCHLD = 17

libc = ctypes.PyDLL(None, use_errno=True)  # as os.fork, without giving up the interpreter's lock


def thread_id():
    """Where the C library keeps the number of this thread, which the kernel has to write anew in a child; None when it does not say."""
    address = ctypes.c_ulong()
    if libc.prctl(PR_GET_TID_ADDRESS, ctypes.byref(address), 0, 0, 0) != 0 or not address.value:
        return None
    return address.value if ctypes.c_int.from_address(address.value).value == libc.syscall(NR_GETTID) else None


def is_directory(fd):
    return stat.S_ISDIR(os.fstat(fd).st_mode)


def join(fd):
    """Moves this process into a group."""
    if is_directory(fd):
        procs = os.open("cgroup.procs", os.O_WRONLY | os.O_CLOEXEC, dir_fd=fd)
        os.write(procs, b"0")
        os.close(procs)
    else:
        os.write(fd, b"0")
    os.close(fd)


class Begun:
    """Whether this process began in its groups."""

    yes = False


def fork(groups):
    """os.fork, whose child begins in the groups where the kernel can do that, and has to call arrive. Only a process of one thread
    may call it.

    What C libraries have registered for forks (pthread_atfork) is called by their own fork, and so not for a child that begins in
    its group. It is there to put in order what other threads held, and there are none.
    """
    pid = begin(groups[0]) if len(groups) == 1 and is_directory(groups[0]) else None
    return os.fork() if pid is None else pid


def arrive(groups):
    """Takes this process into its groups, or ends it: what is not limited is not run."""
    try:
        for fd in groups:
            if Begun.yes:
                os.close(fd)
            else:
                join(fd)
    except OSError as e:
        os.write(2, ("control group: %s\n" % e).encode())
        os._exit(1)


def begin(group):
    """A child that begins in a group of version 2; None when the kernel refuses that."""
    own = thread_id()
    if own is None:
        return None
    flags = CLONE_INTO_CGROUP | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
    args = ctypes.create_string_buffer(struct.pack("11Q", flags, 0, own, 0, SIGCHLD, 0, 0, 0, 0, 0, group), 88)
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = libc.syscall(NR_CLONE3, args, 88)
    if pid == 0:
        Begun.yes = True
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    return pid if pid > 0 else None
