"""What installed packages offer by entry points, looked up once while nothing is installed."""

import functools
import os
import sys
from importlib import metadata


def entry_points(group: str) -> tuple[metadata.EntryPoint, ...]:
    """As that of `importlib.metadata`, which reads the files of all packages each time."""
    first: dict[str, tuple[metadata.EntryPoint, ...]] = {}
    for path in sys.path:
        for package, points in _found(path, _changed(path)):
            first.setdefault(package, points)
    return tuple(point for points in first.values() for point in points if point.group == group)


@functools.lru_cache(maxsize=128)
def _found(path: str, _: int) -> tuple[tuple[str, tuple[metadata.EntryPoint, ...]], ...]:
    """The packages of a folder that offer something, or hide one of the same name that does."""
    packages = metadata.distributions(path=[path])
    return tuple((_name(it), tuple(it.entry_points)) for it in packages)


def _name(package: metadata.Distribution) -> str:
    """That of its folder, where it has one: to read it from its description takes long."""
    return str(getattr(package, "_normalized_name", None) or package.name)


def _changed(path: str) -> int:
    """When something was last put into a folder or taken away; -1 if it is none."""
    try:
        return os.stat(path or os.curdir).st_mtime_ns
    except OSError:
        return -1
