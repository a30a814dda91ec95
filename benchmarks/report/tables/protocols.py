"""The tables of single protocols: transfer, unrelated and retention."""

from collections.abc import Iterator, Sequence

from benchmarks.core.landmarks import landmarks
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.wording import direction, meaning, metric_name, plural
from benchmarks.report.tables.catalogue import Place
from benchmarks.report.tables.entries import counted, scored
from benchmarks.report.tables.layout import Entry, Sheet

PLACE = 20
Column = tuple[int, str, str]
"""A number of steps, a metric, and what stands above the column."""


def sheets(at: Place) -> Iterator[Sheet]:
    """What is told of a learner beside its scores; nothing under few_shot."""
    comparison, group = at.comparison, at.group
    if comparison.kind == "retention":
        *before, last = group.steps
        for stop in (*(it for it in before if it <= 1), last):
            yield _retention(comparison, group, stop)
    if comparison.kind == "transfer":
        yield _transfer(comparison, group)
    versus = comparison.gain("vs_scratch")
    if versus in group.metrics:
        steps = [it for it in landmarks(group.steps) if _has(group, it, versus)]
        yield _sheet(
            comparison,
            group,
            _versus_caption(comparison),
            [(it, versus, plural(it, "step")) for it in steps],
        )


def remarks(at: Place) -> Iterator[str]:
    yield from ()


def protocols_note(comparisons: tuple[Comparison, ...]) -> str:
    """What a reader has to know of the protocols that are there; empty for few_shot alone."""
    references = sorted({it.reference for it in comparisons if it.reference})
    if not references:
        return ""
    names = " or ".join(f"`{name}`" for name in references)
    return (
        f"From scratch means: what {names} scores on the same tasks after the same steps, without "
        "meta-training. Paired differences are of the same task and seed."
    )


def _transfer(comparison: Comparison, group: Group) -> Sheet:
    last, own = group.steps[-1], metric_name(comparison.metric, comparison.problem)
    return _sheet(
        comparison,
        group,
        f"Mean transfer, {own}: by how much the score is ahead of scratch before the first step "
        "(higher is better); the area under its curve, divided by the range of steps "
        f"({direction(comparison.metric)}); and the first number of steps after which it is at "
        f"least as good as scratch after {last} on the same task (lower is better). A task where "
        f"it never is counts {last + 1}, so such a mean is a lower bound.",
        [
            (last, comparison.gain("jumpstart"), "jumpstart"),
            (last, comparison.gain("area"), "area under the curve"),
            (last, "steps_to_threshold", "steps to threshold"),
        ],
    )


def _retention(comparison: Comparison, group: Group, steps: int) -> Sheet:
    first, second = comparison.family, comparison.other
    own = metric_name(comparison.metric, comparison.problem)
    return _sheet(
        comparison,
        group,
        f"Mean {own} after {plural(steps, 'adaptation step')}: on {first} before and after "
        f"carrying on with {second}, and on {second} in the end ({direction(comparison.metric)}). "
        f"Backward transfer is by how much carrying on made it better on {first}, where a negative "
        f"number is forgetting; forward transfer is by how much it was ahead of scratch on "
        f"{second} before training on it (higher is better in both).",
        [
            (steps, comparison.gain("before"), f"{first}, before"),
            (steps, comparison.metric, f"{first}, after"),
            (steps, comparison.gain("backward"), "backward transfer"),
            (steps, comparison.gain("then"), f"{second}, after"),
            (steps, comparison.gain("forward"), "forward transfer"),
        ],
    )


def _versus_caption(comparison: Comparison) -> str:
    name = comparison.metric.upper()
    if comparison.ways is not None:
        return (
            "Mean accuracy minus that from scratch on the same task after the same steps, in "
            f"percentage points; higher is better. {meaning(comparison)}".strip()
        )
    return (
        f"Mean of log10({name} / {name} from scratch on the same task after the same steps): 0 is "
        f"as good as scratch, −1 a tenth of its {name}; lower is better. {meaning(comparison)}"
    ).strip()


def _sheet(comparison: Comparison, group: Group, caption: str, columns: Sequence[Column]) -> Sheet:
    return Sheet(
        caption,
        ("learner", *(title for _, _, title in columns), "seeds", "tasks"),
        tuple(
            (
                Entry(entrant.name),
                *(scored(entrant, group, steps, metric) for steps, metric, _ in columns),
                *counted(
                    comparison,
                    entrant,
                    [
                        cell
                        for steps, metric, _ in columns
                        if (cell := group.cells.get((entrant.label, steps, metric)))
                    ],
                ),
            )
            for entrant in comparison.entrants
        ),
    )


def _has(group: Group, steps: int, metric: str) -> bool:
    return any((at, name) == (steps, metric) for _, at, name in group.cells)
