"""Lays the memory of a template out so that copies of it cost little: fork copies, and the end of a copy takes down, an entry
for each page and each mapping, but one only for a whole piece of 2 MB.

None of it is needed: where something cannot be done the memory stays as it is.
"""

import ctypes
import os
import struct

from zygote_memory import PAGE, advise
from zygote_shell import libc

HUGE = 2 << 20
FULL = 448  # pages of a piece of 512 that have to be there, or else more memory would be taken than before
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE = 0x2, 0x20, 0x4000
MADV_COLLAPSE = 25


class Arenas:
    """Has the interpreter put the memory of its objects side by side, until they end. It takes an arena of 1 MB at a time, which the
    kernel puts between the libraries that are loaded meanwhile: no piece of 2 MB comes together there.

    The interpreter asks a function of C's for an arena, and none of Python's can stand in for it: that would need memory itself.
    So it is given ten instructions. What gives an arena back stays the interpreter's own function, which is munmap."""

    ROOM = 256 << 20  # addresses, not memory. What is beyond comes from where it came before
    CODE = {
        # void *alloc(struct { char *next, *end; void *(*otherwise)(void *, size_t); void *its; } *room, size_t size)
        "x86_64": b"\x48\x81\xfe\x00\x00\x04\x00"  # cmp rsi, 256 << 10: what is smaller is no arena, but frames that come and go
        b"\x72\x13"  # jb otherwise
        b"\x48\x89\xf0"  # mov rax, rsi
        b"\xf0\x48\x0f\xc1\x07"  # lock xadd [rdi], rax: other interpreters of the process have locks of their own
        b"\x48\x8d\x14\x30"  # lea rdx, [rax+rsi]
        b"\x48\x3b\x57\x08"  # cmp rdx, [rdi+8]
        b"\x77\x01"  # ja otherwise
        b"\xc3"  # ret
        b"\x48\x8b\x57\x10"  # otherwise: mov rdx, [rdi+16]
        b"\x48\x8b\x7f\x18"  # mov rdi, [rdi+24]
        b"\xff\xe2"  # jmp rdx
    }

    class Allocator(ctypes.Structure):
        """PyObjectArenaAllocator."""

        _fields_ = [("context", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p)]

    def __init__(self):
        self.code = None
        code = self.CODE.get(os.uname().machine)
        if code is None or struct.calcsize("P") != 8:
            return
        place, room = reserve(PAGE, 0), reserve(self.ROOM, MAP_NORESERVE)
        if not place or not room:
            return
        ctypes.memmove(place, code, len(code))
        if libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(PAGE), PROT_READ | PROT_EXEC):
            return
        self.code, self.end = place, room + self.ROOM
        self.before = self.Allocator()
        ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(self.before))
        self.room = (ctypes.c_uint64 * 4)(-(-room // HUGE) * HUGE, self.end, self.before.alloc, self.before.context or 0)
        ours = self.Allocator(ctypes.addressof(self.room), place, self.before.free)
        ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(ours))

    def close(self):
        """Lets the interpreter take further arenas as it did before."""
        if self.code is None:
            return
        ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(self.before))
        release(self.code, PAGE)
        begin = self.room[0]
        if begin < self.end:
            release(begin, self.end - begin)
        self.code = None


def reserve(size, flags):
    """Private memory of so many bytes; 0 when there is none."""
    libc.mmap.restype = ctypes.c_void_p
    at = libc.mmap(None, ctypes.c_size_t(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, ctypes.c_long(0))
    return 0 if at == ctypes.c_void_p(-1).value else at


def release(at, size):
    libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(size))


def collapse():
    """Puts memory into pieces of 2 MB, wherever nearly all pages of one are there. A piece of a copy falls apart when a page of it
    is written to, and stays whole in the template."""
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


def join():
    """Makes one mapping of the parts of a library that nobody writes to: its code, and what is only read before and after it,
    which the linker keeps apart so that it cannot be run."""
    try:
        for begin, end in unchanged():
            libc.mprotect(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), PROT_READ | PROT_EXEC)
    except OSError:
        pass


def unchanged():
    """Where a file is mapped in neighbouring pieces that cannot be written to, hold what the file holds, and are partly code:
    (begin, end)."""
    found, run = [], []  # the pieces of a run: begin, end, offset, file, whether it is code

    def over():
        if len(run) > 1 and any(piece[4] for piece in run):
            found.append((run[0][0], run[-1][1]))
        run.clear()

    piece = None
    with open("/proc/self/smaps") as maps:
        for line in maps:
            fields = line.split(None, 5)
            if not fields[0].endswith(":"):
                piece = None
                if fields[1] in ("r--p", "r-xp") and fields[4] != "0":
                    begin, end = (int(x, 16) for x in fields[0].split("-"))
                    piece = begin, end, int(fields[2], 16), (fields[3], fields[4]), fields[1] == "r-xp"
                if piece is None or run and (run[-1][1], run[-1][2] + run[-1][1] - run[-1][0], run[-1][3]) != (piece[0], piece[2], piece[3]):
                    over()
            elif fields[0] == "Anonymous:" and piece is not None:
                if fields[1] == "0":
                    run.append(piece)
                else:  # the linker has written to it
                    over()
    over()
    return found
