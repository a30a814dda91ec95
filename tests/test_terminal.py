"""How a command ends: with a sentence and a documented exit code, whatever stands in its way."""

import errno
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.api.running import shorten_temporary_folder
from benchmarks.cli import main
from benchmarks.commands import COMMANDS
from benchmarks.processors import processors

ROOT = Path(__file__).parents[1]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def raises(error: BaseException) -> Callable[[object], int]:
    def command(options: object) -> int:
        raise error

    return command


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_can_be_written(
    encoding: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "0.1 ± 0.2 †‡ × é – \udc80 \u4e2d"
    monkeypatch.setitem(COMMANDS, "list", lambda options: print(said) or 0)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert main(["list"]) == 0
    text = written.getvalue().decode(encoding)
    assert text.startswith("0.1 ")
    if encoding == "ascii":
        assert text == "0.1 ? 0.2 +++ x e - ? ?\n"
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["run", "--help"], ["--version"]])
@pytest.mark.parametrize("lines", [1, 10_000])
def test_a_full_disk_under_standard_output(
    arguments: list[str],
    lines: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(COMMANDS, "list", lambda options: print("line\n" * lines) or 0)
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(arguments) == 2
    said = "reml: the output cannot be written (No space left on device)\n"
    assert capsys.readouterr().err == said


def test_a_reader_that_has_seen_enough(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command, code in (("list", 0), ("run", 2)):
        monkeypatch.setitem(COMMANDS, command, lambda options: print("line\n" * 50_000) or 0)
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w", encoding="utf-8") as broken, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", broken)
            assert main([command, "quick"] if command == "run" else [command]) == code
    assert capsys.readouterr().err.startswith("reml: the output cannot be written (Broken pipe)")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.EMFILE, "Too many open files", "x"), 2, "Too many open files; `ulimit"),
        (ImportError("libx.so: Too many open files"), 2, "Too many open files; `ulimit -n`"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), 2, "a/b: Permission denied"),
        (MemoryError(), 2, "there is not enough memory"),
        (
            ImportError("libx.so: failed to map segment from shared object"),
            2,
            "there is not enough memory",
        ),
        (ZeroDivisionError("one\n\x1b[31mtwo"), 70, "internal error: ZeroDivisionError: one; its"),
        (Unprintable(), 70, "internal error: Unprintable: its message cannot be printed; its"),
    ],
)
def test_no_command_ends_in_a_traceback(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setitem(COMMANDS, "list", raises(error))
    assert main(["list"]) == code
    said = capsys.readouterr().err
    assert said.startswith(f"reml: {message}")
    assert said.count("\n") == 1
    kept = [path.read_text(encoding="utf-8") for path in tmp_path.glob("reml-*.txt")]
    assert len(kept) == (code == 70)
    assert all("Traceback" in text for text in kept)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_modules_are_imported() -> None:
    """Whenever it comes, from when the command line is looked at; `list` would be over by then."""
    code = "import sys, benchmarks.cli as c; print(flush=True); sys.exit(c.main(['check', 'maml']))"
    for wait in (0.0, 0.3):
        started = subprocess.Popen(
            [sys.executable, "-c", f"import signal; {code}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert started.stdout is not None
        started.stdout.readline()
        time.sleep(0.1 + wait)
        started.send_signal(signal.SIGINT)
        assert started.communicate(timeout=180)[1] == "reml: interrupted\n"
        assert started.returncode == 130


def test_a_temporary_folder_too_long_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, kept in (("x" * 120, False), ("", True)):
        folder = tmp_path / name if name else Path("/short")
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        shorten_temporary_folder()
        assert (tempfile.gettempdir() == str(folder)) == kept
        assert len(tempfile.gettempdir()) < 80


def test_options_are_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["run", "quick", "--f"], ["run", "quick", "--forc"], ["--versio"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    assert "unrecognized arguments: --f;" in capsys.readouterr().err


def test_the_version_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for option, said in (("--version", "reml 0."), ("--help", "130 Ctrl-C")):
        with pytest.raises(SystemExit) as stopped:
            main([option])
        assert stopped.value.code == 0
        assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a/b", {}, 8),
        ("0::/a/b", {"a/b/cpu.max": "max 100000"}, 8),
        ("0::/a/b", {"a/b/cpu.max": "250000 100000"}, 2),
        ("0::/a/b", {"a/b/cpu.max": "50000 100000"}, 1),
        ("0::/a/b", {"a/b/cpu.max": "900000 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/", {"cpu.max": "400000 100000"}, 4),
        ("0::/", {"cpu.max": "nonsense"}, 8),
        ("7:cpu,cpuacct:/x", {"cpu/x/cpu.cfs_quota_us": "-1"}, 8),
        (
            "8:memory:/x\n7:cpu,cpuacct:/x",
            {
                "cpu,cpuacct/x/cpu.cfs_quota_us": "390000",
                "cpu,cpuacct/x/cpu.cfs_period_us": "100000",
            },
            3,
        ),
        ("", {}, 8),
    ],
)
def test_jobs_are_as_many_as_processors_may_be_used(
    membership: str,
    files: dict[str, str],
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "self").write_text(f"{membership}\n")
    assert processors(tmp_path, tmp_path / "self") == expected
