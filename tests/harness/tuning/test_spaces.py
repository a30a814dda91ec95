"""What is searched: what a matrix asks for, and what classes declare."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.core.errors import MatrixError, PluginError
from benchmarks.core.search import LogUniform, OneOf, Uniform, Whole
from benchmarks.harness.plan.budgets import Tuning
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.spaces import declared, demand_defaults


def made(cls: type, **values: Any) -> Any:
    """One that runtime checks of types would refuse, which nobody has who uses it."""
    it = object.__new__(cls)
    it.__dict__.update(values)
    return it


def test_what_a_row_or_a_name_sets_is_not_searched(bench: Any) -> None:
    bench.write('name = "knob"\noffset = 0.3', "knob-preset", 'name = "plain"')
    mine, preset, plain = bench.tuner()._plan.studies
    assert set(mine.space) == {"layers", "count"}
    assert set(preset.space) == {"offset", "layers"}
    assert not plain.space
    assert plain.why == "its class declares nothing to search"


def test_a_row_can_be_left_out_of_the_search(bench: Any) -> None:
    bench.write("knob", 'name = "knob"\nlabel = "as it is"\ntune = false')
    _, other = bench.tuner()._plan.studies
    assert not other.space
    assert other.why == "tune = false"


def test_validation_tasks_have_to_be_there(bench: Any, tmp_path: Path) -> None:
    rows = "".join(f"{g},{t},{x},{x}\n" for g in "abcdefgh" for t in "pqr" for x in range(6))
    (tmp_path / "d.csv").write_text("g,t,x,y\n" + rows)
    bench.write("knob")
    text = bench.path.read_text().replace('name = "sinusoid"', "")
    table = 'name = "table"\npath = "d.csv"\ntask = ["g", "t"]\nx = ["x"]\ny = "y"\nsplit_by = "g"'
    bench.path.write_text(
        text.replace("[[family]]", f"[[family]]\n{table}\n").replace(
            "queries = 5", 'queries = 5\nsplit = "validation"'
        )
    )
    with pytest.raises(MatrixError, match="none to spare: protocol 'few_shot'"):
        bench.tuner()


def test_keys_of_a_matrix(bench: Any) -> None:
    def read(tuning: str) -> Tuning | None:
        return load_matrix(str(bench.write("knob", tuning=tuning).path), bench.registry).tuning

    found = read("{ trials = 20 }")
    assert found is not None
    assert (found.trials, found.budget.tasks, found.seeds) == (20, 100, (1,))
    found = read("{ trials = 3, tasks = 7, seeds = [4, 5] }")
    assert found is not None
    assert (found.budget.tasks, found.seeds) == (7, (4, 5))


@pytest.mark.parametrize(
    ("tuning", "said"),
    [
        ("{}", "[tuning]: key 'trials' is missing"),
        ("{ trial = 3 }", "[tuning]: unknown key 'trial'; did you mean 'trials'?"),
        ("{ trials = 0 }", "key 'trials'"),
        ("{ trials = 2000 }", "key 'trials'"),
        ('{ trials = "many" }', "key 'trials'"),
        ("{ trials = 2, seeds = 0 }", "key 'seeds'"),
        ("{ trials = 2, seeds = [1, 1] }", "key 'seeds': a seed is there twice"),
        ("{ trials = 2, tasks = 3, seconds = 4.0 }", "either tasks = ... or seconds = ..."),
        ("{ trials = 2, tasks = -3 }", "key 'tasks'"),
        ("20", "key 'tuning'"),
    ],
)
def test_wrong_keys_are_told_in_a_sentence(bench: Any, tuning: str, said: str) -> None:
    with pytest.raises(MatrixError) as error:
        load_matrix(str(bench.write("knob", tuning=tuning).path), bench.registry)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert str(bench.path) in str(error.value)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (["offset"], "expected a mapping"),
        ({"offsett": Uniform(0.0, 1.0)}, "no field; did you mean 'offset'?"),
        ({"offset": (0.0, 1.0)}, "expected Uniform, LogUniform, Whole or OneOf"),
        ({"offset": Uniform(1.0, 1.0)}, "expected low < high"),
        ({"offset": Uniform(0.0, float("inf"))}, "both finite"),
        ({"offset": LogUniform(0.0, 1.0)}, "above 0 for a logarithm"),
        ({"offset": made(Uniform, low="0", high=1.0)}, "expected numbers as its ends"),
        ({"count": made(Whole, low=1, high=2.5, log=False)}, "expected whole numbers as its ends"),
        ({"count": Uniform(1, 4)}, "valid integer"),
        ({"layers": OneOf(((2, 3),))}, "two values or more"),
        ({"layers": OneOf(((2, 3), (2, 3)))}, "all different"),
        ({"layers": OneOf(((2, 3), "no"))}, "'layers'"),
        ({"layers": made(OneOf, values=3)}, "expected a tuple of values"),
    ],
)
def test_a_wrong_declaration_is_told_in_a_sentence(
    bench: Any, monkeypatch: pytest.MonkeyPatch, space: Any, said: str
) -> None:
    cls = bench.registry.find("learner", "knob").cls
    monkeypatch.setattr(cls, "search", space)
    with pytest.raises(PluginError) as error:
        bench.write("knob").tuner()
    assert said in str(error.value)
    assert "Knob" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_default_has_to_lie_in_what_is_searched(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls = bench.registry.find("learner", "knob").cls
    monkeypatch.setattr(cls, "search", {"offset": Uniform(6.0, 7.0)})
    with pytest.raises(PluginError, match=r"learner 'knob'.*its default, 5\.0, is not in it"):
        bench.write("knob").tuner()
    monkeypatch.setattr(cls, "search", {"layers": OneOf(([2, 3], [4]))})
    demand_defaults(cls)


def test_what_is_declared_here_is_sound() -> None:
    registry, without = Registry(), set[str]()
    for name in registry.names("learner"):
        found = registry.find("learner", name)
        demand_defaults(found.cls)
        if not declared(found.cls(**found.preset)):
            without.add(name)
    assert {"mean", "oracle", "nearest_centroid"} <= without
    assert {"reml", "reml-fixed", "maml", "gp-prior"}.isdisjoint(without)
