"""What a copy of a process costs depends on how its memory lies. A template's is put together; a copy's is made its own ahead.

None of it is needed: a kernel that does not know a request leaves the memory as it is.
"""

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


def own(ranges):
    """Makes ranges of memory, (first page, number of pages, whether they are written to), this process's own at once. One
    fault for each would cost twice the time."""
    for first, count, written in ranges:
        advise(first * PAGE, count * PAGE, MADV_POPULATE_WRITE if written else MADV_POPULATE_READ)
