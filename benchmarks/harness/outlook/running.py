"""Which trials of a results folder run now, wherever: what they have left there says so."""

import os
import time
from pathlib import Path

from benchmarks.harness.disk.pulse import Running, read_pulse
from benchmarks.harness.disk.shapes import LEFTOVER, TEMPORARY, is_id


def running_in(directory: Path) -> list[Running]:
    """Those of `trials/` that have not ended, those that began first being first.

    Of two folders of one trial, one a dead run's, the one that was heard of last counts.
    """
    found: dict[str, Running] = {}
    try:
        names = [
            it.name for it in os.scandir(directory / "trials") if it.name.startswith(TEMPORARY)
        ]
    except OSError:
        return []
    for name in names:
        told = LEFTOVER.fullmatch(name)
        folder = directory / "trials" / name
        if told is None or not is_id(trial := told["trial"]) or (folder / "old").exists():
            continue
        it = read_pulse(folder, trial)
        # one that has not begun after so long waits in a queue, or is a dead run's
        if it is None or (not it.pid and it.trouble(time.time())):
            continue
        if trial not in found or found[trial].heard < it.heard:
            found[trial] = it
    return sorted(found.values(), key=lambda it: it.started)
