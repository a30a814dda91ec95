"""No matrix, whatever is in it, takes minutes or memory to be refused, and large ones expand."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.core.errors import MatrixError, UserError
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry

Trials = Callable[..., list[TrialSpec]]
Write = Callable[..., Path]
THOUSAND = [n / 1000 for n in range(1, 1001)]
HEX = f"0x{'f' * 10_000}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds = 2", "seeds = 20231125", r"20,231,125 seeds .* expected a list \[20231125\]\?"),
        ("seeds = 2", f"seeds = {10**30}", "key 'seeds': expected a whole number below 2⁶³"),
        ("seeds = 2", f"seeds = {HEX}", "key 'seeds': expected .* one of some 12,041 digits"),
        ("seeds = 2", f"seeds = {'9' * 5000}", "not valid TOML: Exceeds the limit"),
        ("seeds = 2", f"seeds = {'[' * 9999}{']' * 9999}", "nested too deeply"),
        ("seeds = 2", f"seeds = {'[' * 60}{']' * 60}", "at most 20 levels of lists"),
        ("seeds = 2", f"seeds = {list(range(20_001))}", "asks for 20,001 trials"),
        ("seeds = 2", f"seeds = 2\n{'a.' * 99_999}b = 1", "nested too deeply"),
        ("seeds = 2", "seeds = 2023-11-25", "'seeds': expected no date or time, .* 2023-11-25"),
        ("seeds = 2", f"seeds = 2\ntitle = '{'x' * 9999}'", "'title': expected at most 1,000 char"),
        ("seeds = 2", f"seeds = 2 # {'x' * 10**6}", "is larger than 1,000,000 bytes"),
        ("tasks = 100", f"tasks = {10**16}", r"\[budget\]: key 'tasks': expected less than"),
        ("tasks = 20", f"tasks = {10**9}", "key 'tasks': expected less than or equal to 1000000"),
        ("queries = 7", f"queries = {10**12}", "key 'queries': expected less than"),
        ("queries = 7", f"queries = {10**6}\ntasks = {10**6}", "fit into memory"),
        ("[0, 1]", f"[{10**9}]", "key 'steps': expected less than or equal to 100000"),
        ("[0, 1]", f"{list(range(20_000))}", "key 'steps': expected at most 10,000 of them"),
        ("[0, 1]", f"{list(range(9_999))}\ntasks = {10**5}", "are .* scores a trial"),
        ("[2, 5]", f"[{10**9}]", "key 'shots': expected less than or equal to 1000000"),
    ],
)
def test_absurd_sizes(
    trials_of: Trials, write_matrix: Write, old: str, new: str, message: str
) -> None:
    head = write_matrix().read_text()
    assert old in head
    for key in ("tasks = 20", "queries = 7"):
        head = head.replace(f"{key}\n", "" if key.split()[0] in new and key != old else f"{key}\n")
    with pytest.raises(MatrixError, match=rf"tiny\.toml: .*{message}"):
        trials_of("guess", head=head.replace(old, new, 1))


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (f"grid = {{scale = {THOUSAND}, bonus = {THOUSAND}}}", "asks for 2,000,000 trials"),
        (
            "grid = {" + ", ".join(f"k{n} = {list(range(99))}" for n in range(99)) + "}",
            "asks for 1,000,000,000,000,000 trials",
        ),
        ("hidden = [1_000_000_000]", "learner 1: key 'hidden': expected at most 10,000,000"),
        (f"label = '{'x' * 10**5}'", "learner 1: key 'label': expected at most 200 characters"),
        (f"'{'k' * 10**5}' = 1", "learner 1: .*expected a key that can be read"),
    ],
)
def test_absurd_sizes_of_a_learner(trials_of: Trials, learner: str, message: str) -> None:
    with pytest.raises(MatrixError, match=message) as caught:
        trials_of(f'name = "guess"\n{learner}')
    assert len(str(caught.value)) < 500


def test_ten_thousand_grid_points_expand_in_linear_time(trials_of: Trials) -> None:
    hundred = [n / 100 for n in range(1, 101)]
    trials_of("guess")
    started = time.process_time()
    few = len(trials_of(f'name = "guess"\ngrid = {{scale = {hundred[:50]}}}'))
    between = time.process_time()
    many = f'name = "grown"\ngrid = {{bonus = {[n / 2000 for n in range(2_000)]}}}'
    assert len(trials_of(many)) == 40 * few
    assert time.process_time() - between < 5 * 40 * max(0.01, between - started)


@pytest.mark.parametrize("text", ["a\u0001b", "a\u202eb", "a\u200bb", "a\u001b[31mb", "a\nb"])
@pytest.mark.parametrize("key", ["label", "title", "unit"])
def test_no_invisible_text_gets_into_a_report(
    trials_of: Trials, write_matrix: Write, key: str, text: str
) -> None:
    line = f"{key} = {json.dumps(text)}\n"
    head = write_matrix().read_text()
    head = line + head if key == "title" else head + line
    with pytest.raises(
        MatrixError, match=f"key '{key}': expected a text without control"
    ) as caught:
        trials_of("guess", head=head)
    assert str(caught.value).isprintable()


def test_labels_that_look_alike_are_one(trials_of: Trials) -> None:
    with pytest.raises(MatrixError, match="two learner entries are called 'é x'"):
        trials_of('name = "guess"\nlabel = "é x"', 'name = "mean"\nlabel = " e\u0301  x "')


def test_a_matrix_without_any_trial_is_refused(trials_of: Trials, write_matrix: Write) -> None:
    head = write_matrix().read_text() + '\n[[family]]\nname = "line"\n'
    head = head.replace("queries = 7", 'queries = 7\nfamilies = ["line"]')
    with pytest.raises(MatrixError, match="makes no trial"):
        trials_of('name = "mean"\nfamilies = ["sinusoid"]', head=head)


def test_places_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for name in (tmp_path, tmp_path / ("x" * 999), tmp_path / "pipe.toml", "a\0b"):
        with pytest.raises(MatrixError, match="is no file and no bundled matrix"):
            load_matrix(str(name))
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbfname = 1")
    with pytest.raises(MatrixError, match=r"bom\.toml: key"):
        load_matrix(str(tmp_path / "bom.toml"))


def test_data_whose_path_no_system_takes(trials_of: Trials, write_matrix: Write) -> None:
    for path in ("x" * 999, "a\\u0000b", "*/*/**", "/"):
        head = (
            write_matrix()
            .read_text()
            .replace(
                'name = "sinusoid"',
                f'name = "table"\npath = "{path}"\ntask = ["a"]\nx = ["b"]\ny = "c"',
            )
        )
        with pytest.raises(UserError):
            trials_of("mean", head=head)


PLUGIN = """
from dataclasses import dataclass
class Silent(Exception):
    def __str__(self): raise RuntimeError
