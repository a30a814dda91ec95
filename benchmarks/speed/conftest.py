"""One thread, a worker's memory, and a last table that says what each comparison came to."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
import torch

from benchmarks.speed.turns import keep_memory

InTurn = Callable[..., None]


def pytest_configure() -> None:
    keep_memory()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def in_turn(benchmark: Any) -> InTurn:
    """Times two sides in turn, and says what the median of their ratios is.

    In seconds of this processor, which others on the machine take less of, or, with `wall`, in
    seconds. What the second side takes is in the results as `other`.
    """

    def compare(
        slow: Callable[[], object],
        fast: Callable[[], object],
        *,
        group: str,
        rounds: int = 7,
        times: int = 1,
        wall: bool = False,
    ) -> None:
        """`slow` does a part of the work; `times` as much is the same as what `fast` does."""
        clock = time.perf_counter if wall else time.process_time
        others: list[float] = []

        def other() -> None:
            before = clock()
            fast()
            others.append(clock() - before)

        slow(), fast()
        benchmark.group = group
        benchmark._timer = clock
        benchmark.pedantic(slow, setup=other, rounds=rounds, iterations=1)
        if benchmark.stats is None:  # not timed, but run
            return
        pairs = zip(benchmark.stats.stats.data, others[-rounds:], strict=True)
        benchmark.extra_info["ratio"] = median(times * one / two for one, two in pairs)
        benchmark.extra_info["other"] = median(others[-rounds:])

    return compare


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print, for each comparison, how many times as long the slow side takes, and other rates."""
    session = getattr(config, "_benchmarksession", None)
    if session is None or not session.benchmarks:
        return
    terminalreporter.section("what it comes to")
    for bench in session.benchmarks:
        if not bench.stats.data:
            continue
        took = bench.stats.median
        if "environment_steps" in bench.extra_info:
            rate = bench.extra_info["environment_steps"] / took
            line = f"{bench.name}: {rate:,.0f} environment steps/s"
            if "episodes" in bench.extra_info:
                line += f", {bench.extra_info['episodes'] / took:,.0f} episodes/s"
            terminalreporter.write_line(line)
        if "share" in bench.extra_info:
            terminalreporter.write_line(f"{bench.name}: {took * 1e3:.1f} ms")
        if "ratio" in bench.extra_info:
            ratio, other = bench.extra_info["ratio"], bench.extra_info["other"]
            terminalreporter.write_line(
                f"{bench.group}: {ratio:.2f} times ({took * 1e3:.1f} ms and {other * 1e3:.1f} ms)"
            )
    for report in terminalreporter.stats.get("skipped", ()):
        terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {report.longrepr[2]}")
