"""Networks and batches that no memory could hold, known from a learner's fields alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.core.errors import MatrixError

MOST_WEIGHTS = 10**9
"""4 GB in single precision, before gradients and an optimiser's moments."""
MOST_POINTS = 10**8
"""Of all tasks of one update: hundreds of times as many numbers on their way through a network."""
MOST_WAYS = 10_000
MOST_TIMES = 100_000
"""Steps of adaptation, candidates and the like."""
LAYERS = ("hidden", "encoder", "decoder", "trunk")
WIDTHS = ("width", "policy_width", "between", "hidden", "filters")
DEPTHS = ("depth", "layers")
BATCHES = ("meta_batch", "batch_tasks")
TIMES = ("train_steps", "head_steps", "inner_steps", "epochs", "candidates", "episodes", "passes")


def demand_room_for(
    fields: Mapping[str, Any], where: str, shots: Sequence[int] = (1,), plain: bool = True
) -> None:
    """The learner's weights and a batch of its training tasks fit into memory.

    Fields are known by the names that this project's learners give them; of others nothing is
    known, and nothing said.

    Args:
        fields: all of them, as JSON knows them.
        where: what errors begin with.
        shots: of the test, for learners that train with as many.
        plain: whether to look at the network, too, and not at its batches alone.

    Raises:
        MatrixError: they do not; the sentence names the keys.
    """
    network = _of_network(fields) if plain else ()
    for told, number, most, what in (*network, *_of_batch(fields, shots)):
        if number > most:
            makes = "make" if " and " in told else "makes"
            raise MatrixError(
                f"{where}: {told} {makes} {number:,} {what}; expected at most {most:,}, so that "
                "they fit into memory and time"
            )


def demand_few_ways(fields: Mapping[str, Any], where: str) -> None:
    """A family's tasks, whose targets are one number for each class, have no more than many.

    Raises:
        MatrixError: they have.
    """
    if (ways := _number(fields.get("ways"))) > MOST_WAYS:
        raise MatrixError(
            f"{where}: key 'ways': expected at most {MOST_WAYS:,} classes, got {ways:,}"
        )


Size = tuple[str, int, int, str]


def _of_network(fields: Mapping[str, Any]) -> Iterator[Size]:
    for key in LAYERS:
        widths = _numbers(fields.get(key))
        weights = sum(a * b for a, b in zip([1, *widths], [*widths, 1], strict=True))
        yield f"key {key!r}", weights, MOST_WEIGHTS, "weights"
    deep = {key: it for key in DEPTHS if (it := _number(fields.get(key)))}
    copies = max([1, *deep.values(), sum(_numbers(fields.get("pool")))])
    for key in WIDTHS:
        width = _number(fields.get(key))
        told = " and ".join(f"key {it!r}" for it in (key, *deep))
        yield told, width * width * copies, MOST_WEIGHTS, "weights"
    yield "key 'train_ways'", _number(fields.get("train_ways")), MOST_WAYS, "classes in each task"
    for key in TIMES:
        times = _number(fields.get(key))
        yield f"key {key!r}", times, MOST_TIMES, key.replace("_", " ")


def _of_batch(fields: Mapping[str, Any], shots: Sequence[int]) -> Iterator[Size]:
    trained = fields.get("train_shots", 0)
    most = max(shots) if trained is None else max(_numbers(trained), default=0)
    queries = _number(fields.get("train_queries"))
    tasks = {key: it for key in BATCHES if (it := _number(fields.get(key)))}
    keys = [*tasks, *(it for it in ("train_shots", "train_queries") if it in fields)]
    told = " and ".join(f"key {it!r}" for it in keys)
    number = max([1, *tasks.values()]) * (most + queries)
    yield told, number, MOST_POINTS, "points in each update"


def _number(value: Any) -> int:
    """A whole number; 0 for all else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _numbers(value: Any) -> list[int]:
    """Those in a list, or the one that is there without."""
    return [_number(it) for it in (value if isinstance(value, list | tuple) else [value])]
