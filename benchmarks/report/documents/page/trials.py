"""Every trial of the matrix as the page shows it, and the command that makes it again."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.scores.wording import essential, number
from benchmarks.report.tables.layout import Entry, Sheet

STATES = {"failed": "⚠ failed", "missing": "⚠ not run", "cannot": "cannot be", "done": "done"}
"""What to say of each status, in the order in which a reader wants them."""
ENVIRONMENT = ("commit", "dirty", "started", "python", "platform", "cpu", "device")


@dataclass(frozen=True)
class Trial:
    """One trial in words; `spec` is JSON, empty where nobody knows it any longer."""

    id: str
    title: str
    status: str
    reason: str
    traceback: str
    command: str
    spent: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    spec: str

    @property
    def text(self) -> str:
        """What a filter looks at."""
        return f"{self.title} {self.status} {self.id}"


def trials(records: Sequence[Mapping[str, Any]], name: str) -> list[Trial]:
    """All trials, those that failed first and those that were not run next."""
    order = list(STATES)
    ranked = sorted(records, key=lambda record: order.index(record["status"]))
    return [_trial(record, name) for record in ranked]


def trial_sheet(records: Sequence[Mapping[str, Any]]) -> Sheet:
    return Sheet(
        "Every trial of the matrix: one learner, one family, one protocol, one seed.",
        (
            *("learner", "family", "protocol", "seed", "status", "training tasks"),
            *("seconds to meta-train", "of one processor", "to evaluate", "peak memory in MB"),
        ),
        tuple(
            (
                *(Entry(str(record[key])) for key in ("learner", "family", "protocol", "seed")),
                Entry(STATES[record["status"]]),
                Entry(_whole(record, "tasks")),
                *(
                    Entry(_number(record, key))
                    for key in ("seconds", "cpu_seconds", "evaluate_seconds", "peak_memory_mb")
                ),
            )
            for record in records
        ),
        words=(0, 1, 2, 4),
    )


def again(record: Mapping[str, Any], name: str) -> str:
    """The command that makes one trial again, with the matrix, device and plugins it had."""
    command = str((record.get("provenance") or {}).get("command") or "")
    command = essential(command) or shlex.join(["reml", "run", name])
    return f"{command} --force --only {shlex.quote(str(record['trial']))}"


def _trial(record: Mapping[str, Any], name: str) -> Trial:
    reason = record.get("reason") or ""
    return Trial(
        id=str(record["trial"]),
        title=f"{record['learner']} on {record['family']}, {record['protocol']}, "
        f"seed {record['seed']}",
        status=STATES[record["status"]],
        reason=str(reason),
        traceback=str(record.get("traceback") or "").strip(),
        command=again(record, name),
        spent=tuple(
            (key.replace("_", " "), _number(record, key)) for key in record.get("spending") or {}
        ),
        environment=(*_environment(record.get("provenance") or {}), *_training(record)),
        spec=json.dumps(record["spec"], indent=1, ensure_ascii=False) if record.get("spec") else "",
    )


def _environment(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ENVIRONMENT:
        if provenance.get(key):
            known = provenance[key]
            yield ("code", "with uncommitted changes") if key == "dirty" else (key, str(known))
    versions = provenance.get("versions") or {}
    if versions:
        yield "versions", ", ".join(f"{package} {it}" for package, it in versions.items())


def _training(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who trained the learner, where this trial took it over."""
    by, given = record.get("trained_by"), record.get("trained_with") or {}
    if by and by != record["trial"]:
        commit = given.get("commit") or "unknown"
        yield (
            "trained by",
            f"{by}, by code of commit {commit}" + ", changed" * bool(given.get("dirty")),
        )


def _number(record: Mapping[str, Any], key: str) -> str:
    value = (record.get("spending") or {}).get(key)
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else number(float(value))


def _whole(record: Mapping[str, Any], key: str) -> str:
    value = (record.get("spending") or {}).get(key)
    return "–" if value is None else f"{value:,.0f}"
