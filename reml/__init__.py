"""REML: a recurrent policy composes a network for a task out of a shared pool of layers."""

import gym_notices.notices

from reml.learner import REML

# stable-baselines3 imports gym where it finds it (learn2learn needs it), and gym then advertises
# gymnasium on every start.
gym_notices.notices.notices.clear()

__all__ = ["REML"]
