"""What the command line does beside running and loading, as functions."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.api.classes import Classes
from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.columns import SEARCH
from benchmarks.harness.plan.registry import Registry, kind_of
from benchmarks.harness.store.printable import clean
from benchmarks.harness.store.results import Results, keep_consolidated, load_results
from benchmarks.processors import processors

Folder = str | Path
Plugins = Sequence[str | Path]


def catalogue(*, plugins: Plugins = ()) -> str:
    """What a matrix can name, and the bundled matrices, as `reml list` prints them.

    Raises:
        PluginError: a plugin does not import.
    """
    from benchmarks.harness.plan.catalogue import catalogue as listed

    return listed(_registry(plugins))


def help(name: str, key: str | None = None, *, plugins: Plugins = ()) -> str:
    """Every key of a learner, family or protocol, or one of them, as `reml help` prints it.

    Raises:
        UnknownName: there is no such name or key.
    """
    from benchmarks.harness.plan.explaining import helped

    return helped(_registry(plugins), name, key)


def doctor() -> str:
    """Versions, what is missing, how to get it, and how fast this machine trains."""
    from benchmarks.harness.run.doctor import examine

    return examine()


def check(target: str | type, /, *, plugins: Plugins = (), **keys: Any) -> dict[str, str]:
    """Which laws of the contract a learner, family or protocol breaks, and what broke each.

    Args:
        target: its class or its name; where several kinds have that name, all of them.
        plugins: files that define such classes.
        keys: what it is made with; of a learner, beside its `test_fields`.

    Raises:
        UnknownName: nothing is called so.
        PluginError: the class is none of them.
        MatrixError: a key is unknown, wrong, or missing.
    """
    from benchmarks.start.checking import checks_of, named

    classes = Classes(_registry(plugins))
    if not isinstance(target, str):
        target = classes.name(kind_of(target) or "learner", target)
    return {
        it.name: it.message
        for kind, found in named(classes.registry, target, keys)
        for it in checks_of(kind, found, keys, target)
        if not it.passed
    }


def plan(
    matrix: str | Path,
    *,
    out: Folder | None = None,
    jobs: int | None = None,
    probe: float | None = None,
    price_per_hour: float | None = None,
    plugins: Plugins = (),
) -> str:
    """What a matrix would take, as `reml plan` says it: nothing is run, and nothing written.

    Args:
        matrix: a path, or the name of a bundled matrix.
        out: the results folder; results/<name of the matrix>, if left out.
        jobs: trials at a time; as many as there are processors, if left out.
        probe: try each learner for so many seconds.
        price_per_hour: of a machine for so many trials at a time.
        plugins: files that define learners or families.

    Raises:
        UserError: what is wrong with the matrix or the folder.
    """
    from benchmarks.harness.outlook.planning import plan as planned
    from benchmarks.harness.plan.matrix import load_matrix

    registry = _registry(plugins)
    directory = None if out is None else Path(out)
    found = planned(load_matrix(str(matrix), registry), registry, directory, probe=probe)
    return found.text(jobs or processors(), price_per_hour)


def status(folder: Folder) -> str:
    """How far a run is, what failed and why, and what each learner has spent.

    Raises:
        StoreError: it holds no results.
    """
    from benchmarks.harness.outlook.running import running_in
    from benchmarks.harness.outlook.status import status_text

    places = Path(folder), Path(folder) / SEARCH
    running = [it for place in places for it in running_in(place)]
    return status_text(clean(load_results(Path(folder))), running)


def differences(first: Folder, second: Folder) -> str:
    """What changed from one results folder to another, with intervals, as `reml compare` says it.

    Raises:
        StoreError: one holds no results, or no trial of it is done.
    """
    from benchmarks.report.documents.compare import Side, render_comparison

    one, other = (Side(Path(it), clean(_scored(Path(it)))) for it in (first, second))
    return render_comparison(one, other, "md")


def reproduce(folder: Folder) -> str:
    """The scores beside published ones, kept in the folder: inside, outside, or not comparable.

    Raises:
        StoreError: no trial is done, or the folder cannot be written.
    """
    from benchmarks.harness.store.lock import locked
    from benchmarks.report.documents.reproduce import keep_reproduce, render_reproduce

    directory, stored = Path(folder), _scored(Path(folder))
    text, found = render_reproduce(clean(stored))
    with locked(directory, "report"):
        keep_consolidated(stored, directory)
        keep_reproduce(text, found, directory)
    return text


def regroup(folder: Folder, *, plugins: Plugins = ()) -> int:
    """Add the names and groups of test tasks to results stored without them.

    Returns:
        For how many sets of test tasks there were any.

    Raises:
        StoreError, DataError: what does not match what is stored; nothing is written then.
    """
    from benchmarks.harness.store.regroup import regroup as redrawn

    return len(redrawn(Path(folder), _registry(plugins)))


def merge(folders: Sequence[Folder], out: Folder) -> Path:
    """Put results folders of one matrix together, as of shards; a trial that is done once will do.

    Raises:
        StoreError: they are of different matrices, or two differ in what one trial came to.
    """
    from benchmarks.harness.engines.merge import merge as put_together
    from benchmarks.harness.store.results import consolidate

    put_together([Path(it) for it in folders], Path(out))
    consolidate(Path(out))
    return Path(out)


def publish(folder: Folder, out: Folder, figures: Sequence[str] = ()) -> Path:
    """A small copy of results, with tables and these figures, to be read and run like any.

    There is no table.md, as index.md has all of it.

    A published folder can be copied onto itself: it is then of today's form, and keeps its figures.

    Raises:
        StoreError: there is nothing to copy, or the copy cannot be written.
        UnknownName: there is no figure of a name.
    """
    from benchmarks.harness.store.ledger import Ledger
    from benchmarks.harness.store.publish import publish as copied
    from benchmarks.report.documents.index import write_index
    from benchmarks.report.figures.catalogue import write_some
    from benchmarks.report.tables.write import write_numbers

    if Path(folder).resolve() == Path(out).resolve():
        figures = figures or sorted(it.stem for it in Path(out).glob("figures/*.png"))
    results = clean(copied(Path(folder), Path(out)))
    write_some(results, Path(out), figures)
    write_numbers(results, Path(out))
    Ledger(Path(out)).remove("table.md")
    write_index(results, Path(out))
    Ledger(Path(out)).tidy()
    return Path(out)


def predict(
    folder: Folder,
    support: Folder,
    query: Folder | None = None,
    *,
    learner: str | None = None,
    seed: int | None = None,
    family: str | None = None,
    steps: int | None = None,
    plugins: Plugins = (),
) -> pd.DataFrame:
    """Adapt what a results folder has trained to new tasks in a file, and predict.

    `Results.learner` does so for one task, in memory.

    Args:
        folder: the results.
        support: a file with the rows to adapt on; also with those to predict, the target being
            empty there, if there is no `query`.
        query: a file with the rows to predict.
        learner: which, by its label; the best, if left out.
        seed: which of its trainings; all as one, if left out.
        family: what it was trained on, where the matrix has several.
        steps: adaptation steps; those that validation chose, if left out.
        plugins: files that define the learner.

    Raises:
        UserError: what is wrong with the rows, or there is no such learner.
    """
    from benchmarks.api.predicting import Place, Rows, Who, predictions

    directory = Path(folder)
    found = predictions(
        Place(clean(load_results(directory)), directory, _registry(plugins)),
        Who(learner, seed, family),
        Rows(Path(support), None if query is None else Path(query)),
        steps,
    )
    for sentence in found.warnings:
        warnings.warn(sentence, stacklevel=2)
    return found.table


def _registry(plugins: Plugins) -> Registry:
    return Registry([Path(it) for it in plugins])


def _scored(directory: Path) -> Results:
    results = load_results(directory)
    if results.scores.empty:
        raise StoreError(f"{directory}: no trial is done; `reml status {directory}` says more")
    return results
