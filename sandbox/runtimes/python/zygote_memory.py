"""Makes the memory of a copy of a process its own, where it is going to be written to.

It is not needed: a kernel that does not know a request leaves the memory as it is.
"""

import bisect
import ctypes
import os
import struct

from zygote_shell import libc

PAGE = 4096
MADV_POPULATE_READ, MADV_POPULATE_WRITE = 22, 23


def advise(at, length, advice):
    return libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(length), advice)


class Hot:
    """Pages that every copy of this process will touch, to be made its own at once. One fault for each would cost twice the
    time. ranges are (first page, number of pages, whether they are written to)."""

    NR_PROCESS_MADVISE, SELF = 440, -10000
    MOST = 1024  # ranges of one call

    def __init__(self, ranges=()):
        here = mapped()
        self.calls = []
        for advice, written in (MADV_POPULATE_WRITE, 1), (MADV_POPULATE_READ, 0):
            ranges_of = [(first * PAGE, count * PAGE) for first, count, w in ranges if w == written and within(here, first * PAGE, count * PAGE)]
            for i in range(0, len(ranges_of), self.MOST):
                part = ranges_of[i:i + self.MOST]
                self.calls.append((advice, len(part), b"".join(struct.pack("QQ", *r) for r in part)))

    def __bool__(self):
        return bool(self.calls)

    def own(self):
        for advice, count, ranges in self.calls:
            if libc.syscall(self.NR_PROCESS_MADVISE, self.SELF, ranges, ctypes.c_size_t(count), advice, 0) < 0:  # before Linux 6.15
                for at, length in struct.iter_unpack("QQ", ranges):
                    advise(at, length, advice)


def mapped():
    """Where this process has memory that it may read, (begin, end), in ascending order, without gaps between neighbours."""
    all = []
    with open("/proc/self/maps") as maps:
        for line in maps:
            place, mode = line.split(None, 2)[:2]
            if mode[0] != "r":
                continue
            begin, end = (int(x, 16) for x in place.split("-"))
            if all and all[-1][1] == begin:
                begin = all.pop()[0]
            all.append((begin, end))
    return all


def within(here, at, length):
    i = bisect.bisect_right(here, (at, 1 << 64)) - 1
    return i >= 0 and at + length <= here[i][1]
