"""Which Python does the platform run functions on? Layers have to be built for that one."""

import platform
import sys


def lambda_handler(event, context):
    return {"python": platform.python_version(), "minor": sys.version_info[1], "machine": platform.machine()}
