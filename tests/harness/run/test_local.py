"""What a run hears of its workers."""

import math
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from benchmarks.harness.disk.pulse import GOES_ON, Pulse
from benchmarks.harness.run import worker
from benchmarks.harness.run.engine import Ended, Said
from benchmarks.harness.run.local import LocalEngine, _Running


class LastWords(BaseProcess):
    """Says something and ends, while it is looked whether it lives."""

    exitcode = 0

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._silent = Pipe(duplex=False)

    @property
    def sentinel(self) -> int:
        return self._silent[0].fileno()

    def is_alive(self) -> bool:
        self._connection.send_bytes(b'[0.5, "late"]')
        self._connection.close()
        return False

    def join(self, timeout: float | None = None) -> None: ...


def test_last_words_are_heard(tmp_path: Path) -> None:
    reader, writer = Pipe(duplex=False)
    engine = LocalEngine(1)
    engine._running.append(it := _Running("a", tmp_path, LastWords(writer), reader))
    assert engine.wait(0) == [Said(it, [0.5, "late"]), Ended(it)]
    assert engine.wait(0) == []


def test_that_a_training_goes_on_is_said_however_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said once, where other words are followed by others."""
    monkeypatch.setattr(worker, "REPORT_SECONDS", math.inf)
    reader, writer = Pipe(duplex=False)
    report = worker._Reporter(writer, Pulse(tmp_path, "a"))
    for text in ("loss 2", f"{GOES_ON} 50 %", "loss 1"):
        report(0.5, text)
    assert reader.recv_bytes() == f'[0.5, "{GOES_ON} 50 %"]'.encode()
    assert not reader.poll()
