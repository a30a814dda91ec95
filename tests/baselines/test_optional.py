"""Without an optional package, what needs it says what to type, and all else runs."""

from pathlib import Path

from warm import Command

PROGRAM = """
import sys
assert not {"statsmodels", "skimage"} & sys.modules.keys()
sys.modules["statsmodels"] = sys.modules["skimage"] = None
from benchmarks.core.errors import MissingDependency
from benchmarks.harness.plan.registry import Registry
registry = Registry()
for name in registry.names("learner"):
    try:
        registry.find("learner", name)
    except MissingDependency as error:
        print(error)
"""


def test_what_needs_an_optional_package_says_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    with Command([], tmp_path, script=tmp_path / "program.py") as running:
        assert running.wait(120) == 0, running.complained
        said = running.said
    features = "there is no skimage, which features needs; type: pip install scikit-image"
    assert said.splitlines() == [
        features,
        features,
        "there is no statsmodels, which mixed needs; type: pip install statsmodels",
    ]
