"""How many networks the test tasks were given, and how surely: of learners that diagnose."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.harness.disk.columns import ALL_TASKS, NO_STEPS
from benchmarks.harness.store.results import Results
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import number, plural
from benchmarks.report.statistics.routes import collapse, information, unused
from benchmarks.report.tables.layout import Entry, Section, Sheet, marked

PLACE = 50
FILE = "compositions.csv"
TITLE = "Compositions"
KEYS = ["family", "protocol", "shots", "learner"]
COLUMNS = (*KEYS, "quantity", "mean", "min", "max", "seeds", "tasks")
COMPOSITIONS = "compositions"
MARGINAL = "marginal_entropy"
UNUSED = "unused"
FIRST = (
    *("input layer", "hidden layer", "output layer"),
    *("depth", "activation", "adaptation rate", "rate"),
)
APART = frozenset({"adaptation rate", "rate"})
"""Decisions on how the network is adapted, not on what it is."""
IMPLIED = frozenset({"depth"})
"""What follows from the other decisions: it takes no decision of its own."""


@dataclass(frozen=True)
class Decided:
    """What one learner decided on the test tasks, with its first seed and the fewest shots.

    `choices` has a row a task and a column a decision, `options` how many a decision had.
    """

    entrant: Entrant
    choices: pd.DataFrame
    options: dict[str, int]


def decided(comparison: Comparison, diagnostics: pd.DataFrame) -> list[Decided]:
    """Of every learner that says what it decides; `diagnostics` are those of the comparison."""
    rows = diagnostics[diagnostics["kind"] == "choice"]
    rows = rows[rows["shots"] == rows["shots"].min()]
    found = []
    for entrant in comparison.entrants:
        mine = rows[rows["learner"] == entrant.label]
        if len(mine):
            mine = mine[mine["seed"] == mine["seed"].min()]
            options = {
                str(name): int(n) for name, n in mine.groupby("name")["options"].max().items()
            }
            found.append(Decided(entrant, choices_of(mine), options))
    return found


def choices_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The choices of one trial at one number of shots, a row a task and a column a decision."""
    wide = rows.pivot(index="task", columns="name", values="value").astype(int)
    return wide[in_order(wide.columns)]


