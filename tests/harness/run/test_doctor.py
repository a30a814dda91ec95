"""`reml doctor` tells what is there, what is missing and how to get it."""

import sys
from importlib.metadata import version

import pytest

from benchmarks.harness.run import doctor


def test_versions_and_speeds_are_shown() -> None:
    text = doctor.examine(seconds=0.05)
    assert f"torch              {version('torch')}" in text
    for name in doctor.PROBES:
        assert f"  {name}" in text
    assert text.count("tasks a second") >= 3


def test_what_is_missing_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.PACKAGES, "no-such-package", "pip install it")
    assert "no-such-package    missing: pip install it" in doctor.examine(seconds=0.02)


def test_a_learner_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [it for it in sys.modules if it.startswith("baselines.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "learn2learn", None)
    text = doctor.examine(seconds=0.02)
    assert "learner maml: there is no learn2learn" in text
    assert "pip install --no-deps learn2learn" in text
    assert "reml " in text
