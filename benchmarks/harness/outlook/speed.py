"""How fast this machine trains beside that of this project's runs, as `reml doctor` found."""

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median

from benchmarks.harness.disk.files import make_folder, write_json
from benchmarks.harness.outlook.costs import bundled_costs, nearest_cost

FILE = "speed.json"


def keep_speed(rates: Mapping[str, float]) -> None:
    """Keep how many training tasks a second learners took here, where that is possible."""
    with suppress(Exception):
        make_folder(_place())
        write_json(_place() / FILE, dict(rates))


def factor_here() -> float:
    """How many times as long the same takes here; 1 where nobody has run `reml doctor`."""
    try:
        rates = json.loads((_place() / FILE).read_text())
        known = {str(name): float(rate) for name, rate in dict(rates).items()}
    except (OSError, ValueError, TypeError):
        return 1.0
    factors = []
    for name, rate in known.items():
        cost = nearest_cost(bundled_costs(), name, "sinusoid", {})
        if cost is not None and cost.task > 0 and rate > 0 and math.isfinite(rate):
            factors.append(1 / (rate * cost.task))
    return min(max(median(factors), 0.01), 100.0) if factors else 1.0


def _place() -> Path:
    """The user's folder for what can be made again."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "reml"
