"""Every key can be found, and what is said of it is what the class says."""

from pathlib import Path

import pytest

from benchmarks.cli import main
from benchmarks.core.errors import UnknownName
from benchmarks.harness.plan.explaining import KINDS, REQUIRED, Key, as_toml, explain, render
from benchmarks.harness.plan.fields import build
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.spaces import declared

REGISTRY = Registry()
NAMES = [*(name for kind in KINDS for name in REGISTRY.names(kind)), "matrix"]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_has_a_meaning_a_range_and_a_default(name: str) -> None:
    entry = explain(REGISTRY, name)
    for key in (*entry.keys, *entry.common):
        assert key.meaning, f"the docstring of {name} says nothing of {key.name}"
        assert key.range
        assert key.default


def _key(name: str, key: str) -> Key:
    (found,) = [it for it in explain(REGISTRY, name).keys if it.name == key]
    return found


def test_a_default_is_what_a_matrix_file_would_say() -> None:
    assert _key("maml", "hidden").default == "[40, 40, 40, 40]"
    assert _key("maml", "first_order").default == "false"
    assert _key("table", "path").default == REQUIRED
    assert _key("transfer", "steps").default == "[0, ..., 100]"


def test_a_preset_s_own_value_is_its_default() -> None:
    assert _key("reml", "composer").default == '"policy"'
    assert _key("reml-random", "composer").default == '"random"'


def test_ranges_are_those_that_are_checked() -> None:
    assert _key("maml", "inner_lr").range == "number > 0"
    found = REGISTRY.find("learner", "maml")
    with pytest.raises(Exception, match="greater than 0"):
        build(found.cls, {}, {"inner_lr": 0}, "here")
    assert _key("maml", "network").range == 'one of "mlp", "cnn4"'
    assert _key("reml", "pool").range == "list of 3: whole number ≥ 1"


def test_where_settings_are_searched_is_what_the_class_declares() -> None:
    for name in REGISTRY.names("learner"):
        found = REGISTRY.find("learner", name)
        shown = {key.name for key in explain(REGISTRY, name).keys if key.searched}
        assert shown == set(declared(found.cls(**found.preset))), name
    assert _key("reml", "winner").searched == "uniform from 0 to 6"
    assert not _key("reml-fixed", "winner").searched


def test_defaults_as_toml_are_read_back_alike() -> None:
    import tomllib

    for value in ([1, 2], 'a "quoted" one', True, 0.01, {"name": "scratch"}):
        assert tomllib.loads(f"key = {as_toml(value)}")["key"] == value


def test_the_command_line_shows_one_key_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "maml", "inner_lr"]) == 0
    shown = capsys.readouterr().out
    assert "number > 0" in shown
    assert "first_order" not in shown
    assert main(["list", "maml"]) == 0
    everything = capsys.readouterr().out
    assert "first_order" in everything
    assert "grid" in everything


def test_what_shares_a_name_is_shown_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "line"]) == 0
    shown = capsys.readouterr().out
    assert "line (learner): " in shown
    assert "line (family): " in shown
    assert main(["help", "line", "slope_low"]) == 0
    of_family = capsys.readouterr().out
    assert "line (learner): " not in of_family
    assert main(["help", "line", "slope"]) == 2


def test_unknown_names_and_keys_are_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "malm"]) == 2
    assert "did you mean 'maml'?" in capsys.readouterr().err
    assert main(["help", "maml", "inner_rate"]) == 2
    assert "'inner_lr'" in capsys.readouterr().err
    with pytest.raises(UnknownName):
        render(explain(REGISTRY, "maml"), "nothing like it")


def test_a_plugin_s_learner_explains_itself(
    plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", "guess", "--plugin", str(plugin)]) == 0
    assert "guess (learner)" in capsys.readouterr().out
