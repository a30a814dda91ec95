"""A matrix file as tables that are safe to look at: no control characters, no absurd sizes."""

import math
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks.core.errors import MatrixError, nearest
from benchmarks.core.text import line, unseen

MOST_BYTES = 1_000_000
MOST_ENTRIES = 1_000
"""Of `[[protocol]]` and `[[family]]` tables."""
MOST_SIZE = 10_000_000
"""The largest whole number in a learner's or family's fields, but for seeds and tasks."""
DEEPEST = 20
LONGEST = {"title": 1000, "label": 200, "name": 200, "unit": 200}
"""Characters of what is printed in reports; nothing in it may be invisible."""
LONGEST_TEXT = 4000
MANY_PARTS = re.compile(r"(?:\.[ \t]*[\w-]{1,50}[ \t]*){40}")
BEYOND = 2**63

Keys = tuple[str | int, ...]


def bundled() -> dict[str, Path]:
    """The matrices that come with the package, by name."""
    folder = Path(str(files("benchmarks.matrices")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_matrix(name: str) -> Path:
    """The file of a bundled matrix by its name, or of any by its path.

    Raises:
        MatrixError: there is none.
    """
    path = Path(name)
    try:
        there = path.is_file()
    except (OSError, ValueError):  # too long a name, say, or a folder that cannot be entered
        there = False
    if not there:
        if name not in bundled():
            hint = nearest(name[:100], bundled())
            shown = line(name, 200)
            raise MatrixError(f"{shown}: is no file and no bundled matrix; {hint}")
        path = bundled()[name]
    return path


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file; `check_values` has seen them.

    Raises:
        MatrixError: it cannot be read, isn't TOML, or holds what no matrix can.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise MatrixError(
                f"{path}: is larger than {MOST_BYTES:,} bytes; is it a matrix? Long lists of "
                "values belong into several matrices"
            )
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MatrixError(f"{path}: is not valid TOML: {error}") from None
    except OSError as error:
        raise MatrixError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        # tomllib takes the square of their number
        data = {} if (deep := MANY_PARTS.search(text) is not None) else tomllib.loads(text)
    except RecursionError:
        deep = True
    except ValueError as error:  # tomllib's own, and numbers of too many digits
        raise MatrixError(f"{path}: is not valid TOML: {error}") from None
    if deep:
        raise MatrixError(f"{path}: its lists or tables are nested too deeply for a matrix")
    check_values(path, data)
    return data


def check_values(path: Path, data: dict[str, Any]) -> None:
    """Look at every value, before anything is made of them.

    Raises:
        MatrixError: a number is not finite or absurdly large, a text is too long or invisible, or
            there is a date.
    """
    for keys, value in _walk(data):
        expected = "" if len(keys) < DEEPEST else f"expected at most {DEEPEST} levels of lists"
        if expected := expected or _expected(keys, value):
            shown = repr(value) if isinstance(value, str | float) else _digits(value)
            raise MatrixError(f"{path}: {_place(keys)}: {expected}, got {line(shown, 80)}")


def _walk(data: dict[str, Any]) -> Iterator[tuple[Keys, Any]]:
    """Every key and value with where it is, in the order of the file; no deeper than `DEEPEST`."""
    left: list[tuple[Keys, Any]] = [((), data)]
    while left:
        keys, value = left.pop()
        if keys:
            yield keys, value
        inside: list[tuple[Keys, Any]] = []
        if isinstance(value, dict):
            inside = [((*keys, key), it) for key, it in value.items()]
        elif isinstance(value, list):
            inside = [((*keys, place), it) for place, it in enumerate(value, 1)]
        left += reversed(inside)


def _expected(keys: Keys, value: Any) -> str:
    """What should be where a wrong value is; empty where it is right."""
    key = next((it for it in reversed(keys) if isinstance(it, str)), "")
    if len(key) > LONGEST["name"] or any(map(unseen, key)):
        return "expected a key that can be read"
    if isinstance(value, str):
        longest = LONGEST.get(key, LONGEST_TEXT)
        if len(value) > longest:
            return f"expected at most {longest:,} characters"
        allowed = "" if key in LONGEST else "\t\n\r"
        if any(unseen(symbol) and symbol not in allowed for symbol in value):
            return "expected a text without control characters or other invisible ones"
    elif isinstance(value, float) and not math.isfinite(value):
        return "expected a finite number"
    elif isinstance(value, int):
        return _too_large(keys, key, value)
    elif not isinstance(value, float | dict | list):
        return "expected no date or time, but a number or a text in quotes"
    return ""


def _too_large(keys: Keys, key: str, value: int) -> str:
    if not -BEYOND < value < BEYOND:
        return "expected a whole number below 2⁶³"
    field = keys[0] in ("learner", "family") or "reference" in keys
    if field and not key.endswith(("seed", "tasks")) and abs(value) > MOST_SIZE:
        return f"expected at most {MOST_SIZE:,}"
    return ""


def _place(keys: Keys) -> str:
    """`learner 2: key 'grid.scale'`; where several tables share a name, which."""
    table = ""
    if len(keys) > 2 and isinstance(keys[1], int) and isinstance(keys[2], str):
        table, keys = f"{keys[0]} {keys[1]}: ", keys[2:]
    elif len(keys) > 1 and keys[0] == "budget":
        table, keys = "[budget]: ", keys[1:]
    return f"{table}key {line('.'.join(it for it in keys if isinstance(it, str)), 80)!r}"


def _digits(value: Any) -> str:
    if isinstance(value, int) and abs(value) >= BEYOND:
        return f"one of some {round(value.bit_length() * math.log10(2)):,} digits"
    return str(value) if not isinstance(value, dict | list) else "more"
