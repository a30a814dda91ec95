"""RecurrentPPO and PPO as composers: what they see and what they say."""

import io
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.core import TaskBatch, generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from reml.env import ComposeEnv
from reml.inner.observation import Observation
from reml.inner.pool import LayerPool
from reml.sb3.env import ComposeVecEnv, rarity_of
from reml.sb3.policy import Kind, Layout, Sb3Composer

CHOICES = (3, 2, 5, 5)
KINDS: tuple[Kind, ...] = get_args(Kind)


def _batch(tasks: int, shots: int = 4, seed: int = 0) -> TaskBatch:
    return Sinusoid().sample(tasks, "train", generator_of("sb3", seed), shots=shots, queries=6)


def _points(batch: TaskBatch) -> Tensor:
    return torch.cat([batch.support.x, batch.support.y], 2)


def _composer(kind: Kind) -> Sb3Composer:
    composer = Sb3Composer(kind, 1, 1, CHOICES, 8, 6, generator_of("policy"))
    composer.standardise(_batch(50).support)
    with torch.no_grad():  # sb3 starts with nearly equal scores, which would hide mistakes
        composer.policy.get_parameter("action_net.weight").mul_(100)
    return composer


def _env() -> ComposeEnv:
    pool = LayerPool(1, 1, 8, (3, 5, 2), 4, 0.01, generator_of("pool"))
    return ComposeEnv(pool, steps=0, unadapted_weight=0.4, max_norm=10.0, gradients="second_order")


def _seen(points: Tensor, decision: int, previous: Tensor | None = None) -> Observation:
    """An observation whose partial networks predict something."""
    if previous is None:
        previous = torch.zeros(len(points), dtype=torch.long)
    outputs = (points[..., :1] + decision).sin()
    return Observation(points, decision, previous, outputs)


def _logits(composer: Sb3Composer, points: Tensor, choices: Tensor) -> Tensor:
    """Logits of all decisions side by side, when these are the choices made."""
    memory, previous, out = None, torch.zeros(len(points), dtype=torch.long), []
    for decision in range(len(CHOICES)):
        logits, memory = composer.logits(_seen(points, decision, previous), memory)
        previous = choices[:, decision]
        out.append(logits)
    return torch.cat(out, 1)


MADE = torch.tensor([[0, 1, 3, 2], [2, 0, 0, 0], [1, 1, 2, 4]])


