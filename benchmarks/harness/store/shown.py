"""Texts of users and learners in records, as any terminal or page can show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.core.text import SEQUENCES, line, shortened, unseen

LONGEST_TEXT = 5_000
BRIEF = (
    *("trial", "family", "protocol", "learner", "seed", "fold", "status", "reason"),
    *("spending", "trained_by"),
)
"""What a look at a run takes of a record; the rest is most of it."""


def clean_records(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The records of trials, as `clean` leaves results."""
    return [
        {
            **{key: plain(it) for key, it in record.items() if key not in ("reason", "traceback")},
            "reason": clean_reason(record.get("reason"), str(record["trial"])),
            "traceback": _lines(record.get("traceback")),
        }
        for record in records
    ]


def clean_briefly(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As `clean_records`, of what is in `BRIEF` alone."""
    return clean_records([{it: record[it] for it in BRIEF if it in record} for record in records])


def plain(value: Any) -> Any:
    """Every text in nested lists and dictionaries on one line; what is clean stays what it is."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(it) for key, it in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value))
    return value


def plain_text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        return line(text, LONGEST_TEXT)
    if text.isprintable() or not any(map(unseen, text)):
        return text
    return line(text, LONGEST_TEXT)


def clean_reason(said: Any, trial: str) -> str | None:
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
