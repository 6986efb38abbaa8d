"""What a copy of a process costs depends on how its memory lies. A template's is put together; a copy's is made its own ahead.

None of it is needed: a kernel that does not know a request leaves the memory as it is.
"""

import bisect
import ctypes
import os
import struct

from zygote_shell import libc

HUGE, PAGE = 2 << 20, 4096
MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_COLLAPSE = 22, 23, 25
FULL = 448  # pages of 512 that have to be there, or else more memory would be taken than before


def advise(at, length, advice):
    return libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(length), advice)


def collapse():
    """Puts memory into pieces of 2 MB, wherever nearly all pages of one are there. fork copies an entry for each page, and
    looks up each page; of a whole piece it does so once, and goes on doing so when single pages of it were written to."""
    try:
        with open("/proc/self/maps") as maps, open("/proc/self/pagemap", "rb", buffering=0) as pages:
            for line in maps.read().splitlines():
                fields = line.split()
                if fields[1] != "rw-p" or (len(fields) > 5 and fields[5] != "[heap]"):
                    continue
                begin, end = (int(x, 16) for x in fields[0].split("-"))
                for at in range(-(-begin // HUGE) * HUGE, end - HUGE + 1, HUGE):
                    entries = os.pread(pages.fileno(), HUGE // PAGE * 8, at // PAGE * 8)
                    if sum(e >> 63 for e in struct.unpack("%dQ" % (len(entries) // 8), entries)) >= FULL:
                        advise(at, HUGE, MADV_COLLAPSE)
    except OSError:
        pass


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
