import numpy as np
import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.tasks.pictures import Pictures, cut, draw_distinct, shuffled


def pictures(*counts, image=(1, 2, 2)):
    """Class c has `counts[c]` pictures; the first pixel is the class, the second the picture."""
    classes = {}
    for number, count in enumerate(counts):
        pixels = np.zeros((count, 4), np.uint8)
        pixels[:, 0], pixels[:, 1] = number, np.arange(count)
        classes[f"class {number:02}"] = pixels
    return Pictures.stacked(classes, image, ink=1)


def drawn(points):
    """The class and the number of every picture."""
    return points[..., 0].long(), points[..., 1].long()


@pytest.mark.parametrize("sizes", [[3, 5], [[4], [50]]])
def test_numbers_are_distinct_and_below_the_size(sizes):
    sizes = torch.tensor(sizes)
    numbers = draw_distinct(sizes, 3, generator_of("distinct"))
    assert numbers.shape == (*sizes.shape, 3)
    assert bool((numbers < sizes.unsqueeze(-1)).all())
    for row in numbers.flatten(0, -2):
        assert len(set(row.tolist())) == 3


def test_every_order_of_numbers_is_as_likely():
    numbers = draw_distinct(torch.full((24_000,), 4), 3, generator_of("likely"))
    _, times = numbers.unique(dim=0, return_counts=True)
    assert len(times) == 24
    assert bool(((times - 1000).abs() < 5 * 1000**0.5).all())


def test_all_numbers_can_be_drawn():
    assert draw_distinct(torch.tensor([6]), 6, generator_of(0))[0].sort().values.tolist() == list(
        range(6)
    )


def test_a_task_is_pictures_of_its_classes():
    batch = pictures(*[9] * 12).tasks(200, 4, 2, 12, generator_of("tasks"))
    ids = batch.support.privileged["class"]
    assert ids.shape == (200, 4)
    assert len(ids.unique()) == 12
    support_class, support_number = drawn(batch.support.x)
    query_class, query_number = drawn(batch.query.x)
    assert torch.equal(ids.gather(1, batch.support.y.argmax(2)), support_class)
    assert torch.equal(ids.gather(1, batch.query.y.argmax(2)), query_class)
    assert batch.support.y.sum(1).unique().tolist() == [2.0]
    assert batch.query.y.sum(1).unique().tolist() == [3.0]
    for task in range(200):
        shown = set(zip(support_class[task].tolist(), support_number[task].tolist(), strict=True))
        asked = set(zip(query_class[task].tolist(), query_number[task].tolist(), strict=True))
        assert (len(shown), len(asked)) == (8, 12)
        assert not shown & asked


def test_every_picture_is_drawn_as_often():
    batch = pictures(4, 4, 4).tasks(6000, 2, 1, 2, generator_of("often"))
    for points in (batch.support.x, batch.query.x):
        _, times = torch.stack(drawn(points), 2).flatten(0, 1).unique(dim=0, return_counts=True)
        assert len(times) == 12
        assert bool(((times - 1000).abs() < 5 * 1000**0.5).all())


@pytest.mark.parametrize(
    ("shots", "queries", "each"), [(1, 9, 3), (1, 11, 3), (1, 2, 1), (4, 300, 4), (6, 300, 2)]
)
def test_the_smallest_usable_class_limits_the_queries(shots, queries, each):
    batch = pictures(8, 20, 12, 1).tasks(50, 3, shots, queries, generator_of(0))
    assert batch.query.y.shape == (50, 3 * each, 3)
    assert bool(batch.query.mask.all())
    assert batch.support.privileged["class"].unique().tolist() == [0, 1, 2]  # not the last


def test_the_same_classes_come_at_every_k():
    many = pictures(*[20] * 30)
    one, five = (
        many.tasks(10, 5, shots, 25, generator_of("paired")).support.privileged["class"]
        for shots in (1, 5)
    )
    assert torch.equal(one, five)


def test_pixels_go_from_nothing_to_ink():
    pixels = np.array([[0, 8, 16, 4]], np.uint8).repeat(3, 0)
    two = Pictures.stacked({"a": pixels, "b": pixels}, (1, 2, 2), ink=16)
    x = two.tasks(1, 2, 1, 2, generator_of(0)).support.x
    assert x.dtype == torch.float32
    assert x[0, 0].tolist() == [0.0, 0.5, 1.0, 0.25]


def test_turned_pictures_are_classes_of_their_own():
    a, b = np.random.default_rng(0).integers(0, 255, (2, 3, 2, 4, 4), dtype=np.uint8)
    upright = Pictures.stacked({"a": a, "b": b, "c": a}, (2, 4, 4)).only(["b", "a"])
    turned = upright.turned()
    assert turned.names == ("b", "a", "b 90°", "a 90°", "b 180°", "a 180°", "b 270°", "a 270°")
    for number, name in enumerate(turned.names):
        first = int(turned.first[number])
        assert int(turned.count[number]) == 3
        expected = np.rot90({"a": a, "b": b}[name[0]], number // 2, (2, 3))
        found = turned.pixels[first : first + 3].unflatten(1, (2, 4, 4)).numpy()
        assert np.array_equal(found, expected), name


def test_the_digest_is_of_pixels_and_names():
    one = pictures(2, 3)
    renamed = Pictures(one.pixels, one.first, one.count, ("a", "b"), one.image, one.ink)
    other = Pictures(one.pixels + 1, one.first, one.count, one.names, one.image, one.ink)
    assert one.digest() == pictures(2, 3).digest()
    assert len({one.digest(), renamed.digest(), other.digest(), pictures(3, 2).digest()}) == 4


def test_splits_depend_on_the_names_and_the_seed_alone():
    names = [f"class {i}" for i in range(20)]
    sizes = {"train": 12, "validation": 3, "test": 5}
    splits = cut(names, 0, sizes)
    assert splits == cut(names[::-1], 0, sizes)
    assert {split: len(found) for split, found in splits.items()} == sizes
    assert sorted(name for found in splits.values() for name in found) == sorted(names)
    assert splits != cut(names, 1, sizes)
    assert shuffled(names, 0) != sorted(names)
