"""How many test tasks data have, where a protocol may ask for more than there are."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.core.errors import UserError
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry

Sizes = Mapping[tuple[str, str, int], int]
"""By the labels of family and protocol, and shots; nothing where tasks are endless."""
MOST_BYTES = 10_000_000
"""Of a file that is read for that: a larger one has tasks enough, and takes seconds."""


def sizes_of(matrix: Matrix, registry: Registry) -> Sizes:
    """Of families that read a file; of data that cannot be read nothing, as the run says why."""
    found: dict[tuple[str, str, int], int] = {}
    entries = [it for it in matrix.families if _is_file(it.fields.get("path"))]
    if not entries:
        return found
    from benchmarks.harness.plan.checks.folding import resolve_folds  # torch takes seconds
    from benchmarks.harness.plan.resolved import find_data, resolve_family

    for entry in entries:
        with suppress(UserError, OSError):
            if find_data(matrix.path, entry).stat().st_size > MOST_BYTES:
                continue
            family = resolve_family(matrix, entry, registry)
            for protocol in matrix.protocols:
                limited = protocol.families is not None and entry.label not in protocol.families
                if limited or protocol.other is not None:
                    continue
                # of several folds the first speaks for all: there may be hundreds
                _, first = next(resolve_folds(matrix, family, protocol, registry, _unsaid))
                for shots in protocol.shots:
                    size = first.built.size(protocol.split, shots)
                    if size is not None:
                        found[entry.label, protocol.label, shots] = size
    return found


def _is_file(path: Any) -> bool:
    """Whether it looks like the path of a file: folders hold pictures, whose tasks are endless."""
    return isinstance(path, str) and bool(Path(path).suffix)


def _unsaid(note: str) -> None: ...
