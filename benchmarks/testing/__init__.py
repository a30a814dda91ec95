"""The public conformance kit: `check_learner` and `check_family`, one small function a law."""

from benchmarks.testing.checks import Check
from benchmarks.testing.families import check_family
from benchmarks.testing.learners import check_learner
from benchmarks.testing.toy import Toy, ToyClasses

__all__ = ["Check", "Toy", "ToyClasses", "check_family", "check_learner"]
