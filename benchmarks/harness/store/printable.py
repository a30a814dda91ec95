"""Results as they can be shown: labels, columns and reasons come from users and from learners."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import pandas as pd

from benchmarks.core.text import SEQUENCES, line, shortened, unseen
from benchmarks.harness.store.results import Results, Settings

LONGEST_TEXT = 5_000


def clean(results: Results) -> Results:
    """The same without control characters and the like in any text, and with reasons cut.

    What is stored stays as it is.
    """
    tables: dict[str, Any] = {
        field.name: _table(table)
        for field in fields(results)
        if isinstance(table := getattr(results, field.name), pd.DataFrame)
    }
    trials = tables["trials"]
    tables["trials"] = trials.assign(
        reason=[
            _reason(said, trial)
            for said, trial in zip(results.trials["reason"], trials["trial"], strict=True)
        ],
        problem=[plain(problem) for problem in trials["problem"]],
    )
    return replace(
        results,
        **tables,
        order=tuple(map(_name, results.order)),
        settings={
            _name(label): Settings(it.name, plain(it.fields))
            for label, it in results.settings.items()
        },
        protocols={_name(label): plain(it) for label, it in results.protocols.items()},
        title=line(results.title, 1000),
        records=clean_records(results.records),
    )


def clean_records(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The records of trials, as `clean` leaves results."""
    return [
        {
            **{key: plain(it) for key, it in record.items() if key not in ("reason", "traceback")},
            "reason": _reason(record.get("reason"), str(record["trial"])),
            "traceback": _lines(record.get("traceback")),
        }
        for record in records
    ]


def plain(value: Any) -> Any:
    """Every text in nested lists and dictionaries on one line; what is clean stays what it is."""
    if isinstance(value, str):
        return _name(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(it) for key, it in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value))
    return value


def _name(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        return line(text, LONGEST_TEXT)
    if text.isprintable() or not any(map(unseen, text)):
        return text
    return line(text, LONGEST_TEXT)


def _reason(said: Any, trial: str) -> str | None:
    if not isinstance(said, str):
        return None
    reason = line(said)
    if reason.endswith("…"):
        return f"{reason} (more in trials/{trial}: trial.json or output.txt)"
    return reason


def _lines(text: Any) -> str | None:
    if not isinstance(text, str):
        return None
    kept = shortened(SEQUENCES.sub("", shortened(text)))
    return "".join("�" if unseen(it) and it not in "\n\t" else it for it in kept)


def _table(table: pd.DataFrame) -> pd.DataFrame:
    changed = {}
    for name in table.columns.drop("reason", errors="ignore"):
        column = table[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            texts = list(column.cat.categories)
        elif column.dtype == object or pd.api.types.is_string_dtype(column.dtype):
            texts = [it for it in column if isinstance(it, str)]
        else:
            continue
        known = {it: new for it in set(texts) if isinstance(it, str) and (new := _name(it)) != it}
        if known:
            changed[name] = column.astype(object).map(lambda it, known=known: _other(it, known))
    return table.assign(**changed)


def _other(value: Any, known: Mapping[str, str]) -> Any:
    return known.get(value, value) if isinstance(value, str) else value
