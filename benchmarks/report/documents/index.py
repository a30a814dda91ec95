"""index.md: what was found, in words no stronger than the intervals, and all that shows it."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.results import Results
from benchmarks.report.figures.catalogue import pictures
from benchmarks.report.figures.cleanup import FIGURES, INDEX
from benchmarks.report.findings.answer import IN_THE_FOLDER, Said, answer
from benchmarks.report.findings.protocols import changes, headlines
from benchmarks.report.findings.putting_to_use import usages
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.markup import code, escape
from benchmarks.report.scores.pairs import has_pairs
from benchmarks.report.scores.stops import after
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import (
    hindrance,
    listing,
    origin,
    said,
    score,
    seeds_warning,
    setting,
    tentative,
    with_interval,
)
from benchmarks.report.tables.catalogue import all_sections
from benchmarks.report.tables.compositions import FILE, TITLE
from benchmarks.report.tables.forms.markdown import section_blocks
from benchmarks.report.tables.pairs import FILE as PAIRS
from benchmarks.report.tables.scores import reading_guide

USES = "Use a trained learner"
USES_NOTE = (
    f"All its trainings together{IN_THE_FOLDER}; the points of SUPPORT.csv are those to adapt on, "
    "tasks being told apart by the columns that name them."
)


def write_index(results: Results, directory: Path, against: str | None = None) -> Path:
    """Write index.md into the folder, as `render_index` has it.

    Raises:
        StoreError: as `render_index`, or it cannot be written.
    """
    Ledger(directory).write_text(INDEX, render_index(results, directory, against))
    return directory / INDEX


def render_index(results: Results, directory: Path, against: str | None = None) -> str:
    """What index.md says; it shows the figures that are in `directory`/figures.

    Paired differences are as in `render_table`.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite.
    """
    comparisons = summarise(results)
    blocks = [
        f"# {escape(results.name)}",
        _answer(results, directory),
        " ".join([*findings(comparisons), seeds_warning(comparisons)]).strip(),
        *_shown_figures(results, directory),
        "## Tables",
        "The same numbers with all digits are in [table.csv](table.csv)"
        + (", accuracy from 0 to 1. " if any(it.ways for it in comparisons) else ". ")
        + (f"The pairs are in [{PAIRS}]({PAIRS}). " if has_pairs(comparisons, against) else "")
        + reading_guide(comparisons, against),
    ]
    for section in all_sections(results, against):
        blocks += section_blocks(section, 3)
        if section.heading == TITLE:
            blocks.append(f"With all digits they are in [{FILE}]({FILE}).")
    blocks += [*_uses(results, directory), *_provenance(results)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _answer(results: Results, directory: Path) -> str:
    lines = answer(results, directory, Path()).lines
    return "\n".join(f"- {_said(line)}" for line in lines)


def _said(line: Said) -> str:
    about = f"{line.about}{IN_THE_FOLDER if line.code else ''}: " if line.about else ""
    return f"{about}{escape(line.text)}{code(line.code) if line.code else ''}"


def _uses(results: Results, directory: Path) -> Iterator[str]:
    found = usages(results, directory, Path())
    if found:
        yield f"## {USES}"
        yield USES_NOTE
        yield "\n".join(
            f"- {escape(name)}: {' or, in Python, '.join(map(code, filter(None, how)))}"
            for name, how in found
        )


def findings(comparisons: tuple[Comparison, ...]) -> Iterator[str]:
    """For every family and number of shots: who is best where it counts, and how surely."""
    for comparison in comparisons:
        for group in comparison.groups:
            yield _finding(comparison, group, comparison.metric)
            for metric in headlines(comparison, group):
                yield _finding(comparison, group, metric)
            yield from changes(comparison, group)
        unranked = [
            f"{code(it.name)} ({it.coverage.removeprefix('⚠ ') or 'privileged'})"
            for it in comparison.entrants
            if it.privileged or it.coverage
        ]
        if unranked:
            yield f"Not ranked on {escape(comparison.title)}: {listing(unranked)}."


def _finding(comparison: Comparison, group: Group, metric: str) -> str:
    steps = group.decisive(metric)
    title, shots = escape(comparison.title), setting(comparison, group.shots)
    at = f" with {shots}" if comparison.ways is None else f", {shots}"
    where = f"On {title}{at}, {after(steps)}"
    ranking = group.rankings.get((steps, metric, "mean"))
    if ranking is None:
        return f"{where}, no learner can be ranked."
    best = group.cells[ranking.best, steps, metric]
    extreme = "highest" if comparison.metrics.higher_is_better(metric) else "lowest"
    name = comparison.metrics.called(metric)
    if metric == comparison.metric and (more := comparison.metrics.declared.of_scores):
        name += f" {said(more, comparison)}"
    name = escape(name)
    names = {it.label: code(it.name) for it in comparison.entrants}
    no_verdict = hindrance(comparison, group, metric)
    first = f"{escape(no_verdict[0].upper() + no_verdict[1:])}. " if no_verdict else ""
    told = f"{first}{where}, {names[ranking.best]} has the {extreme} mean {name}, "
    told += tentative(with_interval(best.mean, metric), best.seeds)
    if not ranking.behind:
        return f"{told}; there is no other to compare it with."
    following, difference = next(iter(ranking.behind.items()))
    value = score(group.cells[following, steps, metric].mean.value, metric)
    told += f". The next is {names[following]} at {value}, a paired difference of "
    told += tentative(with_interval(difference, metric), ranking.grounds.seeds)
    if no_verdict:
        return f"{told}; whether that is more than chance is not told."
    told += "; the interval"
    if ranking.unresolved:
        others = listing(names[label] for label in ranking.unresolved)
        return f"{told}s of such differences do not separate {names[ranking.best]} from {others}."
    others = ", and likewise from all others" if len(ranking.behind) > 1 else ""
    return f"{told} separates the two{others}."


def _shown_figures(results: Results, directory: Path) -> Iterator[str]:
    there = [it for it in pictures(results) if (directory / FIGURES / f"{it.stem}.png").is_file()]
    if there:
        yield "## Figures"
    for picture in there:
        path = f"{FIGURES}/{picture.stem}"
        title = escape(picture.title)
        yield f"### {title}"
        yield f"![{title}]({path}.png)"
        drawing = f" ([SVG]({path}.svg))" if (directory / f"{path}.svg").is_file() else ""
        yield f"{picture.caption}{drawing}"


def _provenance(results: Results) -> Iterator[str]:
    yield "## Where this comes from"
    yield origin(results.name, results.provenance)
    yield "\n".join(f"- {name}: {escape(said)}" for name, said in origin_lines(results).items())


def origin_lines(results: Results) -> dict[str, str]:
    """Machine, time and versions, as far as they are known."""
    found = results.provenance
    machine = [str(found[key]) for key in ("platform", "cpu", "device") if found.get(key)]
    versions = {"python": found.get("python"), **dict(found.get("versions") or {})}
    lines = {
        "machine": ", ".join(machine),
        "started": str(found.get("started") or ""),
        "versions": ", ".join(f"{name} {it}" for name, it in versions.items() if it),
    }
    return {name: said for name, said in lines.items() if said}
