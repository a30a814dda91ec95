"""One thread, warnings off, and a last table that says what each comparison came to."""

from collections import defaultdict
from typing import Any

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print, for each group, how many times as fast the fast side is, and rates where given.

    A side is marked slow or fast, and a rate given, by `benchmark.extra_info`; a side that did but
    a part of the work says there how many `times` that is.
    """
    session = getattr(config, "_benchmarksession", None)
    if session is None or not session.benchmarks:
        return
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    terminalreporter.section("what it comes to")
    for bench in session.benchmarks:
        if not bench.stats.data:
            continue
        median = bench.stats.median
        side = bench.extra_info.get("side")
        if side:
            groups[bench.group][side] = median * bench.extra_info.get("times", 1)
        if "environment_steps" in bench.extra_info:
            rate = bench.extra_info["environment_steps"] / median
            line = f"{bench.name}: {rate:,.0f} environment steps/s"
            if "episodes" in bench.extra_info:
                line += f", {bench.extra_info['episodes'] / median:,.0f} episodes/s"
            terminalreporter.write_line(line)
        if "share" in bench.extra_info:
            terminalreporter.write_line(f"{bench.name}: {median * 1e3:.1f} ms")
    for report in terminalreporter.stats.get("skipped", ()):
        terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {report.longrepr[2]}")
    for group, sides in groups.items():
        if {"slow", "fast"} <= sides.keys():
            ratio = sides["slow"] / sides["fast"]
            terminalreporter.write_line(f"{group}: {ratio:.1f} times as fast")
