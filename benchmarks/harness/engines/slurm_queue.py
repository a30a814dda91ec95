"""SLURM's queue: what is sent there, and what is still in it."""

import math
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.core.errors import UserError
from benchmarks.core.text import described
from benchmarks.harness.engines.settings import Resources, whole_gpus
from benchmarks.harness.engines.slurm_task import Task

DAY_MINUTES = 24 * 60
PATIENCE_SECONDS = 60
OVER = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"})
LIMIT = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")


def demand_slurm() -> None:
    """See that there is a SLURM that answers.

    Raises:
        UserError: there is none.
    """
    _ask("sinfo", "-h", "-o", "%P")


def queued() -> set[str] | None:
    """This user's tasks that are waiting or run, as `name_index`; None where nobody answers."""
    try:
        lines = _ask("squeue", "-h", "-r", "-u", str(os.getuid()), "-o", "%j %K %T")
    except UserError:
        return None
    found = [line.split() for line in lines]
    # submitit makes no array of a single task
    return {
        f"{name}_{index if index.isdecimal() else 0}"
        for name, index, state in (it for it in found if len(it) == 3)
        if state not in OVER
    }


def send(name: str, tasks: Sequence[Path], log: Path, resources: Resources, where: str) -> None:
    """Submit an array of this name with a task for each file.

    Raises:
        UserError: SLURM refuses it, or a resource is none of its.
    """
    import submitit

    parameters = {"job_name": name, **_parameters(resources, len(tasks), where)}
    try:
        executor = submitit.SlurmExecutor(folder=log)
        executor.update_parameters(**parameters)
        with executor.batch():
            for path in tasks:
                executor.submit(Task(path))
    except Exception as error:  # of several kinds
        said = str(error).strip().splitlines()
        reason = next((it for it in reversed(said) if "sbatch: error" in it), described(error))
        raise UserError(f"--engine slurm: sbatch refuses the trials ({reason.strip()})") from None


def _parameters(resources: Resources, tasks: int, where: str) -> Mapping[str, Any]:
    gpus = whole_gpus(resources, where or "[engine]")
    minutes = resources.time
    memory = resources.memory
    given = isinstance(memory, float) and math.isfinite(memory)
    if not isinstance(minutes, float) or not math.isfinite(minutes):
        limit = _limit(resources.partition)
    else:
        limit = max(1, math.ceil(minutes / 60))
    more: dict[str, Any] = dict(resources.extra)
    return {
        "time": limit,
        "cpus_per_task": resources.processors,
        "ntasks_per_node": 1,
        "stderr_to_stdout": True,
        "array_parallelism": tasks,
        **({"mem": f"{math.ceil(float(memory or 0) / 1e6)}MB"} if given else {}),
        **({"gpus_per_node": gpus} if gpus else {}),
        **({"partition": resources.partition} if resources.partition else {}),
        **({"account": resources.account} if resources.account else {}),
        **({"additional_parameters": more} if more else {}),
    }


def _limit(partition: str | None) -> int:
    """Minutes that a job gets if nobody says: a day, or as many as the partition allows."""
    lines = _ask("sinfo", "-h", "-o", "%P %l", *(("-p", partition) if partition else ()))
    found = [line.split() for line in lines]
    limits = [it[1] for it in found if partition or it[0].endswith("*")] or ["infinite"]
    if (match := LIMIT.fullmatch(limits[0])) is None:
        return DAY_MINUTES
    days, hours, minutes, _ = (int(it or 0) for it in match.groups())
    return max(1, min(DAY_MINUTES, (days * 24 + hours) * 60 + minutes))


def _ask(*command: str) -> list[str]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or "").strip().splitlines()
        reason = said[-1] if said else described(error)
        raise UserError(f"--engine slurm: {command[0]} fails here ({reason})") from None
    return done.stdout.splitlines()
