import hashlib
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from benchmarks.core.errors import MatrixError, PluginError, UnknownName
from benchmarks.harness.plan import registry as module
from benchmarks.harness.plan.fields import build, plain
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.source.code import code_of_entry, code_of_file
from benchmarks.tasks.sinusoid import Sinusoid


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(dedent(text))
    return path


def test_installed_names_are_found() -> None:
    registry = Registry()
    assert registry.find("family", "sinusoid").cls is Sinusoid
    assert {"maml", "mean", "reml", "reml-random"} <= set(registry.names("learner"))


def test_a_preset_is_the_same_class_with_fields(registry: Registry) -> None:
    plain_one, half = registry.find("learner", "guess"), registry.find("learner", "guess-half")
    assert half.cls is plain_one.cls
    assert (dict(plain_one.preset), dict(half.preset)) == ({}, {"scale": 0.5})
    installed = Registry()
    assert installed.find("learner", "reml-random").cls is installed.find("learner", "reml").cls
    assert installed.find("learner", "reml-random").preset


def test_an_unknown_name_suggests_the_nearest(registry: Registry) -> None:
    with pytest.raises(UnknownName, match=r"m\.toml: unknown learner 'mamal'.*'maml'"):
        registry.find("learner", "mamal", "m.toml")
    with pytest.raises(UnknownName, match=r"unknown family 'sinusiod'.*'sinusoid'"):
        registry.find("family", "sinusiod")


