"""Whether another machine would compute the same: its Python, its packages, and this code."""

import hashlib
import platform
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

ROOT = Path(__file__).parents[3]
OURS = ("baselines", "benchmarks", "reml")
CODE = "this program's code"


@cache
def versions() -> Mapping[str, str]:
    """By name, the versions of Python, of what results depend on, and a hash of our own code."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2]), CODE: _code()}
    try:
        needs = requires("reml-bench") or []
    except PackageNotFoundError:
        needs = []
    names = [re.split(r"[^\w.-]", it, maxsplit=1)[0] for it in needs if "extra ==" not in it]
    for name in ("torch", "numpy", "pandas", "scipy", *names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def differences(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """What differs, in words."""
    words = []
    for name in dict.fromkeys([*mine, *theirs]):
        here, there = mine.get(name, "none"), theirs.get(name, "none")
        if here != there:
            words.append(
                f"{name} differs" if name == CODE else f"{name} is {there} there and {here} here"
            )
    return words


def _code() -> str:
    digest = hashlib.sha256()
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
