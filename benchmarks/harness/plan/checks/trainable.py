"""Whether learners can draw the training tasks they want, asked before anything is trained."""

from collections.abc import Mapping
from typing import Any

from benchmarks.core import generator_of
from benchmarks.core.budget import allowed_shots, shot_range
from benchmarks.core.errors import DataError
from benchmarks.core.protocol import Protocol
from benchmarks.harness.plan.checks.effects import QUERIES, SHOTS, test_shots
from benchmarks.harness.plan.checks.sizes import demand_room_for
from benchmarks.harness.plan.fields import blamed, plain
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.resolved import Resolved

WAYS = "train_ways"


def demand_trainable(
    matrix: Matrix, family: Resolved, protocol: Protocol, learner: Resolved
) -> None:
    """A learner's training tasks of classes can be drawn: one of the fewest and most shots each.

    Of all kinds, a batch of them fits into memory.

    Raises:
        MatrixError: it does not.
        DataError: the training split has too few classes, or too few points in them; says which key
            of the learner to change.
    """
    where = f"{matrix.path}: learner {learner.entry.label!r} on family {family.entry.label!r}"
    demand_room_for(plain(learner.built), where, protocol.shots, plain=False)
    fields: dict[str, Any] = {key: getattr(learner.built, key, None) for key in (SHOTS, WAYS)}
    if family.kind != "classification" or not hasattr(learner.built, QUERIES):
        return
    if isinstance(fields[SHOTS], bool):  # it means something else by it
        return
    ways: dict[str, int] = {} if fields[WAYS] is None else {"ways": fields[WAYS]}
    built = family.built
    with blamed(type(built), where):
        span = shot_range(fields[SHOTS], test_shots(protocol))
        for shots in sorted({allowed_shots(built, it) for it in span}):
            if not ways and built.size("train", shots) != 0:
                continue
            try:
                built.sample(1, "train", generator_of("trainable"), shots=shots, queries=1, **ways)
            except DataError as error:
                raise DataError(f"{where}: {error}; {_help(fields)}") from None


def _help(fields: Mapping[str, Any]) -> str:
    """Which keys to change, and what they are now."""
    tried = [(key, it) for key, it in fields.items() if it is not None]
    if not tried:
        return f"the key {SHOTS!r} sets fewer shots for training than the test has"
    now = " or ".join(f"{key!r} (now {_shown(it)})" for key, it in tried)
    return f"a smaller {now} would do"


def _shown(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
