"""The text of a matrix that takes a second, for tests that only need one."""


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
    return head + "".join(f'\n[[learner]]\nname = "{it}"\n' for it in learners)
