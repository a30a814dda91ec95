"""Which learner the verdict would use on new tasks."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.core.errors import StoreError, UserError
from benchmarks.harness.store.results import Results
from benchmarks.report.findings.advice import Advice, advise
from benchmarks.report.scores.summary import summarise


def candidates(results: Results, directory: Path, family: str | None = None) -> list[Advice]:
    """The advice for each number of shots, those alike being one.

    Args:
        results: of which trials.
        directory: what messages call them.
        family: what is to be learned, where there are several.

    Raises:
        StoreError: no learner can be ranked.
        UserError: there are several families and none is named.
    """
    advice = [
        it
        for comparison in summarise(results)
        for it in advise(comparison)
        if it.use and family in (None, it.family)
    ]
    if not advice:
        raise StoreError(
            f"{directory}: no learner can be ranked, so none is the best; name one of "
            f"{', '.join(results.order)}"
        )
    families = list(dict.fromkeys(it.family for it in advice))
    if len(families) > 1:
        several = ", ".join(map(repr, families))
        raise UserError(f"{directory}: learners were trained on {several}; name a family")
    few = [it for it in advice if results.protocols[it.protocol].get("kind") == "few_shot"]
    return [it for it in advice if it.protocol == (few or advice)[0].protocol]


def nearest_shots(advice: Sequence[Advice], shots: int) -> Advice:
    """The one for the number of shots that is nearest; the fewest of equally near ones."""
    return min(advice, key=lambda it: min((abs(known - shots), known) for known in it.shots))
