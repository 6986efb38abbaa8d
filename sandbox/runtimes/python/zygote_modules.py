"""Which modules are libraries, and which are the user's own code."""

import os
import sys


def installed(task):
    """The top-level names that a package installer put beside the user's code, from the metadata it left."""
    names = set()
    try:
        entries = os.listdir(task)
    except OSError:
        return names
    for entry in entries:
        if not entry.endswith(".dist-info"):
            continue
        try:
            with open(os.path.join(task, entry, "RECORD")) as record:
                for line in record:
                    top = line.split(",")[0].split("/")[0]
                    names.add(top[:-3] if top.endswith(".py") else top.split(".")[0])
        except OSError:
            pass
    return names


def libraries(task):
    """The modules in memory that are not the user's own, in the order in which they were imported."""
    beside = installed(task)
    names = []
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        top = name.split(".")[0]
        if path is None or top.startswith("__"):
            continue
        if not path.startswith(task + "/") or top in beside:
            names.append(name)
    return names
