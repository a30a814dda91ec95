"""Tables as they grow: rows are added as columns and become one frame at the end."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from torch import Tensor

from benchmarks.harness.disk.tables import empty


@dataclass
class Columns:
    """Rows collected as columns, so that 600 tasks × 8 cells make no million dicts."""

    types: dict[str, str]
    parts: list[pd.DataFrame] = field(default_factory=list)

    def add(self, **columns: Any) -> None:
        for name, values in columns.items():
            if isinstance(values, Tensor):
                columns[name] = values.numpy()
        self.parts.append(pd.DataFrame(columns)[list(self.types)])

    def frame(self) -> pd.DataFrame:
        if not self.parts:
            return empty(self.types)
        return pd.concat(self.parts, ignore_index=True).astype(self.types)
