import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.tasks.mixture import KNOWN, Mixture
from benchmarks.testing import check_family

NAMES = ("sinusoid", "square_wave", "triangle_wave", "line", "quadratic")


def sample(family, n=4000, split="test", **sizes):
    return family.sample(n, split, generator_of("mixture"), **sizes)


def component(batch):
    return batch.support.privileged["component"]


def test_the_component_is_all_that_is_privileged():
    privileged = sample(Mixture(), 7).support.privileged
    assert privileged.keys() == {"component"}
    assert privileged["component"].shape == (7, 1)
    assert privileged["component"].dtype == torch.int64


def test_all_components_are_drawn_equally_often():
    assert Mixture().components == NAMES
    share = component(sample(Mixture(), 20_000)).flatten().bincount(minlength=5) / 20_000
    assert (share - 0.2).abs().max() < 0.01


def test_components_are_drawn_by_weight():
    family = Mixture(components=("line", "sinusoid", "quadratic"), weights=(1.0, 5.0, 2.0))
    share = component(sample(family, 20_000)).flatten().bincount(minlength=3) / 20_000
    torch.testing.assert_close(share, torch.tensor([0.125, 0.625, 0.25]), atol=0.01, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_mixture_of_one_is_that_family(name):
    batch = sample(Mixture(components=(name,)), 30, shots=4)
    stream = generator_of("mixture")
    torch.rand(30, 1, generator=stream, dtype=torch.float64)  # which component
    alone = KNOWN[name].sample(30, "test", stream, shots=4)
    assert (component(batch) == 0).all()
    assert torch.equal(batch.support.y, alone.support.y)
    assert torch.equal(batch.query.y, alone.query.y)


def test_each_task_has_the_shape_its_component_says():
    """On an even grid: lines have no second difference, parabolas no third, waves have a height."""
    batch = sample(Mixture(grid=41), 300, shots=41)
    order = batch.support.x.argsort(1)
    y = batch.support.y.gather(1, order)[..., 0]
    number = component(batch)[:, 0]
    straight = y.diff(n=2).abs().amax(1) < 1e-5
    assert torch.equal(straight, number == NAMES.index("line"))
    parabolic = (y.diff(n=3).abs().amax(1) < 1e-5) & ~straight
    assert torch.equal(parabolic, number == NAMES.index("quadratic"))
    two_valued = torch.tensor([len(row.unique()) == 2 for row in y])
    assert torch.equal(two_valued, number == NAMES.index("square_wave"))
    kinks = y.diff(n=2).abs() > 1e-3 * y.abs().amax(1, keepdim=True)
    triangles = (kinks.float().mean(1) < 0.3) & ~(straight | parabolic | two_valued)
    assert torch.equal(triangles, number == NAMES.index("triangle_wave"))


def test_the_tasks_do_not_depend_on_the_number_of_shots():
    few, many = (sample(Mixture(grid=2), 40, shots=k, queries=1) for k in (2, 9))
    assert torch.equal(component(few), component(many))
    # the two ends of the grid come first, in some order
    ends = [b.support.y[:, :2].gather(1, b.support.x[:, :2].argsort(1)) for b in (few, many)]
    assert torch.equal(*ends)


def test_fixed_tasks_keep_their_components():
    batch = sample(Mixture(train_tasks=6, grid=2), 60, "train", shots=2)
    ends = batch.support.y.gather(1, batch.support.x.argsort(1))[..., 0]
    seen = {*map(tuple, torch.cat([component(batch).float(), ends], 1).tolist())}
    assert len(seen) == 6


@pytest.mark.parametrize(
    "fields", [{"components": ("line", "quadratic"), "weights": (1.0, 3.0)}, {"train_tasks": 1}]
)
def test_the_options_keep_the_laws(fields):
    checks = check_family(lambda: Mixture(**fields))
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"components": ()}, "expected at least one of the components"),
        (
            {"components": ("sinusiod",)},
            "unknown component 'sinusiod'; did you mean 'sinusoid'?",
        ),
        ({"components": ("line", "line")}, "component 'line' is named twice; give it a weight"),
        ({"weights": (1.0, 2.0)}, "expected one weight a component, got 2 for 5 components"),
        (
            {"components": ("line",), "weights": (0.0,)},
            "expected weights above 0, got 0.0",
        ),
    ],
)
def test_what_cannot_be_mixed_is_one_sentence(fields, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Mixture(**fields)
    assert str(error.value) == message
