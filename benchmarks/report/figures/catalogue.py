"""The figures of a results folder, each as PNG and SVG."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.harness.disk.files import make_folder
from benchmarks.harness.store.results import Results
from benchmarks.report.figures.cleanup import FIGURES, remove_figures
from benchmarks.report.figures.confusion import confusion, confusion_caption
from benchmarks.report.figures.diagnosis import support_against_query, training_diagnostics
from benchmarks.report.figures.episodes import episodes, episodes_caption
from benchmarks.report.figures.profiles import profiled, profiles
from benchmarks.report.figures.protocols import against_scratch, backward_forward, elsewhere
from benchmarks.report.figures.scores import against_shots, against_spending, against_steps
from benchmarks.report.figures.style import looks, save
from benchmarks.report.figures.traces import fitted_curves, training_curves
from benchmarks.report.figures.tuning import Grid, find_grid, tuning
from benchmarks.report.figures.usage import compositions_by_trait, usage_map
from benchmarks.report.scores.budget_matching import unmatched
from benchmarks.report.scores.cells import HIGHER_IS_BETTER, Comparison, Group, summarise
from benchmarks.report.scores.wording import (
    ONE_SEED,
    UNMATCHED_NOTE,
    listing,
    meaning,
    plural,
    setting,
    slug,
)
from benchmarks.report.tables.named_tasks import names_of

BAND = "with its 95 % interval"
MANY = 30
BEST = 12


@dataclass(frozen=True)
class Picture:
    """One figure that can be drawn: its file name without ending, and what it shows."""

    stem: str
    title: str
    caption: str
    draw: Callable[[], Figure | None]
    of_training: bool = False


def write_figures(
    results: Results, directory: Path, each: Callable[[Picture, Figure], object] | None = None
) -> list[Path]:
    """Draw what the results allow into `directory`/figures; returns the paths, PNG before SVG.

    With several families (or protocols) there is one file for each. Figures whose data are not
    there (no training history, no curves) are left out, and former ones of other names removed,
    unless something is damaged that they may have been drawn from. `each` is called with every
    figure that is written, which nobody needs any more then.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite, or the folder cannot be
            written.
    """
    make_folder(directory / FIGURES)
    written: list[Path] = []
    for picture, figure in drawn(results):
        written += save(figure, directory, f"{FIGURES}/{picture.stem}")
        if each is not None:
            each(picture, figure)
    if not results.damage:
        remove_figures(directory, written)
    return written


def drawn(results: Results) -> Iterator[tuple[Picture, Figure]]:
    """Every picture whose data are there; its figure has to be saved before the next is asked for.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite.
    """
    for picture in pictures(results):
        with looks(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box stands for it
            figure = picture.draw()
            if figure is not None:
                yield picture, figure


def pictures(results: Results) -> Iterator[Picture]:
    """Everything that may be drawn, in the order in which a reader wants it."""
    comparisons = summarise(results)
    trained: dict[str, set[str]] = {}
    for number, comparison in enumerate(comparisons):
        ending = ""
        if len(comparisons) > 1:
            ending = f"-{slug(comparison.title)}"
            if slug(comparison.title) in {slug(other.title) for other in comparisons[:number]}:
                ending += f"-{number + 1}"
        labels, known = {it.label for it in comparison.entrants}, trained.get(comparison.family)
        for picture in _pictures_of(comparison, results, ending):
            # protocols share the trainings of a family: they are shown once
            if not (picture.of_training and known is not None and labels <= known):
                yield picture
        trained.setdefault(comparison.family, set()).update(labels)
    yield from _pictures_of_all(comparisons)


def _pictures_of(whole: Comparison, results: Results, ending: str) -> Iterator[Picture]:
    comparison = _legible(whole)
    of_classes, where = comparison.ways is not None, comparison.title
    metric, band = _name(comparison), _band(comparison)
    score = "accuracy" if of_classes else "error"
    those = ""
    if comparison is not whole:
        n, of = len(comparison.entrants), len(whole.entrants)
        those = f" Only the {n} best of {of} learners are shown."
    if told := meaning(comparison):
        those += f" {told}"

    def mine(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[
            (frame["family"] == comparison.family) & (frame["protocol"] == comparison.protocol)
        ]

    def picture(
        stem: str,
        title: str,
        caption: str,
        draw: Callable[[], Figure | None],
        of_training: bool = False,
    ) -> Picture:
        texts = f"{stem}{ending}", f"{title}, {where}", f"{caption}{those}"
        return Picture(*texts, draw, of_training)

    if comparison.kind == "retention":
        yield picture(
            "retention",
            "Backward and forward transfer",
            f"Mean transfer after the most adaptation steps {band}. Below 0, carrying on with "
            f"{comparison.other} made a learner forget {comparison.family}; left of 0, it was "
            f"worse on {comparison.other} than from scratch before it was trained on it.",
            lambda: backward_forward(comparison),
        )
    yield picture(
        f"{score}-against-steps",
        f"{score.capitalize()} against adaptation steps",
        f"Mean {metric} after each number of adaptation steps {band}.",
        lambda: against_steps(comparison),
    )
    yield picture(
        f"{score}-against-shots",
        f"{score.capitalize()} against shots",
        f"Mean {metric} after the most adaptation steps {band}, by number of support points"
        f"{' of each class' if of_classes else ''}.",
        lambda: against_shots(comparison),
    )
    yield picture(
        "performance-profiles",
        "Performance profiles",
        f"The share of seeds × tasks with {_reach(comparison)} τ where verdicts are (at the chosen "
        f"step, else after the most), {band} at each τ: at any τ the higher curve is the better.",
        lambda: profiles(comparison),
    )
    if (grid := find_grid(whole, results.settings)) is not None:
        for group in whole.groups:
            yield _tuning_picture(whole, grid, group, ending)
    if of_classes:
        yield picture(
            "episodes",
            "Episodes",
            episodes_caption(comparison),
            lambda: episodes(comparison, mine(results.episodes)),
        )
        yield picture(
            "confusion",
            "Confusion of classes",
            confusion_caption(comparison),
            lambda: confusion(comparison, mine(results.confusion)),
        )
    else:
        yield picture(
            "fitted-curves",
            "Fitted curves",
            f"Predictions for the first {comparison.split} tasks, from before adaptation (light) "
            "to after the most steps (dark); the first seed of each learner, at the fewest shots.",
            lambda: fitted_curves(
                comparison,
                mine(results.curves),
                lambda shots: names_of(results, comparison, shots),
            ),
        )
    yield picture(
        "support-against-query",
        f"Support against query {score}",
        f"Mean {metric if of_classes else 'MSE'} on the points adapted to (dashed) and on the "
        f"others (solid, {band}) after each number of adaptation steps, at the fewest shots: where "
        "they part, a learner fits its support set rather than the task.",
        lambda: support_against_query(comparison, mine(results.diagnostics)),
    )
    yield picture(
        "training-curves",
        "Training curves",
        "Loss on training tasks as each learner logs it (thin: single seeds, thick: their mean); "
        "losses of different learners are not the same quantity.",
        lambda: training_curves(comparison, mine(results.history)),
        of_training=True,
    )
    yield picture(
        "training-diagnostics",
        "Training diagnostics",
        "What learners with a policy log of it in training, the mean over seeds; entropies are in "
        "nats.",
        lambda: training_diagnostics(comparison, mine(results.history)),
        of_training=True,
    )
    yield picture(
        "layer-usage",
        "Usage of the pool",
        f"The share of {comparison.split} tasks for which each decision took each option (grey: "
        "there is no such option); the first seed of each learner, at the fewest shots.",
        lambda: usage_map(comparison, mine(results.diagnostics)),
    )
    yield picture(
        "compositions",
        "Compositions",
        f"The {comparison.split} tasks by two of their traits, coloured by the network composed "
        "for them and by each decision alone; the most frequent in colour, the rarer in grey. The "
        "first seed of each learner, at the fewest shots. Who is not marked † was shown no trait.",
        lambda: compositions_by_trait(comparison, mine(results.diagnostics)),
    )
    yield picture(
        "score-against-spending",
        "Score against spending",
        f"Mean {metric} after the most adaptation steps {band}, against the training tasks and the "
        "time that meta-training took; who spent the same stands side by side. The dashed line "
        "joins those whom nobody beats that spent no more, privileged learners aside."
        f"{f' {UNMATCHED_NOTE}' if unmatched(comparison) else ''}",
        lambda: against_spending(comparison),
    )


def _pictures_of_all(comparisons: tuple[Comparison, ...]) -> Iterator[Picture]:
    """What takes several comparisons to be seen."""
    for these in elsewhere(comparisons):
        where = f"{these.family}, {these.protocol}"
        first = these.comparisons[0]
        band = _band(first)
        how = "accuracy minus that from scratch" if first.ways else "log10 of error over scratch's"
        yield Picture(
            f"against-scratch-{slug(where)}",
            f"Against scratch, {where}",
            f"Mean {how}, task by task, after the most adaptation steps {band}: meta-trained on "
            f"{these.family}, tested on other families. At 0 meta-training made no difference; "
            f"{'above' if first.ways else 'below'} it helped.",
            lambda these=these: against_scratch(these),  # type: ignore[misc]
        )


def _tuning_picture(comparison: Comparison, grid: Grid, group: Group, ending: str) -> Picture:
    shots, band = setting(comparison, group.shots), _band(comparison)
    steps = plural(group.steps[-1], "adaptation step")
    fields = ", ".join(f"`{name}`" for name in grid.values)
    labels = set(grid.labels.values())
    partial = [
        f"`{it.label}` ({it.seeds})"
        for it in comparison.entrants
        if it.label in labels and 0 < it.done < it.planned
    ]
    fewer = f" ⚠ From fewer seeds than planned: {listing(partial)}." if partial else ""
    return Picture(
        f"tuning-{group.shots}-shots{ending}",
        f"Tuning, {comparison.title}, {shots}",
        f"Mean {_name(comparison)} after {steps} {band}, for each combination of {fields}. "
        f"A cross is a combination without a score: it failed, or was not run.{fewer}",
        lambda: tuning(comparison, grid, group),
    )


def _band(comparison: Comparison) -> str:
    """What the bands and bars of a figure are."""
    seeds = {it.done for it in comparison.entrants if it.done}
    if seeds == {1}:
        return f"{BAND} ({ONE_SEED} of these weights: one seed)"
    return f"{BAND} (of these weights where there is one seed)" if 1 in seeds else BAND


def _reach(comparison: Comparison) -> str:
    metric = profiled(comparison)
    return f"{metric} of at least" if metric in HIGHER_IS_BETTER else f"{metric.upper()} of at most"


def _name(comparison: Comparison) -> str:
    return comparison.metric.upper() if comparison.ways is None else comparison.metric


def _legible(comparison: Comparison) -> Comparison:
    """The same with the best learners alone where nobody could tell so many lines apart."""
    if len(comparison.entrants) <= MANY or not comparison.groups:
        return comparison
    group, metric = comparison.groups[0], comparison.metric
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    scores = {
        label: sign * cell.mean.value
        for (label, steps, name), cell in group.cells.items()
        if (steps, name) == (group.steps[-1], metric)
    }
    best = sorted(scores, key=lambda label: scores[label])[:BEST]
    return replace(comparison, entrants=tuple(it for it in comparison.entrants if it.label in best))
