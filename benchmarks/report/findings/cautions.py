"""What may be wrong with results, in a sentence each."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.collapse import NEAR, told
from benchmarks.report.scores.wording import hindrance, number, plural

FEW = 10
"""Below so many groups of test tasks it is said that they are few."""
LAST = 0.1
"""The share of a training that counts as its end."""


def cautions(results: Results, comparisons: tuple[Comparison, ...]) -> Iterator[str]:
    """What to know before one relies on them, worst first."""
    yield from results.notes
    for comparison in comparisons:
        yield from _missing(comparison)
        yield from _diverged(comparison)
    for comparison in comparisons:
        yield from _untaught(results, comparison)
    yield from dict.fromkeys(it for c in comparisons for it in _few(c))


def _missing(comparison: Comparison) -> Iterator[str]:
    for it in comparison.entrants:
        if not it.complete and it.planned:
            why = f" ({it.troubles[0]})" if it.troubles else ""
            yield (
                f"{it.name} on {comparison.title} has {it.done} of {plural(it.planned, 'seed')}"
                f"{why}: not ranked"
            )


def _diverged(comparison: Comparison) -> Iterator[str]:
    metric = comparison.metric
    for it in comparison.entrants:
        for group in comparison.groups:
            cell = group.cells.get((it.label, group.decisive(metric), metric))
            if cell is not None and cell.diverged:
                whole = cell.seeds * cell.tasks
                yield (
                    f"{it.name} diverged in {cell.diverged:,} of {plural(whole, 'score')} on "
                    f"{comparison.title}"
                )
                break


def _untaught(results: Results, comparison: Comparison) -> Iterator[str]:
    """By the validation tasks; of results without, by what was logged in training."""
    trials = results.trials
    here = (trials["family"] == comparison.family) & (trials["protocol"] == comparison.protocol)
    known = trials["kept"].astype(bool) if "kept" in trials else False
    looked = set(trials.loc[here & known, "learner"])
    for it in comparison.entrants:
        if it.collapsed:
            yield (
                f"the training of {it.name} on {comparison.title} came to nothing with "
                f"{len(it.collapsed)} of {plural(it.done, 'seed')}: of what a constant guess loses "
                f"on validation tasks it ends with {', '.join(map(told, it.collapsed))}"
            )
    guess = None if comparison.other else _constant_guess(comparison)
    history = results.history
    if guess is None or history.empty:
        return
    mine = history[
        (history["metric"] == "query_loss")
        & (history["family"] == comparison.family)
        & (history["protocol"] == comparison.protocol)
        & history["trial"].isin(trials.loc[trials["status"] == "done", "trial"])
    ]
    for it in comparison.entrants:
        rows = mine[mine["learner"] == it.label]
        if rows.empty or it.privileged or it.is_control or it.label in looked:
            continue
        loss = _final(rows)
        if loss > NEAR * guess:
            yield (
                f"the training of {it.name} on {comparison.title} ended at a loss of "
                f"{number(loss)}, and a constant guess gets {number(guess)}: it has learned "
                "next to nothing"
            )


def _constant_guess(comparison: Comparison) -> float | None:
    """The loss of saying the same everywhere, in the units of training; None if not known.

    In classification all classes are as likely; in regression it is the error of `mean`.
    """
    if comparison.ways is not None:
        return float(np.log(comparison.ways))
    scale = comparison.problem.get("target_scale", 1.0)
    cells = [
        group.cells.get((it.label, group.decisive("mse"), "mse"))
        for group in comparison.groups
        for it in comparison.entrants
        if it.learner == "mean"
    ]
    known = [it.mean.value for it in cells if it is not None]
    if not known or not isinstance(scale, int | float) or not scale:
        return None
    return min(known) / scale**2


def _final(rows: pd.DataFrame) -> float:
    """The mean over seeds of what was logged at the end of the training."""
    end = rows.groupby("seed")["tasks"].transform("max")
    return float(rows[rows["tasks"] >= (1 - LAST) * end]["value"].mean())


def _few(comparison: Comparison) -> Iterator[str]:
    metric = comparison.metric
    groups: dict[int, Group] = {it.grounds(metric).groups: it for it in comparison.groups}
    for number_of, group in groups.items():
        alone = number_of == group.tasks(metric) and not comparison.grouped_by
        if 0 < number_of < FEW and not hindrance(comparison, group, metric):
            things = plural(
                number_of, f"test {'task' if alone else comparison.grouped_by or 'group'}"
            )
            yield (
                f"{things} on {comparison.title}: intervals allow for so few, "
                "if these are like those that it will be used on"
            )
