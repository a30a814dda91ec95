"""Faults by name: each befalls a patient, and gives the exit code of what it has disturbed."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from disk import Broken
from patient import Patient, done


def signalled(generation: int, number: signal.Signals) -> Callable[[Patient], int]:
    def fault(patient: Patient) -> int:
        patient.lose()
        process = patient.start(*patient.chance.choice([[], [], ["--force"]]))
        patient.strike(process, generation, number)
        return patient.finish(process)

    return fault


def interrupted(patient: Patient) -> int:
    before = done(patient.out)
    process = patient.start("--force")
    patient.strike(process, 0, signal.SIGINT)
    code = patient.finish(process)
    if not before <= done(patient.out):
        raise Broken("a result was dropped before its successor was there")
    return code


def stopped(patient: Patient) -> int:
    patient.lose()
    process = patient.start()
    generation = patient.chance.choice([0, 1, 2])
    patient.wait()
    pid = process.pid if generation == 0 else patient.of_run(process, generation)
    patient.hit = pid is not None and process.is_alive()
    if pid is not None and patient.hit:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(patient.chance.uniform(0.1, 1.0))
            os.kill(pid, signal.SIGCONT)
    return patient.finish(process)


def two_at_once(patient: Patient) -> int:
    patient.lose()
    both = [patient.start("--force"), patient.start("--force")]
    codes = {patient.finish(process) for process in both}
    if 0 not in codes:
        raise Broken(f"of two runs none came to its end: {codes}")
    return 0


def two_on_published(patient: Patient) -> int:
    shutil.rmtree(patient.out / "trials")
    return two_at_once(patient)


def without_locks(patient: Patient) -> int:
    """Killed where the file system has no locks; the next run finds its claim."""
    patient.lose()
    process = patient.start(locks=False)
    patient.strike(process, 0, signal.SIGKILL)
    patient.finish(process)
    return patient.finish(patient.start(locks=False))


def read_meanwhile(patient: Patient) -> int:
    patient.lose()
    process = patient.start()
    for _ in range(3):
        patient.wait()
        for command in ("status", "table"):
            patient.shown(command)
    return patient.finish(process)


def removed(patient: Patient) -> int:
    patient.lose()
    process = patient.start()
    patient.wait()
    inside = patient.chance.choice(["", "trials"])
    patient.hit = process.is_alive()
    shutil.rmtree(patient.out / inside, ignore_errors=True)
    return patient.finish(process)


def truncated(patient: Patient) -> int:
    path = a_file(patient)
    path.write_bytes(path.read_bytes()[: patient.chance.randrange(path.stat().st_size or 1)])
    return max(patient.shown("status"), patient.shown("table"))


def flipped(patient: Patient) -> int:
    path = a_file(patient)
    content = bytearray(path.read_bytes() or b"\0")
    content[patient.chance.randrange(len(content))] ^= 1 << patient.chance.randrange(8)
    path.write_bytes(content)
    return max(patient.shown("status"), patient.shown("table"))


def a_file(patient: Patient) -> Path:
    return patient.chance.choice(sorted(it for it in patient.out.rglob("*") if it.is_file()))


def full(patient: Patient) -> int:
    patient.lose()
    used = shutil.disk_usage(patient.disk.place).used // 1024
    patient.disk.remount(f"size={used + patient.chance.randrange(4, 200)}k")
    try:
        code = patient.finish(patient.start(*patient.chance.choice([[], ["--force"]])))
        patient.shown("table")
    finally:
        patient.disk.remount("size=64m")
    return code


def read_only(patient: Patient) -> int:
    held = {it: it.read_bytes() for it in patient.out.rglob("*") if it.is_file()}
    patient.disk.remount("ro")
    try:
        code = patient.finish(patient.start())
        shown = patient.shown("table")
        kept = held == {it: it.read_bytes() for it in patient.out.rglob("*") if it.is_file()}
    finally:
        patient.disk.remount("rw")
    if code != 2 or shown or not kept:
        raise Broken(f"a read-only folder: the run ended with {code}, the table with {shown}")
    return code


FAULTS: dict[str, Callable[[Patient], int]] = {
    "the run killed (-9)": signalled(0, signal.SIGKILL),
    "a keeper killed (-9)": signalled(1, signal.SIGKILL),
    "a worker killed (-9)": signalled(2, signal.SIGKILL),
    "a learner's child killed (-9)": signalled(3, signal.SIGKILL),
    "Ctrl-C (INT) to the run": interrupted,
    "INT to a worker": signalled(2, signal.SIGINT),
    "TERM to the run": signalled(0, signal.SIGTERM),
    "TERM to a keeper": signalled(1, signal.SIGTERM),
    "TERM to a worker": signalled(2, signal.SIGTERM),
    "run, keeper or worker stopped, then continued": stopped,
    "disk full": full,
    "folder read-only": read_only,
    "folder removed while it runs": removed,
    "two runs at once": two_at_once,
    "two runs at once on a published folder": two_on_published,
    "the run killed, no locks in the file system": without_locks,
    "status and table while it runs": read_meanwhile,
    "a file cut off": truncated,
    "a bit flipped in a file": flipped,
}
DISK = (full, read_only)
