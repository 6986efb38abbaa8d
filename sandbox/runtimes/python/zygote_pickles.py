"""Which modules the pickles among a function's files name, found without loading any of them."""

import os

LOADERS = {"pickle", "_pickle", "joblib", "cloudpickle", "dill"}
SUFFIXES = (".pkl", ".pickle", ".p", ".joblib", ".sav", ".dill", ".model")
FILES, BYTES, OPCODES = 16, 128 << 20, 150_000  # what is looked at: of the function, of a file, of all files (a quarter of a second)
STRINGS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
GETS = {"GET", "BINGET", "LONG_BINGET"}
PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}


def modules(task):
    """The names, in the order in which loading would come to them. What cannot be read as a pickle ends where it is none."""
    names = {}
    budget = iter(range(OPCODES))
    for path in files(task):
        try:
            with open(path, "rb") as f:
                if f.read(1) == b"\x80":  # protocol 2 or newer
                    f.seek(0)
                    for name in named(f, budget):
                        names[name] = None
        except Exception:
            pass  # the function's own loading will say what is wrong with it
    return list(names)


def files(task):
    found = []
    for directory, below, names in os.walk(task):
        below[:] = sorted(n for n in below if not n.startswith((".", "__")) and not n.endswith(".dist-info"))
        for name in sorted(names):
            path = os.path.join(directory, name)
            if name.lower().endswith(SUFFIXES) and os.path.isfile(path) and os.path.getsize(path) <= BYTES:
                found.append(path)
                if len(found) == FILES:
                    return found
    return found


def named(f, budget):
    import pickletools

    memo = {}
    last = []  # the strings that were pushed last, with nothing between them
    for _, (opcode, arg, _) in zip(budget, pickletools.genops(f)):
        name = opcode.name
        if name in STRINGS:
            last.append(arg)
        elif name in GETS:
            last.append(memo.get(int(arg)))
        elif name == "MEMOIZE":
            memo[len(memo)] = last[-1] if last else None
        elif name in PUTS:
            memo[int(arg)] = last[-1] if last else None
        else:
            module = None
            if name == "GLOBAL":
                module = arg.split(" ")[0]
            elif name == "STACK_GLOBAL" and len(last) > 1:
                module = last[-2]
            if module and all(part.isidentifier() for part in module.split(".")):
                yield module
            last = []
