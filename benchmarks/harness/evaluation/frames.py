"""Tables as they grow: rows are added as columns and become one frame at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harness.disk.tables import empty


@dataclass
class Columns:
    """Rows collected as columns, so that 600 tasks × 8 cells make no million dicts."""

    types: dict[str, str]
    parts: list[dict[str, Any]] = field(default_factory=list)

    def add(self, **columns: Any) -> None:
        """Some rows: a column is a value for each, or one for all."""
        self.parts.append({name: columns[name] for name in self.types})

    def frame(self) -> pd.DataFrame:
        if not self.parts:
            return empty(self.types)
        parts = [(part, _rows(part)) for part in self.parts]
        return pd.DataFrame(
            {name: _joined(name, kind, parts) for name, kind in self.types.items()}, copy=False
        )


def _joined(name: str, kind: str, parts: list[tuple[dict[str, Any], int]]) -> pd.Series:
    if kind in ("str", "object"):
        values = [it for part, rows in parts for it in _of_rows(part[name], rows)]
        return pd.Series(values, dtype=kind)
    arrays = [np.broadcast_to(part[name], rows) for part, rows in parts]
    return pd.Series(np.concatenate(arrays)).astype(np.dtype(kind))


def _rows(part: Mapping[str, Any]) -> int:
    """How many a part has, of whose columns some are values for all of them."""
    (rows,) = {len(it) for it in part.values() if not _is_one(it)}
    return rows


def _is_one(value: Any) -> bool:
    return isinstance(value, str) or not hasattr(value, "__len__") or np.ndim(value) == 0


def _of_rows(value: Any, rows: int) -> Any:
    return [value] * rows if _is_one(value) else value