def in_order(names: Iterable[str]) -> list[str]:
    """Decisions from the input to the output of a network, then what else there is to decide."""

    def place(name: str) -> tuple[int, str, int]:
        words, digits = re.fullmatch(r"(.*?) ?(\d*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
        return ((*FIRST, words).index(words), words, int(digits or 0))

    return sorted(names, key=place)


def distinct(choices: pd.DataFrame) -> int:
    """How many compositions the tasks were given."""
    return len(choices[network_decisions(choices)].drop_duplicates())


def network_decisions(choices: pd.DataFrame) -> list[str]:
    names = list(map(str, choices))
    return [name for name in names if name not in APART] or names


def marginal_entropy(choices: pd.DataFrame) -> float:
    """The entropy of the shares that the options have of all tasks, summed over decisions; nats."""
    total = 0.0
    for name in [name for name in choices if name not in IMPLIED]:
        share = np.bincount(choices[name]) / len(choices)
        share = share[share > 0]
        total += float(-(share * np.log(share)).sum())
    return total


def routing(
    choices: pd.DataFrame, options: "pd.Series[int]", traits: pd.DataFrame
) -> Iterator[tuple[str, float]]:
    """What `benchmarks.report.statistics.routes` says of one trial's choices."""
    names = [it for it in map(str, choices) if it not in IMPLIED and options[it] > 1]
    if not names:
        return
    chosen = {name: (choices[name].to_numpy(), int(options[name])) for name in names}
    yield "collapse", float(np.mean([collapse(*it) for it in chosen.values()]))
    yield UNUSED, float(sum(unused(*it) for it in chosen.values()))
    by_trait = traits.pivot(index="task", columns="name", values="value").reindex(choices.index)
    for trait in sorted(map(str, by_trait)):
        values = by_trait[trait].to_numpy(float)
        if not np.isnan(values).any() and (values != values[0]).any():
            told = [information(it, values) for it, _ in chosen.values()]
            yield f"nats on {trait}", max(told)


def make_compositions(results: Results) -> pd.DataFrame:
    """One row a family × protocol × shots × learner × quantity, learners in matrix order.

    The mean, least and greatest over seeds of: how many networks the tasks were given
    (`compositions`), the `marginal_entropy`, the mean over decisions of their `collapse`, how many
    options are `unused`, the most that a decision tells of each trait of a task (`nats on TRAIT`),
    and the mean over tasks of each measure. Only of learners that diagnose.
    """
    rows = results.diagnostics
    rows = rows[rows["steps"] == NO_STEPS]
    rows = rows[rows["learner"].isin(rows.loc[rows["kind"] != "trait", "learner"])]
    places = {label: place for place, label in enumerate(results.order)}
    ranked = rows.assign(place=rows["learner"].map(places)).sort_values(
        ["family", "protocol", "shots", "place", "seed", "task"], kind="stable"
    )
    table = [
        (*key, quantity, values.mean(), values.min(), values.max(), len(values), tasks)
        for key, mine in ranked.groupby(KEYS, sort=False)
        for tasks in [int(mine.loc[mine["task"] != ALL_TASKS, "task"].nunique())]
        for quantity, values in _quantities(mine).items()
    ]
    return pd.DataFrame(table, columns=list(COLUMNS))


def _quantities(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Each quantity of one learner at one number of shots, a number a seed."""
    found: dict[str, list[float]] = {}
    for _, trial in rows.groupby("seed", sort=True):
        chosen, measured = (trial[trial["kind"] == kind] for kind in ("choice", "measure"))
        if len(chosen):
            choices = choices_of(chosen)
            found.setdefault(COMPOSITIONS, []).append(distinct(choices))
            found.setdefault(MARGINAL, []).append(marginal_entropy(choices))
            options = chosen.groupby("name")["options"].max()
            for quantity, value in routing(choices, options, trial[trial["kind"] == "trait"]):
                found.setdefault(quantity, []).append(value)
        for name, mean in measured.groupby("name", sort=True)["value"].mean().items():
            found.setdefault(str(name), []).append(float(mean))
    return {name: np.array(values, dtype=float) for name, values in found.items()}


def frame(results: Results, against: str | None = None) -> pd.DataFrame:
    return make_compositions(results)


def sections(results: Results) -> Iterator[Section]:
    """A section with a sheet for each comparison in which somebody diagnosed; else nothing."""
    table = make_compositions(results)
    sheets = tuple(
        _sheet(comparison, mine)
        for comparison in summarise(results)
        for mine in [
            table[
                (table["family"] == comparison.family) & (table["protocol"] == comparison.protocol)
            ]
        ]
        if len(mine)
    )
    if sheets:
        yield Section(
            TITLE,
            sheets,
            (
                "Entropies are in nats. The marginal one is that of the shares which the options "
                "have of all tasks, summed over decisions; the policy's is the mean over tasks of "
                "each task's own, as the learner gives it. Where every task is sure and tasks "
                "differ, the marginal entropy is high and the policy's low.",
            ),
        )


def _sheet(comparison: Comparison, table: pd.DataFrame) -> Sheet:
    quantities = list(dict.fromkeys(table["quantity"]))
    known = dict(
        zip(
            zip(table["shots"], table["learner"], table["quantity"], strict=True),
            zip(table["mean"], table["min"], table["max"], strict=True),
            strict=True,
        )
    )
    entrants = {it.label: it for it in comparison.entrants}
    tasks = plural(int(table["tasks"].max()), f"{comparison.split} task")
    rows = dict.fromkeys((shots, learner) for shots, learner, _ in known)
    return Sheet(
        f"{comparison.title}: what was decided on {tasks}, the mean over seeds with the least and "
        "the greatest. Two compositions are distinct where any decision on the network differs.",
        ("learner", "shots", *(_title(quantity) for quantity in quantities)),
        tuple(
            (
                Entry((entrant := entrants[str(learner)]).name),
                Entry(str(shots)),
                *(
                    marked(_entry(it, known.get((shots, learner, it))), entrant.seeds)
                    for it in quantities
                ),
            )
            for shots, learner in rows
        ),
    )


def _title(quantity: str) -> str:
    return "distinct compositions" if quantity == COMPOSITIONS else quantity.replace("_", " ")


def _entry(quantity: str, told: tuple[float, float, float] | None) -> Entry:
    if told is None:
        return Entry("–")
    mean, low, high = told
    whole = quantity in (COMPOSITIONS, UNUSED)

    def text(value: float) -> str:
        return f"{value:,.1f}".removesuffix(".0") if whole else number(value, mean)

    return Entry(text(mean), detail=f"[{text(low)}, {text(high)}]" if low < high else "")
