"""Without an optional package, what needs it says what to type, and all else runs."""

import subprocess
import sys

PROGRAM = """
import sys
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


def test_what_needs_an_optional_package_says_what_to_type() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    features = "there is no skimage, which features needs; type: pip install scikit-image"
    assert done.stdout.splitlines() == [
        features,
        features,
        "there is no statsmodels, which mixed needs; type: pip install statsmodels",
    ], done.stderr