def test_a_broken_entry_point_only_hurts_who_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.entry_points

    def with_broken(group: str) -> list[object]:
        points = list(real(group=group))
        if group == "reml.learners":
            kind = type(points[0])
            points.append(kind("broken", "no_such_package:Nothing", group))
            points.append(kind("misnamed", "baselines.mean:Mean", group))
            points.append(kind("no-learner", "benchmarks.core:Budget", group))
        return points

    monkeypatch.setattr(module, "entry_points", with_broken)
    registry = Registry()
    assert registry.find("learner", "mean").cls.__name__ == "Mean"
    with pytest.raises(PluginError, match="no_such_package"):
        registry.find("learner", "broken")
    with pytest.raises(PluginError, match="goes by other names: mean"):
        registry.find("learner", "misnamed")
    with pytest.raises(PluginError, match="Budget has no name"):
        registry.find("learner", "no-learner")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such_package", "does not import .*no_such_package"),
        ("def f(:", "does not import .*SyntaxError"),
        ("raise SystemExit('bye')", "does not import .*bye"),
        ("x = 1", "defines no class that is a learner, family or protocol"),
        ("from baselines.mean import Mean", "defines no class"),
        (
            """
            class Half:
                name = "half"
                def fit(self, source, generator): ...
                def adapt(self, support, steps): ...
            """,
            "class Half is not a learner: it has no presets, test_fields, needs, partial_fit",
        ),
    ],
)
def test_a_plugin_that_is_no_use(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        Registry([write(tmp_path, text)])


def test_a_plugin_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no such plugin file"):
        Registry([tmp_path / "nothing.py"])


def test_a_plugin_cannot_take_a_name(tmp_path: Path, plugin: Path) -> None:
    copy = tmp_path / "again.py"
    copy.write_text(plugin.read_text())
    with pytest.raises(PluginError, match=r"again\.py: there is a learner named 'guess' already"):
        Registry([plugin, copy])


def test_a_plugin_may_bring_a_family(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        from dataclasses import dataclass
        from typing import ClassVar
        from benchmarks.tasks.sinusoid import Sinusoid

        @dataclass(frozen=True)
        class Waves(Sinusoid):
            name: ClassVar[str] = "waves"
        """,
    )
    found = Registry([path]).find("family", "waves")
    assert found.cls.__name__ == "Waves"
    assert found.code


def test_editing_a_plugin_changes_its_code(tmp_path: Path, plugin: Path) -> None:
    copy = tmp_path / "copy.py"
    copy.write_text(plugin.read_text())
    before = Registry([copy]).find("learner", "guess").code
    copy.write_text(plugin.read_text() + "\n# edited\n")
    assert Registry([copy]).find("learner", "guess").code != before


SIBLINGS = {
    "helper.py": "import deeper",
    "deeper.py": "from parts import one",
    "parts/__init__.py": "",
    "parts/one.py": "",
    "parts/two/three.py": "",
    "lazy.py": "",
}


@pytest.mark.parametrize("name", SIBLINGS)
def test_so_does_editing_what_it_imports_from_beside_it(
    tmp_path: Path, plugin: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for file, text in {**SIBLINGS, "stranger.py": ""}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    copy = tmp_path / "copy.py"
    copy.write_text(
        f"{plugin.read_text()}\n\ndef later():\n    import helper\n    from . import lazy\n"
    )
    before = code_of_file(copy)
    assert Registry([copy]).find("learner", "guess").code == before
    (tmp_path / "stranger.py").write_text("x = 1")
    assert code_of_file(copy) == before
    (tmp_path / name).write_text(f"{SIBLINGS[name]}\nx = 1")
    assert code_of_file(copy) != before


def test_a_plugin_in_a_package_is_all_of_the_package(tmp_path: Path, plugin: Path) -> None:
    alone = tmp_path / "copy.py"
    alone.write_text(plugin.read_text())
    assert code_of_file(alone) == hashlib.sha256(alone.read_bytes()).hexdigest()[:12]
    folder = tmp_path / "mine" / "learners"
    folder.mkdir(parents=True)
    for file in (folder.parent / "__init__.py", folder / "__init__.py", folder.parent / "other.py"):
        file.touch()
    copy = folder / "copy.py"
    copy.write_text(plugin.read_text())
    before = code_of_file(copy)
    (folder.parent / "other.py").write_text("x = 1")
    assert code_of_file(copy) != before


def test_built_in_classes_have_versions_and_others_the_code_of_their_package(
    tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Registry().find("learner", "mean").code == ""
    package = tmp_path / "strangers"
    package.mkdir()
    (package / "__init__.py").write_text(plugin.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    before = code_of_entry(EntryPoint("guess", "strangers:Guess", "reml.learners"))
    (package / "more.py").touch()
    after = code_of_entry(EntryPoint("guess", "strangers:Guess", "reml.learners"))
    assert before
    assert before != after


def test_build_checks_and_converts(registry: Registry) -> None:
    cls = registry.find("learner", "guess").cls
    learner = build(cls, {"scale": 0.5}, {"widths": [4, 5], "pause": 1}, "here")
    assert (learner.scale, learner.widths, learner.pause) == (0.5, (4, 5), 1.0)
    assert isinstance(learner.pause, float)
    assert plain(learner) == {
        "scale": 0.5,
        "widths": [4, 5],
        "kind": "plain",
        "pause": 1.0,
        "lift": 0.0,
    }
    assert build(cls, {"scale": 0.5}, {"scale": 2.0}, "here").scale == 2.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scal": 1.0}, r"here: unknown key 'scal'; did you mean 'scale'\?"),
        ({"scale": 0.0}, r"here: key 'scale': expected greater than 0, got 0\.0"),
        ({"scale": "1"}, r"here: key 'scale': expected a valid number, got '1'"),
        ({"widths": [1, 2.5]}, r"here: key 'widths': expected a valid integer, got 2\.5"),
        ({"kind": "odd"}, r"here: key 'kind': expected 'plain' or 'fancy', got 'odd'"),
    ],
)
def test_build_says_what_is_wrong(
    registry: Registry, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(MatrixError, match=message):
        build(registry.find("learner", "guess").cls, {}, fields, "here")


def test_build_asks_for_what_has_no_default() -> None:
    with pytest.raises(MatrixError, match="here: key 'path' is missing"):
        build(Registry().find("family", "table").cls, {}, {}, "here")
