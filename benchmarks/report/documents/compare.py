"""`reml compare`: two results folders side by side, in words no stronger than the intervals."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.change import Change, changes
from benchmarks.report.scores.markup import escape
from benchmarks.report.scores.metrics import metric_name
from benchmarks.report.scores.wording import bounds, listing, origin, plural, score, tentative
from benchmarks.report.statistics import FEW_GROUPS, Interval
from benchmarks.report.tables.forms.markdown import section_blocks
from benchmarks.report.tables.layout import Entry, Section, Sheet

SAID = {
    "same": "the same scores",
    "better": "better in B",
    "worse": "worse in B",
    "not told apart": "no difference that the interval tells apart",
    "no verdict": "no verdict",
}
PLACES = ("python", "platform", "cpu", "device")


@dataclass(frozen=True)
class Side:
    """One of the two folders."""

    directory: Path
    results: Results


def render_comparison(first: Side, second: Side, fmt: Literal["md", "csv"]) -> str:
    """What both folders have and how it differs: `md` for people, `csv` with all digits."""
    found = changes(first.results, second.results)
    if fmt == "csv":
        return pd.DataFrame([_row(it) for it in found], columns=COLUMNS).to_csv(
            index=False, float_format="%.12g", lineterminator="\n"
        )
    blocks = [
        f"# {escape(first.results.name)} against {escape(second.results.name)}",
        "\n".join(
            f"- {letter}: {escape(str(side.directory))}. "
            f"{origin(side.results.name, side.results.provenance)}"
            for letter, side in (("A", first), ("B", second))
        ),
        "\n".join(f"- {it}" for it in _environments(first, second)),
        _drawn_apart(found),
        _verdict(found),
    ]
    for section in _sections(first, found):
        blocks += section_blocks(section)
    blocks += ["\n".join(f"- {it}" for it in _settings(first, second))]
    for letter, side, other in (("A", first, second), ("B", second, first)):
        lines = list(_only(side, other))
        if lines:
            blocks += [f"## Only in {letter}", "\n".join(f"- {it}" for it in lines)]
    return "\n\n".join(filter(None, blocks)) + "\n"


COLUMNS = [
    *("family", "protocol", "shots", "steps", "learner", "metric", "paired"),
    *("a", "a_low", "a_high", "b", "b_low", "b_high"),
    *("difference", "difference_low", "difference_high", "verdict"),
]


def _row(it: Change) -> tuple[object, ...]:
    where = it.family, it.protocol, it.shots, it.steps, it.learner, it.metric, it.paired
    return *where, *it.first, *it.second, *it.difference, it.verdict


def _verdict(found: list[Change]) -> str:
    if not found:
        return "The two have no cell in common."
    counts: Counter[str] = Counter(it.verdict for it in found)
    told = [f"{counts[verdict]} {said}" for verdict, said in SAID.items() if counts[verdict]]
    text = f"Of {plural(len(found), 'cell')} in common: {'; '.join(told)}."
    if counts["better"] or counts["worse"]:
        text += (
            " Each cell stands for itself: where nothing changed but chance, about one 95 % "
            "interval in twenty excludes 0 all the same."
        )
    elif counts["same"] == len(found):
        text += " Nothing has changed."
    if counts["no verdict"]:
        text += (
            " There is no verdict from one seed, whose interval is of these weights alone, or from "
            f"fewer than {FEW_GROUPS} groups of test tasks."
        )
    return text


def _drawn_apart(found: list[Change]) -> str:
    """Where the two were not tested on the same tasks."""
    apart = dict.fromkeys((it.family, it.protocol) for it in found if not it.paired)
    if not apart:
        return ""
    where = listing(f"{escape(family)}, {escape(protocol)}" for family, protocol in apart)
    return (
        f"**The test tasks of A and B are not known to be the same on {where}**: another draw, "
        "another family or protocol, or other groups. Nothing is paired there, and differences owe "
        "as much to the tasks as to the learners."
    )


def _sections(first: Side, found: list[Change]) -> Iterator[Section]:
    groups = dict.fromkeys((it.family, it.protocol, it.shots) for it in found)
    problems = dict(
        zip(first.results.trials["family"], first.results.trials["problem"], strict=True)
    )
    for family, protocol, shots in groups:
        mine = [
            it for it in found if (it.family, it.protocol, it.shots) == (family, protocol, shots)
        ]
        name = metric_name(mine[0].metric, problems.get(family) or {})
        how = (
            "on the same test tasks, paired per task"
            if mine[0].paired
            else "on test tasks that are not the same, so not paired"
        )
        yield Section(
            f"{family}, {protocol}, {plural(shots, 'shot')}",
            (
                Sheet(
                    f"Mean {name}, and B less A with its 95 % interval, {how}.",
                    ("learner", "steps", "A", "B", "B − A", "what it says"),
                    tuple(_entries(it) for it in mine),
                    words=(0, 5),
                ),
            ),
        )


def _entries(it: Change) -> tuple[Entry, ...]:
    return (
        Entry(it.learner),
        Entry(str(it.steps)),
        *(
            Entry(score(one.value, it.metric), detail=_interval(it, one))
            for one in (it.first, it.second)
        ),
        Entry(
            score(it.difference.value, it.metric),
            it.verdict in ("better", "worse"),
            _interval(it, it.difference),
        ),
        Entry(SAID[it.verdict]),
    )


def _interval(it: Change, interval: Interval) -> str:
    return tentative(bounds(interval, it.metric), it.grounds.seeds)


def _environments(first: Side, second: Side) -> Iterator[str]:
    """What of versions and machines is not the same on both sides."""
    known = [side.results.provenance for side in (first, second)]
    versions = [dict(it.get("versions") or {}) for it in known]
    pairs = {
        **{name: [str(it.get(name)) for it in known] for name in PLACES},
        **{
            name: [str(it.get(name)) for it in versions]
            for name in sorted({*versions[0], *versions[1]})
        },
    }
    for name, (one, other) in pairs.items():
        if one != other:
            yield escape(f"{name}: {one} in A, {other} in B")


def _settings(first: Side, second: Side) -> Iterator[str]:
    """Learners whose label stands for something else in B."""
    for label, mine in first.results.settings.items():
        other = second.results.settings.get(label)
        if other is None or not mine.fields or not other.fields:
            continue
        differing = [
            f"{name} = {mine.fields.get(name)} in A, {other.fields.get(name)} in B"
            for name in dict.fromkeys([*mine.fields, *other.fields])
            if mine.fields.get(name) != other.fields.get(name)
        ]
        if differing:
            yield escape(f"{label} is not the same learner: {'; '.join(differing)}")


def _only(side: Side, other: Side) -> Iterator[str]:
    """The trials that are done on this side alone, seeds together."""
    key = ["family", "protocol", "learner", "seed"]

    def done(results: Results) -> pd.DataFrame:
        return results.trials.loc[results.trials["status"] == "done", key]

    there = set(done(other.results).itertuples(index=False, name=None))
    alone: dict[tuple[str, str, str], list[str]] = {}
    for family, protocol, learner, seed in done(side.results).itertuples(index=False, name=None):
        if (family, protocol, learner, seed) not in there:
            alone.setdefault((learner, family, protocol), []).append(str(seed))
    for (learner, family, protocol), seeds in alone.items():
        word = "seed" if len(seeds) == 1 else "seeds"
        yield escape(f"{learner} on {family}, {protocol}: {word} {listing(seeds)}")
