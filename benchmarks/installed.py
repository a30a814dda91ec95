"""What installed packages offer by entry points, looked up once while nothing is installed."""

import functools
import os
import sys
from importlib import metadata


def entry_points(group: str) -> tuple[metadata.EntryPoint, ...]:
    """As that of `importlib.metadata`, which reads the files of all packages each time."""
    return _found(group, tuple((path, _changed(path)) for path in sys.path))


@functools.lru_cache(maxsize=32)
def _found(group: str, _where: tuple[tuple[str, int], ...]) -> tuple[metadata.EntryPoint, ...]:
    return tuple(metadata.entry_points(group=group))


def _changed(path: str) -> int:
    """When something was last put into a folder or taken away; -1 if it is none."""
    try:
        return os.stat(path or os.curdir).st_mtime_ns
    except OSError:
        return -1
