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


def libraries(task, names):
    """Those of the modules of these names that are in memory and not the user's own."""
    beside = None
    found = []
    for name in names:
        path = getattr(sys.modules.get(name), "__file__", None)
        top = name.split(".")[0]
        if path is None or top.startswith("__"):
            continue
        if path.startswith(task + "/"):
            if beside is None:
                beside = installed(task)
            if top not in beside:
                continue
        found.append(name)
    return found
