"""What was there before is seen, whichever tasks it comes in."""

from benchmarks.core import generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from reml.recurrence import Recurrence


def test_points_of_an_endless_family_never_come_again() -> None:
    seen, generator = Recurrence(), generator_of("t")
    draws = [Sinusoid().sample(8, "train", generator, shots=5, queries=20) for _ in range(5)]
    assert [seen.share(it) for it in draws] == [0.0] * 5


def test_points_come_again_in_other_places_and_tasks() -> None:
    seen = Recurrence()
    batch = Sinusoid().sample(8, "train", generator_of("t"), shots=5, queries=20)
    seen.share(batch.rows(slice(0, 4)))
    assert seen.share(batch) == 0.5
    assert seen.share(batch.rows(slice(2, 6))) == 1.0


def test_padding_is_no_point() -> None:
    seen = Recurrence()
    batch = Sinusoid().sample(2, "train", generator_of("t"), shots=5, queries=20)
    batch.query.mask[:, 5:] = False
    seen.share(batch)
    batch.query.mask[:] = True
    assert seen.share(batch) == 10 / 25
