"""Results as they can be shown: labels, columns and reasons come from users and from learners."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pandas as pd

from benchmarks.core.text import line
from benchmarks.harness.store.results import Results, Settings
from benchmarks.harness.store.shown import clean_reason, clean_records, plain, plain_text


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
            clean_reason(said, trial)
            for said, trial in zip(results.trials["reason"], trials["trial"], strict=True)
        ],
        problem=[plain(problem) for problem in trials["problem"]],
    )
    return replace(
        results,
        **tables,
        order=tuple(map(plain_text, results.order)),
        settings={
            plain_text(label): Settings(it.name, plain(it.fields))
            for label, it in results.settings.items()
        },
        protocols={plain_text(label): plain(it) for label, it in results.protocols.items()},
        title=line(results.title, 1000),
        records=clean_records(results.records),
    )


def _table(table: pd.DataFrame) -> pd.DataFrame:
    changed = {}
    for name in table.columns.drop("reason", errors="ignore"):
        column = table[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            texts = list(column.cat.categories)
        elif column.dtype == object:
            texts = [it for it in column if isinstance(it, str)]
        elif pd.api.types.is_string_dtype(column.dtype):
            texts = list(column.unique())
        else:
            continue
        known = {
            it: new for it in set(texts) if isinstance(it, str) and (new := plain_text(it)) != it
        }
        if known:
            changed[name] = column.astype(object).map(lambda it, known=known: _other(it, known))
    return table.assign(**changed)


def _other(value: Any, known: Mapping[str, str]) -> Any:
    return known.get(value, value) if isinstance(value, str) else value
