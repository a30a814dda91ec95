"""Whatever a matrix says: trials, or one short sentence within five seconds.

The short form takes some of every key × every wrong value; REML_FUZZ=N takes N.
"""

import os
import random
import time
from pathlib import Path

import pytest

from benchmarks.core.errors import UserError
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry

CASES = int(os.environ.get("REML_FUZZ", "200"))
WRONG = [
    *("0", "-1", "1", "2", "7.5", "-0.0", "1e308", "-1e308", "nan", "inf", "-inf"),
    *("true", '""', '" "', '"x"', '"a\\u0001b"', '"\\u202e"', '"../../x"', "'''a\nb'''"),
    *("[]", "[[]]", "[0]", "[-1, 'x']", "[1, 1]", "{}", "{ a = 1 }", "2023-11-25", "07:32:00"),
    *("9223372036854775807", "9223372036854775808", f"1{'0' * 30}", f"0x{'f' * 4000}"),
    *(f"[{', '.join(['1'] * 30_000)}]", f"'{'x' * 300_000}'", f"{'[' * 900}{']' * 900}"),
    *("[1000000000]", "100000000000", "[nan]", "nothing", "= 1"),
]
HEAD = {
    "": {"name": '"t"', "title": '"t"', "seeds": "1"},
    "[budget]": {"tasks": "5", "seconds": None},
    "[[protocol]]": {
        **{"kind": '"few_shot"', "label": None, "shots": "[2]", "steps": "[0, 1]", "tasks": "5"},
        **{"queries": "3", "split": None, "families": None, "on": None, "then": None},
        **{"reference": None, "budget": None},
    },
    "[[family]]": {
        **{"name": '"sinusoid"', "label": None, "budget": None, "noise": None, "x_range": None},
        **{"grid": None, "train_tasks": None, "task_seed": None, "phase_low": None},
    },
    "[[learner]]": {
        **{"name": '"reml"', "label": None, "budget": None, "families": None, "grid": None},
        **{"width": None, "pool": None, "candidates": None, "activations": None, "rates": None},
        **{"layers": None, "train_shots": None, "clip": None, "unheard_of": None, "": None},
    },
}
EMPTY = '""'
PLACES = [(table, key) for table, keys in HEAD.items() for key in keys]


def text_of(table: str, key: str, value: str) -> str:
    lines = []
    for title, keys in HEAD.items():
        lines.append(title)
        given = {**keys, key: value} if title == table else keys
        lines += [f"{name or EMPTY} = {it}" for name, it in given.items() if it is not None]
    return "\n".join(lines)


def mutant(text: str, chance: random.Random) -> str:
    """A bundled matrix with lines dropped, doubled or swapped, and symbols changed."""
    lines = text.splitlines()
    for _ in range(chance.randint(1, 4)):
        one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        change = chance.randrange(5)
        if change == 0 and len(lines) > 1:
            del lines[one]
        elif change == 1:
            lines.insert(other, lines[one])
        elif change == 2:
            lines[one], lines[other % len(lines)] = lines[other], lines[one]
        elif change == 3 and lines[one]:
            place = chance.randrange(len(lines[one]))
            symbol = chance.choice("[]{}\"'=#,.-019e\\\0\x1b\n x†")
            lines[one] = lines[one][:place] + symbol + lines[one][place + 1 :]
        elif "=" in lines[one]:
            lines[one] = f"{lines[one].partition('=')[0]}= {chance.choice(WRONG)}"
    return "\n".join(lines)


@pytest.fixture(scope="module")
def everything() -> Registry:
    registry = Registry()
    for name in bundled():  # what is imported once is no part of an answer's time
        load_matrix(name)
    for kind in ("learner", "family"):
        for name in registry.names(kind):
            registry.find(kind, name)
    return registry


def answer(path: Path, text: str, registry: Registry) -> None:
    path.write_text(text, encoding="utf-8")
    started = time.process_time()
    try:
        expand(load_matrix(str(path)), registry)
    except UserError as error:
        said = str(error)
        assert len(said) < 1200, text[:2000]
        assert said.count("\n") <= 3
        assert not any(symbol in said for symbol in "\x00\x01\x1b\u202e")
    assert time.process_time() - started < 5, text[:2000]


def test_wrong_values_of_every_key(tmp_path: Path, everything: Registry) -> None:
    (tmp_path / "t.toml").write_text(text_of("", "title", '"right"'), encoding="utf-8")
    assert len(expand(load_matrix(str(tmp_path / "t.toml")), everything)) == 1
    chance = random.Random(12)
    cases = [(*place, value) for place in PLACES for value in WRONG]
    for table, key, value in chance.sample(cases, min(CASES, len(cases))):
        answer(tmp_path / "t.toml", text_of(table, key, value), everything)


def test_mutants_of_the_bundled_matrices(
    tmp_path: Path, everything: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REML_DATA", raising=False)
    chance = random.Random(12)
    texts = [path.read_text(encoding="utf-8") for path in bundled().values()]
    texts = [text for text in texts if "omniglot" not in text]  # which may be downloaded
    for _ in range(CASES // 4):
        answer(tmp_path / "t.toml", mutant(chance.choice(texts), chance), everything)
