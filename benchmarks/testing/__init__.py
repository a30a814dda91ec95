"""The public conformance kit: one small function a law, of learners, families and protocols."""

from benchmarks.testing.checks import Check
from benchmarks.testing.families import check_family
from benchmarks.testing.learners import check_learner
from benchmarks.testing.protocols import check_protocol
from benchmarks.testing.toy import Toy, ToyClasses
from benchmarks.testing.toy_learner import ToyLearner

__all__ = [
    "Check",
    "Toy",
    "ToyClasses",
    "ToyLearner",
    "check_family",
    "check_learner",
    "check_protocol",
]
