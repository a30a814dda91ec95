"""How learners are tested. A protocol is one `[[protocol]]` table of a matrix file."""

from typing import Annotated, Literal

from annotated_types import Ge, MinLen
from pydantic import BaseModel, ConfigDict, field_validator

KINDS = ("few_shot",)


class FewShot(BaseModel):
    """Adapt on k support points, score on query points drawn apart, after each number of steps.

    Attributes:
        label: what tables call it; `kind` if left out.
        shots: the numbers of support points k; in classification, of each class.
        steps: the numbers of adaptation steps after which to score; 0 is before any.
        tasks: the test tasks (fewer where the split has fewer).
        queries: the query points of each task (fewer where the task has fewer).
        families: labels of the families it is for; all of them if left out.
        split: `test`, or `validation` for choosing hyper-parameters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["few_shot"]
    label: str = ""
    shots: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)]
    steps: Annotated[tuple[Annotated[int, Ge(0)], ...], MinLen(1)]
    tasks: Annotated[int, Ge(1)] = 600
    queries: Annotated[int, Ge(1)] = 100
    split: Literal["test", "validation"] = "test"
    families: Annotated[tuple[str, ...], MinLen(1)] | None = None

    @field_validator("shots", "steps")
    @classmethod
    def _ascending(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(values)))
