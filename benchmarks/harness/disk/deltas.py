"""Many records that are much alike, in little space: of each, what differs from the one before."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

RECORDS = "records"
WITHOUT = "without"
"""Names the keys that the one before had, and this one has not."""
LAYOUT = {
    "layout": "each record is the one before it but for what it says, and for the keys in "
    f"{WITHOUT!r}, which it has not"
}


def as_deltas(records: Sequence[Mapping[str, Any]]) -> str:
    """JSON, one line for each record, so that changes can still be read.

    One that has a key `WITHOUT` of its own has all records written whole.
    """
    if any(_has(it, WITHOUT) for it in records):
        return _lines(records)
    before: Mapping[str, Any] = {}
    lines = []
    for record in records:
        lines.append(_less(record, before))
        before = record
    head = json.dumps(LAYOUT)
    return f'{head[:-1]}, "{RECORDS}": {_lines(lines).rstrip()}}}\n'


def whole(stored: Any) -> Any:
    """The list of records of what was read from a file, be it as deltas or whole.

    What is neither is handed back as it is, and so is what is no record.
    """
    if not (isinstance(stored, dict) and isinstance(stored.get(RECORDS), list)):
        return stored
    before: dict[str, Any] = {}
    records = []
    for delta in stored[RECORDS]:
        if isinstance(delta, dict):
            delta = before = _more(delta, before)
        records.append(delta)
    return records


def _less(record: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        key: _less(it, before[key]) if _both(it, before.get(key)) else it
        for key, it in record.items()
        if key not in before or not _same(it, before[key])
    }
    gone = [key for key in before if key not in record]
    return {**found, WITHOUT: gone} if gone else found


def _more(delta: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    gone = delta.get(WITHOUT)
    kept = {key: it for key, it in before.items() if not (isinstance(gone, list) and key in gone)}
    told = {
        key: _more(it, kept[key]) if _both(it, kept.get(key)) else it
        for key, it in delta.items()
        if key != WITHOUT
    }
    return {**kept, **told}


def _both(one: Any, other: Any) -> bool:
    return isinstance(one, Mapping) and isinstance(other, Mapping)


def _same(one: Any, other: Any) -> bool:
    """Whether both are written alike: 1, 1.0 and true are equal, and not the same."""
    return one == other and json.dumps(one) == json.dumps(other)


def _has(value: Any, key: str) -> bool:
    if isinstance(value, Mapping):
        return key in value or any(_has(it, key) for it in value.values())
    return False


def _lines(records: Sequence[Mapping[str, Any]]) -> str:
    rows = (json.dumps(it, ensure_ascii=False, separators=(",", ":")) for it in records)
    return "[\n" + ",\n".join(rows) + "\n]\n"
