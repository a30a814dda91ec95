"""REML: a recurrent policy composes a network for a task out of a shared pool of layers."""

from reml.learner import REML

__all__ = ["REML"]
