"""Each law catches a learner that breaks it."""

from pathlib import Path
from runpy import run_path

import pytest

from benchmarks.testing import ToyLearner, check_learner
from benchmarks.testing.cases import Case
from benchmarks.testing.checks import run_laws
from benchmarks.testing.learners import LAWS_BY_KIND

MODULES = [
    run_path(str(path), run_name=path.stem)
    for path in sorted(Path(__file__).with_name("offenders").glob("*.py"))
]
NAMES = {name: it for module in MODULES for name, it in module.items()}
OFFENDERS = {law: it for module in MODULES for law, it in module["OFFENDERS"].items()}
CLASSES = " (classes)"


def broken(make):
    return {check.name: check.message for check in check_learner(make) if not check.passed}


def test_a_good_learner_passes():
    checks = check_learner(ToyLearner)
    assert [check.message for check in checks if not check.passed] == []
    assert len(checks) == len(LAWS_BY_KIND["regression"])
    assert all(check.name and check.message.endswith(".") for check in checks)


def test_a_learner_of_both_kinds_passes_on_both():
    checks = check_learner(NAMES["Both"])
    assert [check.message for check in checks if not check.passed] == []
    assert len(checks) == sum(len(laws) for laws in LAWS_BY_KIND.values())
    assert len({check.name for check in checks}) == len(checks)


@pytest.mark.parametrize("learner", [it for module in MODULES for it in module["LAW_ABIDING"]])
def test_a_learner_may_be_like_this(learner):
    assert not broken(learner)


def test_a_learner_may_declare_a_need():
    class Informed(NAMES["ReadsTheIntercept"]):
        needs = frozenset({"hidden"})

    assert not broken(Informed)


def test_every_law_has_an_offender():
    laws = {law.__name__.replace("_", " ") for laws in LAWS_BY_KIND.values() for law in laws}
    assert laws == {name.removesuffix(CLASSES) for name in OFFENDERS}


@pytest.mark.parametrize(
    ("law", "offender"),
    [(law, offender) for law, offenders in OFFENDERS.items() for offender in offenders],
)
def test_an_offender_is_caught(law, offender):
    """By the law alone, whatever others say of it."""
    kind = "classification" if law.endswith(CLASSES) else "regression"
    name = law.removesuffix(CLASSES).replace(" ", "_")
    (only,) = (it for it in LAWS_BY_KIND[kind] if it.__name__ == name)
    (check,) = run_laws([only], Case(offender, kind))
    assert not check.passed


def test_numbers_that_mean_something_are_named():
    broke = broken(NAMES["TakesPlainNumbersToBeInOrder"])
    (message,) = broke.values()
    assert broke.keys() == {"numbers of classes mean nothing (classes)"}
    assert message.startswith("plain numbers: accuracy after 0 steps changes by -0.")


def test_a_learner_that_cannot_be_constructed_fails_every_law():
    class Broken(ToyLearner):
        def __init__(self):
            raise RuntimeError("no")

    assert len(broken(Broken)) == len(LAWS_BY_KIND["regression"])
    assert broken(Broken)["fit forgets"] == "raised RuntimeError: no"
