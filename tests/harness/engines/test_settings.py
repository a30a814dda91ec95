"""What `[engine]` and `--engine` take: every mistake is one sentence, and no trial is another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli import main
from benchmarks.core.errors import UserError
from benchmarks.harness.engines.choosing import demand_engine
from benchmarks.harness.engines.settings import settings_for, settings_of
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry

LABELS = {"maml": "maml", "reml": "reml", "slow maml": "maml"}
HEAD = """
name = "tiny"
seeds = 1
budget = { tasks = 20 }
protocol = [{ kind = "few_shot", shots = [2], steps = [0], tasks = 10, queries = 5 }]
family = [{ name = "sinusoid" }]
"""


def test_a_learner_may_be_given_something_else() -> None:
    table = {"processors": 2, "memory": "4GB", "extra": {"qos": "long"}}
    settings = settings_of({**table, "learner": {"maml": {"gpus": 0.5}}}, "[engine]", LABELS)
    assert settings.of("reml").gpus == 0
    assert settings.of("maml").gpus == 0.5
    assert settings.of("slow maml").gpus == 0.5
    own = {"maml": {"gpus": 1}, "slow maml": {"time": "2h"}}
    assert settings_of({"learner": own}, "[engine]", LABELS).of("slow maml").gpus == 0
    for label in LABELS:
        assert settings.of(label).processors == 2
        assert settings.of(label).memory == 4e9
        assert settings.of(label).extra == {"qos": "long"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"cpus": 2}, "unknown key 'cpus'"),
        ({"processors": 0}, "key 'processors': expected greater than or equal to 1, got 0"),
        ({"processors": "2"}, "key 'processors': expected"),
        ({"memory": 4}, "key 'memory': expected a size"),
        ({"memory": "4 apples"}, "key 'memory': expected a size"),
        ({"time": "long"}, "key 'time': expected a time"),
        ({"gpus": -1}, "key 'gpus': expected"),
        ({"partition": "a b"}, "key 'partition': expected"),
        ({"partition": "--wrap=x"}, "key 'partition': expected"),
        ({"extra": {"--wrap": "x"}}, "key 'extra': expected a word that does not begin with '-'"),
        ({"checkpoints": 3}, "key 'checkpoints': expected"),
        ({"extra": ["a"]}, "key 'extra': expected"),
        ({"queue": 0}, "key 'queue': expected"),
        ({"name": "Ray"}, "key 'name': expected"),
        ({"learner": {"mamml": {}}}, "unknown learner 'mamml'; did you mean 'maml'?"),
        ({"learner": {"maml": {"queue": 2}}}, "learner 'maml': unknown key 'queue'"),
        ({"learner": {"maml": 3}}, "key 'learner': expected"),
    ],
)
def test_a_wrong_table_is_one_sentence(table: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        settings_of(table, "a.toml: [engine]", LABELS)
    assert str(error.value).startswith("a.toml: [engine]: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_table_lies_in_the_matrix_or_beside_it_and_changes_no_trial(
    write_matrix: Callable[..., Path], registry: Registry
) -> None:
    plain = load_matrix(str(path := write_matrix("guess", head=HEAD)), registry)
    known = expand(plain, registry)
    assert settings_for(plain).source == ""
    (path.parent / "engine.toml").write_text("processors = 3\n")
    assert settings_for(plain).of("guess").processors == 3
    (path.parent / "engine.toml").write_text("queue = 3\n[engine]\nprocessors = 3\n")
    with pytest.raises(UserError, match=r"engine.toml: key 'queue' is outside the table"):
        settings_for(plain)
    head = HEAD + '\n[engine]\nname = "ray"\nprocessors = 2\n'
    matrix = load_matrix(str(write_matrix("guess", head=head)), registry)
    with pytest.raises(UserError, match=r"has a table \[engine\], and there is .*engine.toml, too"):
        settings_for(matrix)
    (path.parent / "engine.toml").unlink()
    assert settings_for(matrix).table.name == "ray"
    assert [it.id for it in expand(matrix, registry)] == [it.id for it in known]
    assert describe(matrix, known) == describe(plain, known)


@pytest.mark.parametrize("name", ["rai", "ray:/x", "", "local://x", "ftp://x"])
def test_no_such_engine_is_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="--engine: unknown engine"):
        demand_engine(name)
    with pytest.raises(UserError, match=r"^a.toml: \[engine\]: unknown engine"):
        demand_engine(name, "a.toml: [engine]")
    if name == "local://x":
        assert main(["run", "quick", "--detach", "--out", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert said == "reml: --detach: engine 'local' has no queue to be left; expected slurm\n"
    if name == "rai":
        assert main(["run", "quick", "--engine", name, "--out", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert said == "reml: --engine: unknown engine 'rai'; did you mean 'ray'?\n"
