"""The table of what a search for settings has chosen, field by field, and what it has cost."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.scores.roles import phrase
from benchmarks.report.scores.wording import number, plural
from benchmarks.report.tables.layout import Entry, Section, Sheet

PLACE = 45
FILE = "tuning.csv"
TITLE = "Tuning"
COLUMNS = (
    *("family", "protocol", "fold", "learner", "field", "default", "chosen", "importance"),
    *("trials", "given_up", "failed", "default_loss", "loss", "tasks", "seconds"),
)
CAPTION = (
    "{who}: {tuned}, {ended} to the end, {given_up} given up{failed}; on validation tasks, where a "
    "constant guess loses 1, the defaults lose {default}{best}. All took "
    "{tasks} training tasks and {seconds} s, {looking} s of them looking at validation tasks."
)
NOTE = (
    "Importance is the share of the differences between settings that a field explains (fANOVA); – "
    "is not known: too few settings came to their end."
)
NOTHING = "{who}: nothing is tuned, as {why}."


def sections(results: Results) -> Iterator[Section]:
    """What was chosen of each learner; nothing where nothing was searched."""
    studies = [*_studies(results.tuning)]
    why = [it for it in results.searched.get("studies", ()) if "why" in it]
    if not studies:
        return
    several = results.tuning["family"].nunique() > 1
    folds = bool(results.tuning["fold"].max())
    names = [_who(rows.iloc[0], several, folds) for rows in studies]
    sheets = tuple(
        _sheet(rows, name)
        for rows, name in zip(studies, names, strict=True)
        if rows["chosen"].any()
    )
    remarks = [
        f"{name}: none of {plural(len(rows), 'trial')} came to its end."
        for rows, name in zip(studies, names, strict=True)
        if not rows["chosen"].any()
    ]
    remarks += [
        NOTHING.format(
            who=f"{it['learner']} on {it['family']}" if several else it["learner"], why=it["why"]
        )
        for it in why
    ]
    yield Section(TITLE, sheets, (NOTE, *dict.fromkeys(remarks)))


def frame(results: Results, against: str | None = None) -> pd.DataFrame:
    """One row a field of each learner that was tuned, with all digits."""
    rows = [it for study in _studies(results.tuning) for it in _fields(study)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _studies(tuning: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for _, rows in tuning.groupby("study", sort=False):
        yield rows.sort_values("number")


def _who(first: "pd.Series[Any]", several: bool, folds: bool) -> str:
    """The learner, and what it was searched on as far as there are others."""
    on = f" on {first['family']}" if several else ""
    fold = f", fold {first['fold']}" if folds else ""
    return f"{first['learner']}{on}{fold}"


def _sheet(rows: pd.DataFrame, who: str) -> Sheet:
    states = rows["state"].value_counts()
    chosen = rows[rows["chosen"]].iloc[0]
    default = float(rows["loss"].iloc[0])
    failed = f", {states['failed']} failed" if "failed" in states else ""
    seconds = rows["seconds"].sum() + rows["validation_seconds"].sum()
    caption = CAPTION.format(
        who=who,
        tuned=phrase(len(rows)),
        ended=states.get("done", 0),
        given_up=states.get("given up", 0),
        failed=failed,
        default=number(default) if default == default else "nothing that is known",
        best=f" and the best, number {chosen['number']}, {number(float(chosen['loss']))}"
        if chosen["number"]
        else ", the least of all",
        tasks=f"{rows['tasks'].sum():,}",
        seconds=number(float(seconds)),
        looking=number(float(rows["validation_seconds"].sum())),
    )
    return Sheet(
        caption,
        ("field", "default", "chosen", "importance"),
        tuple(
            (
                Entry(it["field"]),
                Entry(_shown(it["default"])),
                Entry(_shown(it["chosen"])),
                Entry("–" if it["importance"] is None else f"{it['importance']:.2f}"),
            )
            for it in _fields(rows)
        ),
        (0, 1, 2),
    )


def _fields(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    if not rows["chosen"].any():
        return
    chosen, first = rows[rows["chosen"]].iloc[0], rows.iloc[0]
    settings, defaults = json.loads(chosen["settings"]), json.loads(first["settings"])
    importance = json.loads(chosen["importance"])
    states = rows["state"].value_counts()
    for field in settings:
        yield {
            **{key: first[key] for key in ("family", "protocol", "fold", "learner")},
            "field": field,
            "default": json.dumps(defaults[field]),
            "chosen": json.dumps(settings[field]),
            "importance": importance.get(field),
            "trials": len(rows),
            "given_up": int(states.get("given up", 0)),
            "failed": int(states.get("failed", 0)),
            "default_loss": float(first["loss"]),
            "loss": float(chosen["loss"]),
            "tasks": int(rows["tasks"].sum()),
            "seconds": float(rows["seconds"].sum() + rows["validation_seconds"].sum()),
        }


def _shown(told: str) -> str:
    """A value as people write it: numbers of three digits, texts without quotes."""
    value = json.loads(told)
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else told
