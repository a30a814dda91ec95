"""The text of matrices that take a second, for tests that only need one."""

ONE_AND_TWO = """
[[family]]
name = "sinusoid"
label = "one"
amplitude_low = 1.0
amplitude_high = 1.0
phase_high = 0.0

[[family]]
name = "sinusoid"
label = "two"
amplitude_low = 2.0
amplitude_high = 2.0
phase_high = 0.0
"""
"""Families `one` and `two`: sinusoids of that amplitude, and no phase."""


def tiny(*learners: str, seeds: int = 1, steps: str = "[0, 1]", tasks: int = 10) -> str:
    """Sinusoids with two support points, and these learners."""
    head = f"""
name = "tiny"
seeds = {seeds}

[budget]
tasks = 20

[[protocol]]
kind = "few_shot"
shots = [2]
steps = {steps}
tasks = {tasks}
queries = 5

[[family]]
name = "sinusoid"
"""
    return head + _rows(learners)


def classes(*learners: str, seeds: int) -> str:
    """Digits, three ways with one picture of each, and these learners."""
    head = f"""
name = "classes"
seeds = {seeds}

[budget]
tasks = 8

[[protocol]]
kind = "few_shot"
shots = [1]
steps = [0, 1]
tasks = 10
queries = 6

[[family]]
name = "digits"
"""
    return head + _rows(learners)


def _rows(learners: tuple[str, ...]) -> str:
    return "".join(f'\n[[learner]]\nname = "{it}"\n' for it in learners)
