"""Results with scores that a test has written down, and rows of tables."""

from dataclasses import replace

import pandas as pd

from benchmarks.harness.store.results import Results


def with_scores(results: Results, values: dict[tuple[str, int], list[float]]) -> Results:
    """The same trials with the given scores by (learner, seed), at 5 shots and 1 step."""
    keys = results.trials.set_index(["learner", "seed"], drop=False)
    columns = ["trial", "family", "protocol", "learner", "seed", "privileged"]
    rows = [
        {**keys.loc[key, columns].to_dict(), "shots": 5, "steps": 1, "task": task}
        | {"metric": "mse", "value": value}
        for key, numbers in values.items()
        for task, value in enumerate(numbers)
    ]
    return replace(results, scores=pd.DataFrame(rows))


def row_of(text: str, learner: str) -> list[str]:
    """The cells of a learner's row in the first Markdown table."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {learner} "))
    return [cell.strip() for cell in line.strip("|").split("|")]
