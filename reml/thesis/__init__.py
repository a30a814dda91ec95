"""REML as the thesis publishes it."""

from reml.thesis.learner import Thesis

__all__ = ["Thesis"]
