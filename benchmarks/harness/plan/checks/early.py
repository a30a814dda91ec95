"""What can be wrong with a matrix and is seen without torch, which takes seconds to import."""

from collections.abc import Iterator

from benchmarks.core.errors import PluginError
from benchmarks.harness.plan.checks.sizes import demand_few_ways, demand_room_for
from benchmarks.harness.plan.fields import build, plain
from benchmarks.harness.plan.matrix import Entry, Matrix
from benchmarks.harness.plan.registry import Kind, Registry


def demand_known(matrix: Matrix, registry: Registry) -> None:
    """There are the learners and families that a matrix names, and they have the keys it sets.

    `expand` looks at everything again, and at what takes the data or the classes themselves.

    Raises:
        UserError: what is wrong.
    """
    file = str(matrix.path)
    for kind, entry in _named(matrix):
        where = f"{file}: {kind} {entry.called}"
        found = registry.outline(kind, entry.name, file)
        try:
            built = build(found.cls, found.preset, entry.fields, where)
        except PluginError:
            continue  # the class itself may do better than its outline
        demand = demand_room_for if kind == "learner" else demand_few_ways
        demand(plain(built), where)


def _named(matrix: Matrix) -> Iterator[tuple[Kind, Entry]]:
    for family in matrix.families:
        yield "family", family
    for learner in matrix.learners:
        yield "learner", learner
    for protocol in matrix.protocols:
        if (reference := protocol.compared_with) is not None:
            fields = {key: it for key, it in reference.items() if key != "name"}
            yield "learner", Entry(name := str(reference["name"]), name, fields)
