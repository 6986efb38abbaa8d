"""Hooks around a snapshot, as AWS's module of this name has them."""

_before = []
_after = []


def register_before_snapshot(func, *args, **kwargs):
    """Runs func before the environment is snapshotted; the last registered runs first."""
    _before.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """Runs func after a restore, in the order of registration."""
    _after.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before


def get_after_restore():
    return _after