@dataclass
class Odd:
    a: int = 1
    name = "odd"
    presets, test_fields, needs = {}, {}, frozenset()
    def fit(self, source, generator): ...
    partial_fit = adapt = state = load_state = fit
"""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (PLUGIN + "    def __post_init__(self): raise RuntimeError('boom')", "RuntimeError: boom"),
        (PLUGIN + "    def __init__(self, a): raise KeyError('boom')", "KeyError: 'boom'"),
        (PLUGIN + "    def __post_init__(self): raise SystemExit(0)", "SystemExit: 0"),
        (PLUGIN + "    def __post_init__(self): raise Silent", "Silent: .*cannot be printed"),
        (PLUGIN + "    def __post_init__(self): raise ValueError(chr(27) + '[2Ja')", ": a$"),
        (PLUGIN + "    needs = property(lambda self: 1 / 0)", "ZeroDivisionError"),
        (PLUGIN + "    b: 'nothing' = 1", "NameError"),
        (PLUGIN + "    presets = 5", "has a class that breaks"),
        (PLUGIN.replace('"odd"', '"o\\x1bdd"'), "cannot be named"),
        (PLUGIN + "\nraise Silent", "does not import .Silent: its message cannot be printed"),
        (PLUGIN + "\nimport sys; sys.exit(0)", r"does not import \(SystemExit: 0\)"),
        (PLUGIN + "\nraise BaseException('x' * 10**7)", "does not import .BaseException: xx"),
        (PLUGIN + "\nraise GeneratorExit", "does not import .GeneratorExit"),
        (
            PLUGIN
            + "\nclass M(type):\n  name = property(lambda c: 1/0)\nclass N(metaclass=M): adapt=1",
            "breaks",
        ),
        ("(" * 5000, "does not import"),
        ("def", "does not import .SyntaxError"),
        ("\0", "does not import"),
        ("'\udcff'", "does not import"),
    ],
)
def test_plugins_that_break(write_matrix: Write, tmp_path: Path, code: str, message: str) -> None:
    plugin = tmp_path / "odd.py"
    plugin.write_text(code, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(UserError, match=message) as caught:
        expand(load_matrix(str(write_matrix('name = "odd"\na = 1'))), Registry([plugin]))
    assert len(str(caught.value)) < 600


def test_plugins_that_are_no_files(tmp_path: Path) -> None:
    for path in (
        tmp_path,
        tmp_path / "x.py",
        tmp_path / ("x" * 999),
        Path("/dev/null"),
    ):
        with pytest.raises(UserError):
            Registry([path])
