"""What a trial says while it runs."""

from collections.abc import Callable, Mapping

Report = Callable[[float, str], None]
"""Called with the fraction of the trial that is done and the latest numbers."""
Log = Callable[[int, Mapping[str, float]], None]
"""Called with the training tasks drawn so far and what the learner logged of them, by its name."""


def no_log(tasks: int, metrics: Mapping[str, float]) -> None: ...
