"""How many processors this process may use, which can be fewer than the machine has."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CONTROL = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")

MOST_JOBS = 1_000


def processors(control: Path = CONTROL, membership: Path = MEMBERSHIP) -> int:
    """Those it is bound to, or as many as its control group pays for; rounded down, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        bound = len(os.sched_getaffinity(0))
    else:
        bound = os.cpu_count() or 1
    return max(1, min([bound, *(int(quota) for quota in _quotas(control, membership))]))


def _quotas(control: Path, membership: Path) -> Iterator[float]:
    """Processor seconds a second of the group and of those it lies in, in versions 1 and 2."""
    for line in _read(membership).splitlines():
        _, controllers, place = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        inside = PurePosixPath(place.lstrip("/"))
        for mount in (control / controllers, control / "cpu") if controllers else (control,):
            for folder in (mount / inside, *(mount / it for it in inside.parents)):
                if controllers:
                    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                    words = [_read(folder / name).strip() for name in names]
                else:
                    words = _read(folder / "cpu.max").split()
                if len(words) == 2 and all(map(str.isdecimal, words)) and int(words[1]):
                    yield int(words[0]) / int(words[1])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
