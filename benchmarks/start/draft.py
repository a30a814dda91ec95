"""A short matrix with remarks, and how it gets into a file that wasn't there."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.core.errors import MatrixError, StoreError, UserError
from benchmarks.core.text import line
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.explaining import as_toml
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.start.contenders import SEEDS, Contender

REMARKS = {
    "shots": "points of a new task that learners are shown; they predict the others",
    "steps": "adaptation steps after which to score",
    "queries": "so many of the others, at most",
    "folds": "few groups: each is left out once, by turns",
    "draws": "few test tasks: the points shown are drawn several times",
    "task": "each combination of their values is a task",
    "x": "inputs",
    "y": "the target",
    "split_by": "whole groups are for training, for validation or for the test",
    "categorical": "inputs that are names, not numbers",
    "drop_missing": "rows with an empty cell are left out",
    "ways": "classes of a task",
    "missing": "texts that mean an empty cell",
}
TUNING = (
    "# [tuning]                              # searches every learner's settings first, alike",
    "# trials = 20                           # so many of each, on validation tasks",
)
COLUMN = 40
"""Where remarks begin, if there is room."""


def drafted(
    head: str,
    name: str,
    budget: int,
    protocol: Mapping[str, Any],
    family: Mapping[str, Any],
    contenders: Sequence[Contender],
    remarks: Mapping[str, str],
    hints: Mapping[str, tuple[Any, str]] = MappingProxyType({}),
) -> str:
    """The text of a matrix; `remarks` win over `REMARKS`.

    `hints` are keys of the family that are written as comments, each with a remark.
    """
    lines = [
        f"# {head}",
        "# Change what you like: `reml help matrix`, `reml help table` and so on show all keys.",
        _line("name", name, ""),
        _line("seeds", SEEDS, "each learner is trained so many times"),
        "",
        "[budget]",
        _line("tasks", budget, "that each learner is trained on: more is better, and slower"),
        "",
        *TUNING,
        "",
        "[[protocol]]",
        *_lines(protocol, remarks),
        "",
        "[[family]]",
        *_lines(family, remarks),
        *(f"# {_line(key, value, remark)}" for key, (value, remark) in hints.items()),
    ]
    for it in contenders:
        lines.append("")
        if it.missing:
            lines.append(f"# {it.why_missing}")
        elif it.remark:
            lines.append(f"# {it.remark}")
        table = ["[[learner]]", *_lines({"name": it.name, **it.fields}, {}, {})]
        lines += [f"# {row}" for row in table] if it.missing else table
    return "\n".join(lines) + "\n"


def name_from(path: Path) -> str:
    """What a matrix may be called, after a file or a folder."""
    stem = path.name if path.is_dir() else path.name.partition(".")[0]
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-._")[:60].strip("-._")
    return name or "mine"


def relative(path: Path, out: Path) -> str:
    """Where the data are, as seen from the matrix.

    Raises:
        MatrixError: their path is none that a matrix can hold.
    """
    # what lies behind a link in a folder's name decides what ".." means
    parent = out.parent.resolve()
    there = path.resolve() if path.name in ("", ".", "..") else path.parent.resolve() / path.name
    text = Path(os.path.relpath(there, parent)).as_posix()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MatrixError(
            f"{line(str(path))}: is a name that no matrix can hold; rename the file"
        ) from None
    return text


def demand_new(out: Path, otherwise: str = "; give another with --out FILE") -> None:
    """Nothing is there yet, and there is a folder that can be written to.

    Raises:
        StoreError: something is, or there is none, or it cannot be.
    """
    if out.is_dir():
        raise StoreError(f"{out}: is a folder{otherwise}")
    if os.path.lexists(out):
        raise StoreError(f"{out}: is there already{otherwise}")
    if not out.parent.is_dir():
        raise StoreError(f"{out}: there is no folder {out.parent}; make it first")
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise _unwritable(out, error) from None


def write_new(out: Path, text: str, otherwise: str = "") -> None:
    """Write a file that isn't there.

    Raises:
        StoreError: it is there, or cannot be written.
    """
    demand_new(out, otherwise)
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(out, error) from None


def _unwritable(out: Path, error: OSError) -> StoreError:
    return StoreError(f"{out}: cannot be written ({error.strerror or error})")


def write_matrix(out: Path, text: str, data: Path) -> int:
    """Write it, and read it as `reml run` does; it is taken back if that fails.

    Returns:
        How many trials it makes.

    Raises:
        StoreError: it cannot be written, or something is there already.
        UserError: the data cannot be used as drafted.
    """
    write_new(out, text)
    try:
        return len(expand(load_matrix(str(out)), Registry()))
    except BaseException as error:
        out.unlink(missing_ok=True)
        if isinstance(error, UserError):
            what = str(error).removeprefix(f"{out}: ")
            raise UserError(what if str(data) in what else f"{data}: {what}") from None
        raise


def _lines(
    table: Mapping[str, Any], remarks: Mapping[str, str], usual: Mapping[str, str] = REMARKS
) -> list[str]:
    known = {**usual, **remarks}
    return [_line(key, value, known.get(key, "")) for key, value in table.items()]


def _line(key: str, value: Any, remark: str) -> str:
    text = f"{key} = {f'{value:_}' if type(value) is int else as_toml(value)}"
    return f"{text:{COLUMN}}  # {line(remark, 120)}" if remark else text
