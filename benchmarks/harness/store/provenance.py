"""Where a result comes from: versions, commit, machine and command."""

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("reml-bench", "torch", "learn2learn", "numpy", "pandas", "pyarrow", "scipy")
ROOT = Path(__file__).parents[3]


def collect(device: str, command: str) -> dict[str, Any]:
    """What a reader needs to make a result again; `commit` is None outside of a git checkout."""
    commit, dirty = _commit()
    return {
        "command": command,
        "commit": commit,
        "dirty": dirty,
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "device": _device(device),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> tuple[str | None, bool]:
    """The commit and whether tracked code differs from it; results may differ, they are made here.

    An installed copy inside of somebody else's checkout has no commit.
    """
    if not _git("ls-files", "benchmarks/__init__.py"):
        return None, False
    tracked = "--untracked-files=no"
    status = _git("status", "--porcelain", tracked, "--", ".", ":(exclude)results")
    return head(), bool(status)


def head() -> str | None:
    """The commit that this code lies in a checkout of; None where it lies in none."""
    return _git("rev-parse", "HEAD")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _device(device: str) -> str:
    import torch  # takes long to import

    if torch.device(device).type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return device


def command_line() -> str:
    """The command as a shell would read it, but for the folder the program lies in."""
    return shlex.join(["reml", *sys.argv[1:]])
