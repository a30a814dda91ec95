"""`reml.compare`: learners on the rows of a DataFrame, without a matrix."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.api.classes import Classes
from benchmarks.api.declaring import declared, listed
from benchmarks.api.frames import NAME, Frames, is_frame
from benchmarks.api.front import jobs_of, run_declared
from benchmarks.api.results import Results
from benchmarks.api.running import How, default_folder
from benchmarks.core.errors import DataError, UserError
from benchmarks.core.text import line
from benchmarks.harness.plan.registry import Registry
from benchmarks.start.parts import Wanted
from benchmarks.start.tables import survey
from benchmarks.tasks.names import plain

DIGITS = 8
EXAMPLE = re.compile(r"[;,] as in `[^`]*`|, as in `[^`]*`")
OPTION = re.compile(r"--(task|x|y|split-by)\b")


def compare(
    data: Any,
    *,
    task: str | Sequence[str] = (),
    x: str | Sequence[str] = (),
    y: str | Sequence[str] | None = None,
    split_by: str | None = None,
    learners: Sequence[Any] | None = None,
    shots: int | Sequence[int] | None = None,
    steps: int | Sequence[int] | None = None,
    seeds: int | Sequence[int] | None = None,
    budget: int | None = None,
    unit: str = "",
    name: str | None = None,
    out: str | Path | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    plugins: Sequence[str | Path] = (),
    force: bool = False,
    report: bool = True,
    progress: bool = True,
    callbacks: Sequence[Any] = (),
) -> Results:
    """Compare learners on a DataFrame in which some columns make a task.

    What is left out is chosen as `reml init` does. The same call again finds its trials; with other
    learners or seeds it runs those that are missing. Which tasks are drawn follows from the data's
    bytes: `reml run` draws others from a CSV of the same rows.

    Args:
        data: the rows; of pandas, or anything with `to_pandas`.
        task: the columns whose values together name a task.
        x: the inputs: numbers, dates or categories.
        y: the target, numbers or classes; or several of numbers.
        split_by: whole groups (values of this column) are for training, validation or the test.
        learners: names, classes, instances, or tables as in a matrix.
        shots: points of a new task that are shown; the others are predicted.
        steps: adaptation steps after which to score.
        seeds: how often each learner is trained, or which seeds.
        budget: training tasks that each learner draws.
        unit: of the target, for tables and figures; `a,b` of two.
        name: what the results are called; after the target and a hash, if left out.
        out: the results folder; results/<name>, if left out.
        jobs: as in `reml.run`; so are those that follow.
        device: where tensors live.
        plugins: files that define learners.
        force: repeat trials that are done.
        report: write report.html, tables and figures.
        progress: print how far everything is.
        callbacks: are told of trials as they run.

    Raises:
        UserError: what is wrong with the data or with what was asked for, in a sentence.
    """
    if not is_frame(data):
        raise DataError(
            f"data: expected a DataFrame, got {line(repr(data), 80)}; pandas.read_csv makes one, "
            "and reml.run takes a matrix"
        )
    classes = Classes(Registry([Path(it) for it in plugins]))
    # where the rows lie follows from the name, which follows from the rows
    found = Frames(Path(out or "results"))
    path = found.add(data)
    tasks, inputs, targets = (tuple(map(plain, listed(it))) for it in (task, x, y or ()))
    wanted = Wanted(tasks, inputs, targets, split_by or "")
    with _blaming(path):
        matrix = tomllib.loads(survey(path, wanted, unit).matrix(Path("matrix.toml")))
    given = {"shots": shots, "steps": steps}
    matrix["protocol"][0] |= {key: listed(it) for key, it in given.items() if it is not None}
    if seeds is not None:
        matrix["seeds"] = seeds
    if budget is not None:
        matrix["budget"] = {"tasks": budget}
    if learners is not None:
        matrix["learner"] = list(learners)
    (family,) = matrix["family"]
    family.pop("path")
    matrix["name"] = name or _name(matrix, path)
    directory = Path(out) if out is not None else default_folder(matrix["name"])
    frames = Frames(directory)
    matrix["family"] = {**family, "path": data}
    how = How(directory, jobs_of(jobs), device, None, force)
    return run_declared(
        declared(matrix, classes, frames),
        classes,
        frames,
        how,
        "reml.compare(...)",
        report,
        progress,
        callbacks,
    )


def _name(matrix: dict[str, Any], path: Path) -> str:
    """One for each data set and question, whoever is compared and however often."""
    asked = {key: matrix[key] for key in ("budget", "protocol", "family")}
    rows = path.stem.partition("-")[0]
    digest = hashlib.sha256(json.dumps([rows, asked], sort_keys=True, default=str).encode())
    target = re.sub(r"[^A-Za-z0-9_]+", "-", str(matrix["family"][0]["y"])).strip("-_")
    return f"{target[:40] or 'target'}-{digest.hexdigest()[:DIGITS]}"


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Errors name the DataFrame instead of its file, and arguments instead of options."""
    try:
        yield
    except UserError as error:
        said = EXAMPLE.sub("", str(error).replace(str(path), NAME))
        said = OPTION.sub(lambda it: it[1].replace("-", "_"), said)
        raise DataError(said) from None
