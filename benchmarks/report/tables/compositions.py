"""How many networks the test tasks were given, and how surely: of learners that diagnose."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.harness.disk.columns import ALL_TASKS, NO_STEPS
from benchmarks.harness.store.results import Results
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import number, plural
from benchmarks.report.statistics.routes import classes_of, collapse, information, unused
from benchmarks.report.tables.layout import Entry, Section, Sheet, marked

PLACE = 50
FILE = "compositions.csv"
TITLE = "Compositions"
KEYS = ["family", "protocol", "shots", "learner"]
USED = [*KEYS, "seed", "task", "kind", "name", "value", "options"]
COLUMNS = (*KEYS, "quantity", "mean", "min", "max", "seeds", "tasks")
COMPOSITIONS = "compositions"
MARGINAL = "marginal_entropy"
UNUSED = "unused"
KINDS = ("choice", "measure", "trait")
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
    rows = diagnostics.loc[diagnostics["kind"] == "choice", USED]
    rows = rows[rows["shots"] == rows["shots"].min()]
    found = []
    for entrant in comparison.entrants:
        mine = rows[rows["learner"] == entrant.label]
        if len(mine):
            mine = mine[mine["seed"] == mine["seed"].min()]
            name = mine["name"].astype("category").cat
            codes, options = name.codes.to_numpy(), mine["options"].to_numpy()
            most = _by_name(codes, name.categories, options, np.max)
            found.append(Decided(entrant, choices_of(mine), most))
    return found


def choices_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The choices of one trial at one number of shots, a row a task and a column a decision."""
    return _in_order(wide(rows))


def wide(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a task and a column a name, of what is told of one trial at one number of shots."""
    name = rows["name"].astype("category").cat
    task, codes, value = (it.to_numpy() for it in (rows["task"], name.codes, rows["value"]))
    return _wide(task, codes, name.categories, value)


def _wide(task: Any, codes: Any, names: "pd.Index[str]", value: Any) -> pd.DataFrame:
    """As `wide`: as `pivot` does it, but for thousands of small tables.

    Raises:
        ValueError: a task has a name twice.
    """
    tasks, row = np.unique(task, return_inverse=True)
    there, column = np.unique(codes, return_inverse=True)
    places = row * len(there) + column
    found = np.full(len(tasks) * len(there), np.nan)
    found[places] = value
    if len(np.unique(places)) < len(places):
        raise ValueError("a task has two values of one name")
    return pd.DataFrame(
        found.reshape(len(tasks), len(there)),
        index=pd.Index(tasks, name="task"),
        columns=pd.Index(names.to_numpy()[there], name="name"),
    )


def _by_name(codes: Any, names: Any, values: Any, one: Callable[[Any], Any]) -> dict[str, Any]:
    """What `one` makes of the values of each name, in alphabetical order."""
    return {str(names[it]): one(values[codes == it]).item() for it in np.unique(codes)}


def _mean(values: npt.NDArray[np.float64]) -> Any:
    known = values[~np.isnan(values)]
    return known.mean() if known.size else np.float64(np.nan)


def _in_order(choices: pd.DataFrame) -> pd.DataFrame:
    return choices[in_order(choices.columns)].astype(int)


def in_order(names: Iterable[str]) -> list[str]:
    """Decisions from the input to the output of a network, then what else there is to decide."""

    def place(name: str) -> tuple[int, str, int]:
        words, digits = re.fullmatch(r"(.*?) ?(\d*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
        return ((*FIRST, words).index(words), words, int(digits or 0))

    return sorted(names, key=place)


def distinct(choices: pd.DataFrame) -> int:
    """How many compositions the tasks were given."""
    networks = choices[network_decisions(choices)].to_numpy()
    return len({*map(bytes, np.ascontiguousarray(networks))})


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
    choices: pd.DataFrame, options: Mapping[str, int], traits: pd.DataFrame
) -> Iterator[tuple[str, float]]:
    """What `benchmarks.report.statistics.routes` says of one trial's choices; rows are tasks."""
    names = [it for it in map(str, choices) if it not in IMPLIED and options[it] > 1]
    if not names:
        return
    chosen = {name: (choices[name].to_numpy(), options[name]) for name in names}
    yield "collapse", float(np.mean([collapse(*it) for it in chosen.values()]))
    yield UNUSED, float(sum(unused(*it) for it in chosen.values()))
    traits = traits.reindex(choices.index)
    for trait in sorted(map(str, traits)):
        values = traits[trait].to_numpy(float)
        if not np.isnan(values).any() and (values != values[0]).any():
            classes = classes_of(values)
            yield f"nats on {trait}", max(information(it, classes) for it, _ in chosen.values())


def make_compositions(results: Results) -> pd.DataFrame:
    """One row a family × protocol × shots × learner × quantity, learners in matrix order.

    The mean, least and greatest over seeds of: how many networks the tasks were given
    (`compositions`), the `marginal_entropy`, the mean over decisions of their `collapse`, how many
    options are `unused`, the most that a decision tells of each trait of a task (`nats on TRAIT`),
    and the mean over tasks of each measure. Only of learners that diagnose. It is made once.
    """
    if COMPOSITIONS not in results.made:
        results.made[COMPOSITIONS] = _made(results)
    found: pd.DataFrame = results.made[COMPOSITIONS]
    return found


def _made(results: Results) -> pd.DataFrame:
    rows = results.diagnostics
    rows = rows.loc[rows["steps"] == NO_STEPS, USED]
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
    columns = ("seed", "task", "value", "options")
    seed, task, value, options = (rows[it].to_numpy() for it in columns)
    kind, coded = rows["kind"].to_numpy(object), rows["name"].astype("category").cat
    codes, names = coded.codes.to_numpy(), coded.categories
    places = [np.flatnonzero(kind == it) for it in KINDS]
    for one in np.unique(seed):
        chosen, measured, trait = (at[seed[at] == one] for at in places)
        if len(chosen):
            choices = _in_order(_wide(task[chosen], codes[chosen], names, value[chosen]))
            most = _by_name(codes[chosen], names, options[chosen], np.max)
            traits = _wide(task[trait], codes[trait], names, value[trait])
            found.setdefault(COMPOSITIONS, []).append(distinct(choices))
            found.setdefault(MARGINAL, []).append(marginal_entropy(choices))
            for quantity, told in routing(choices, most, traits):
                found.setdefault(quantity, []).append(told)
        for name, mean in _by_name(codes[measured], names, value[measured], _mean).items():
            found.setdefault(name, []).append(mean)
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