def test_a_row_holds_the_points_then_the_decision_then_the_choices() -> None:
    layout = Layout(1, 1, (3, 2), 3)
    points, outputs = torch.tensor([[[0.5, 2.0], [0.1, 3.0]]]), torch.tensor([[[7.0], [8.0]]])
    history = layout.remember(None, Observation(points, 0, torch.tensor([0]), outputs))
    seen = Observation(points, 1, torch.tensor([2]), outputs)
    history = layout.remember(history, seen)
    seen_points = [0.5, 2.0, 7.0, 1.0, 0.1, 3.0, 8.0, 1.0]
    tail = [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    row = layout.rows(seen, history, padded=True)
    torch.testing.assert_close(row, torch.tensor([[*seen_points, 0.0, 0.0, 0.0, 0.0, *tail]]))
    assert layout.space.shape == row.shape[1:]
    short = layout.rows(seen, history, padded=False)
    torch.testing.assert_close(short, torch.tensor([seen_points + tail]))


def test_an_action_is_the_allowed_option_with_its_number_from_the_start_again() -> None:
    seen = _seen(_points(_batch(3)), 2)
    layout = Layout(1, 1, (2, 5, 4), 6)
    assert layout.meaning(seen).tolist() == [[0, 1, 2, 3, 0]] * 3
    allowed = torch.tensor([[True] * 4, [False, True, False, True], [False, False, False, True]])
    meaning = layout.meaning(seen._replace(allowed=allowed))
    assert meaning.tolist() == [[0, 1, 2, 3, 0], [1, 3, 1, 3, 1], [3] * 5]


@pytest.mark.parametrize("kind", KINDS)
def test_options_that_are_not_allowed_are_out_of_reach(kind: Kind) -> None:
    composer, seen = _composer(kind), _seen(_points(_batch(3)), 0)
    allowed = torch.tensor([[True] * 3, [False, True, True], [False, False, True]])
    free, _ = composer.logits(seen, None)
    torch.testing.assert_close(free.exp().sum(1), torch.ones(3))
    bound, _ = composer.logits(seen._replace(allowed=allowed), None)
    assert (bound[~allowed] < -60).all()
    torch.testing.assert_close(bound.exp().sum(1), torch.ones(3))
    torch.testing.assert_close(bound[0], free[0])


def test_more_points_than_a_row_has_room_for_is_an_error() -> None:
    seen = _seen(_points(_batch(2, shots=7)), 0)
    layout = Layout(1, 1, CHOICES, 6)
    with pytest.raises(ValueError, match="expected at most 6 support points, got 7"):
        layout.rows(seen, layout.remember(None, seen), padded=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_points_and_the_padding_do_not_matter(kind: Kind) -> None:
    composer = _composer(kind)
    points = _points(_batch(3))
    shuffled = points[:, torch.tensor([3, 0, 1, 2])]
    expected = _logits(composer, points, MADE)
    torch.testing.assert_close(_logits(composer, shuffled, MADE), expected)
    extractor = composer.policy.features_extractor
    seen = _seen(points, 0)
    history = composer.layout.remember(None, seen)
    padded, short = (composer.layout.rows(seen, history, padded=p) for p in (True, False))
    assert padded.shape[1] > short.shape[1]
    torch.testing.assert_close(extractor(padded), extractor(short))


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_points_and_tasks_alone_or_together(kind: Kind) -> None:
    composer = _composer(kind)
    for shots in (1, 6, 20):
        points = _points(_batch(3, shots))
        together = _logits(composer, points, MADE)
        alone = [_logits(composer, points[i : i + 1], MADE[i : i + 1]) for i in range(3)]
        torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_depend_on_the_points_the_outputs_and_all_choices_so_far(kind: Kind) -> None:
    composer, points = _composer(kind), _points(_batch(3))
    base = _logits(composer, points, MADE)
    seen = _seen(points, 0)
    other_outputs, _ = composer.logits(seen._replace(outputs=seen.outputs + 1), None)
    assert not torch.allclose(base[:, :3], other_outputs)
    assert not torch.allclose(base, _logits(composer, -points, MADE))
    other = MADE.clone()
    other[:, 0] = (other[:, 0] + 1) % 3
    changed = (base - _logits(composer, points, other)).abs()
    assert changed[:, :3].max() == 0
    assert (changed[:, 10:].amax(1) > 1e-6).all()


@pytest.mark.parametrize("kind", KINDS)
def test_at_test_the_policy_says_what_it_says_in_training(kind: Kind) -> None:
    """The composer's scores are those of the library's own forward pass through an episode."""
    composer, batch = _composer(kind), _batch(3)
    env = ComposeVecEnv(_env(), composer, batch, lambda: None, lambda *_: None, rarity=lambda: 0.0)
    rows: Any = env.reset()
    policy: Any = composer.policy
    empty = torch.zeros(1, 3, 8)
    state, start = (empty, empty), torch.ones(3)
    check, memory = _env(), None
    observation = check.reset(batch)
    for decision, size in enumerate(CHOICES):
        expected, memory = composer.logits(observation, memory)
        seen = torch.as_tensor(rows)
        if kind == "recurrent_ppo":
            distribution, state = policy.get_distribution(seen, state, start)
        else:
            distribution = policy.get_distribution(seen)
        probability = torch.zeros(3, size)
        for action in range(5):  # an action counts as the choice with its number modulo the bank
            probability[:, action % size] += distribution.distribution.probs[:, action]
        torch.testing.assert_close(expected.exp(), probability)
        rows, _, done, _ = env.step(MADE[:, decision].numpy())
        observation = check.step(MADE[:, decision]).observation
        start = torch.zeros(3)
    assert done.all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_is_tensors_and_complete(kind: Kind) -> None:
    composer, points = _composer(kind), _points(_batch(3))
    file = io.BytesIO()
    torch.save(composer.state_dict(), file)
    file.seek(0)
    other = Sb3Composer(kind, 1, 1, CHOICES, 8, 6, torch.Generator())
    assert not torch.equal(_logits(other, points, MADE), _logits(composer, points, MADE))
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(_logits(other, points, MADE), _logits(composer, points, MADE))


def test_rarity_is_the_log_of_the_share() -> None:
    paid = rarity_of(torch.tensor([0, 0, 0, 2]))
    torch.testing.assert_close(paid, -torch.log(torch.tensor([0.75, 0.75, 0.75, 0.25])))


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_environment_pays_what_the_process_pays_and_the_bonus(weight: float) -> None:
    batch, following = _batch(3), _batch(3, shots=6, seed=1)
    heard: list[tuple[TaskBatch, Tensor]] = []
    composer, process = _composer("ppo"), _env()
    env = ComposeVecEnv(
        process,
        composer,
        batch,
        lambda: following,
        lambda batch, reward: heard.append((batch, reward)),
        rarity=lambda: weight,
    )
    actions = MADE + torch.tensor([0, 2, 0, 0])  # 2 and 3 mean 0 and 1 in a bank of two
    env.reset()
    for decision in range(4):
        rows, reward, done, infos = env.step(actions[:, decision].numpy())
        bonus = weight * rarity_of(MADE[:, decision])
        if decision < 3:
            np.testing.assert_allclose(reward, bonus)
            assert not done.any()
    check = _env()
    check.reset(batch)
    for choice in MADE.unbind(1):
        expected = check.step(choice).reward
    assert heard[0][0] is batch
    torch.testing.assert_close(heard[0][1], expected)
    np.testing.assert_allclose(reward, expected + bonus, rtol=1e-5)
    assert done.all()
    assert len(infos) == 3
    first = composer.layout.remember(None, seen := check.reset(following))
    np.testing.assert_array_equal(rows, composer.layout.rows(seen, first, padded=True))


def test_the_environment_is_over_when_the_batches_are() -> None:
    env = ComposeVecEnv(
        _env(), _composer("ppo"), _batch(3), lambda: None, lambda *_: None, rarity=lambda: 0.0
    )
    env.reset()
    for decision in range(4):
        assert not env.over
        env.step(MADE[:, decision].numpy())
    assert env.over
    with pytest.raises(RuntimeError, match="all batches have been played"):
        env.step(MADE[:, 0].numpy())
