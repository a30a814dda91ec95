"""The thesis's pool, its building sites, its reward and its environment, by hand."""

import numpy as np
import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, Support, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from reml.thesis.building import Building, task_information
from reml.thesis.env import ERROR, Normaliser, Rules, ThesisEnv
from reml.thesis.pool import AdamTraining, ThesisPool, run
from reml.thesis.reward import RewardScale, calibrate

NAMES = ["amplitude", "phase"]


def a_pool(depth=4, sizes=(2, 3, 2), width=6):
    """Input layers are 0 and 1, output layers 2 and 3, hidden layers 4, 5 and 6."""
    return ThesisPool(1, 1, width, sizes, depth, generator_of("pool"))


def tasks(n, shots=5):
    return Sinusoid().sample(n, "train", generator_of("tasks"), shots=shots, queries=7)


def a_building(n, pool=None):
    support = tasks(n).support
    return Building(pool or a_pool(), support, task_information(support, NAMES))


class TestPool:
    def test_gathered_networks_are_those_named(self):
        pool, x = a_pool(), torch.rand(2, 5, 1)
        layers = torch.tensor([[0, 3, 6, 4], [1, 2, 4, 5]])
        batched = run(pool.gather(layers), x)
        for row in range(2):
            first, last, *hidden = layers[row].tolist()
            h = x[row]
            banks = pool.banks
            for bank, index in ((banks[0], first), *((banks[2], i - 4) for i in hidden)):
                h = torch.relu(h @ bank.weight[index] + bank.bias[index])
            y = h @ banks[1].weight[last - 2] + banks[1].bias[last - 2]
            torch.testing.assert_close(batched[row], y)

    def test_write_back_is_the_mean_of_the_copies_and_leaves_the_rest(self):
        pool, before = a_pool(), a_pool()
        layers = torch.tensor([[0, 2, 4, 5], [0, 3, 5, 6]])
        weights = [w + torch.tensor([1.0, 3.0]).view(2, 1, 1) for w in pool.gather(layers)]
        pool.write_back(layers, weights)
        moved = {0: 2.0, 1: 0.0, 2: 1.0, 3: 3.0, 4: 1.0, 5: 2.0, 6: 3.0}
        for bank, old, first in zip(pool.banks, before.banks, pool.first, strict=True):
            for index in range(len(bank.weight)):
                by = moved[first + index]
                torch.testing.assert_close(bank.weight[index], old.weight[index] + by)
                torch.testing.assert_close(bank.bias[index], old.bias[index] + by)

    def test_write_back_of_one_task_is_what_was_gathered(self):
        pool, before = a_pool(), a_pool()
        layers = torch.tensor([[1, 2, 6, 4]])
        pool.write_back(layers, pool.gather(layers))
        for a, b in zip(pool.state_dict().values(), before.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b)

    def test_a_network_of_two_layers(self):
        pool = a_pool(depth=2)
        layers = pool.random_layers(9, generator_of("r"))
        assert layers.shape == (9, 2)
        pool.write_back(layers, pool.gather(layers))
        assert len(pool.gather(layers)) == 4

    def test_random_layers_fit(self):
        layers = a_pool().random_layers(500, generator_of("r"))
        assert set(layers[:, 0].tolist()) == {0, 1}
        assert set(layers[:, 1].tolist()) == {2, 3}
        assert set(layers[:, 2:].flatten().tolist()) == {4, 5, 6}
        assert (layers[:, 2] != layers[:, 3]).all()

    def test_adam_on_many_tasks_is_adam_on_each(self):
        pool, batch = a_pool(), tasks(4)
        layers = pool.random_layers(4, generator_of("r"))
        together = AdamTraining(pool.gather(layers), 0.01)
        together.train(batch.support.x, batch.support.y, 3)
        for row in range(4):
            alone = [w[row].clone().requires_grad_() for w in pool.gather(layers)]
            optimiser = torch.optim.Adam(alone, 0.01, fused=False)
            for _ in range(3):
                optimiser.zero_grad()
                y = run([w.unsqueeze(0) for w in alone], batch.support.x[row : row + 1])
                task_mse(y, batch.support.y[row : row + 1]).sum().backward()
                optimiser.step()
            for a, b in zip(together.snapshot(), alone, strict=True):
                torch.testing.assert_close(a[row], b.detach(), atol=1e-5, rtol=1e-4)


class TestBuilding:
    def test_what_does_not_fit_changes_nothing(self):
        building = a_building(5)
        seen = building.observation()
        assert not building.add(torch.tensor([2, 3, 4, 5, 6])).any()
        assert torch.equal(building.observation(), seen)
        assert building.add(torch.zeros(5, dtype=torch.long)).all()
        assert building.add(torch.tensor([2, 3, 2, 0, 4])).tolist() == [1, 1, 1, 0, 0]
        assert building.add(torch.tensor([4, 2, 0, 3, 1])).tolist() == [1, 0, 0, 1, 0]
        assert building.stage.tolist() == [3, 2, 2, 2, 1]
        assert building.add(torch.tensor([4, 4, 4, 4, 4])).tolist() == [0, 1, 1, 1, 0]
        assert building.layers[0].tolist() == [0, 2, 4, -1]

    def test_the_loss_so_far_is_that_of_the_network_so_far(self):
        """Rows at different stages, each against its own network run alone."""
        pool = a_pool(depth=5)
        building = a_building(4, pool)
        torch.testing.assert_close(building.loss, (building.y**2).mean((1, 2)))
        for choice in ([0, 1, 0, 1], [2, 3, 6, 2], [5, 4, 3, 6], [6, 0, 4, 5]):
            building.add(torch.tensor(choice))
        assert building.stage.tolist() == [4, 3, 3, 4]
        for row, stage in enumerate(building.stage.tolist()):
            short = ThesisPool(1, 1, 6, (2, 3, 2), stage, generator_of("pool"))
            network = short.gather(building.layers[row : row + 1, :stage])
            y = run(network, building.x[row : row + 1])
            torch.testing.assert_close(building.loss[row : row + 1], task_mse(y, building.y[[row]]))
            torch.testing.assert_close(building.peak[row], y.abs().max())

    def test_rows_together_are_rows_alone(self):
        support = tasks(6).support
        choices = [torch.randint(7, (6,), generator=generator_of("c", i)) for i in range(12)]
        pool = a_pool()
        together = Building(pool, support, task_information(support, NAMES))
        alone = [
            Building(pool, part, task_information(part, NAMES))
            for part in (support.rows(slice(i, i + 1)) for i in range(6))
        ]
        for drawn in choices:
            choice = torch.where(together.stage < 4, drawn, 0)
            together.add(choice)
            for row, building in enumerate(alone):
                building.add(choice[row : row + 1])
        each = torch.cat([building.observation() for building in alone])
        torch.testing.assert_close(together.observation(), each)

    def test_restarted_rows_are_new_and_the_others_stay(self):
        building = a_building(3)
        building.add(torch.zeros(3, dtype=torch.long))
        kept = building.observation()
        fresh = tasks(9).support.rows(torch.tensor([7, 8]))
        information = task_information(fresh, NAMES)
        building.restart(torch.tensor([0, 2]), fresh, information)
        new = Building(a_pool(), fresh, information).observation()
        assert torch.equal(building.observation()[1], kept[1])
        assert torch.equal(building.observation()[[0, 2]], new)


class TestReward:
    scale = RewardScale(
        torch.tensor([[0.0], [10.0]]), torch.tensor([1.0, 0.0]), torch.tensor([3.0, 10.0])
    )

    def test_scaled_by_the_nearest_task(self):
        information, loss = torch.tensor([[0.0], [4.0], [6.0], [0.0]]), torch.full((4,), 2.0)
        scaled = self.scale.scaled(information, loss)
        torch.testing.assert_close(scaled, torch.tensor([0.5, 0.5, 0.8, 0.5]))

    def test_layers_that_only_adam_saved_earn_less(self):
        information = torch.zeros(4, 1)
        before, after = torch.tensor([1.0, 2.0, 3.0, 9.0]), torch.ones(4)
        reward = self.scale.reward(information, before, after)
        torch.testing.assert_close(reward, torch.tensor([1.0, 0.5, 0.0, 0.0]))

    def test_bad_twice_earns_nothing(self):
        """In the author's code two negative factors make a large reward."""
        bad = torch.tensor([50.0])
        assert self.scale.reward(torch.zeros(1, 1), bad, bad) == 0

    def test_calibration_keeps_the_extremes_of_each_task_and_changes_no_layer(self):
        pool = a_pool()
        batch = Sinusoid(train_tasks=3).sample(12, "train", generator_of("c"), queries=6)
        information = task_information(batch.support, NAMES)
        scale = calibrate(pool, batch, information, 0.01, 3, generator_of("g"))
        assert len(scale.information) == 3
        assert (scale.low < scale.high).all()
        assert (scale.low > 0).all()
        for a, b in zip(pool.state_dict().values(), a_pool().state_dict().values(), strict=True):
            assert torch.equal(a, b)


def test_nearly_equal_tasks_keep_their_own_scale():
    information = 5000 + torch.arange(40.0).unsqueeze(1) / 100
    scale = RewardScale(information, torch.zeros(40), torch.arange(1.0, 41.0))
    scaled = scale.scaled(information, torch.full((40,), 0.5))
    torch.testing.assert_close(scaled, 1 - 0.5 / torch.arange(1.0, 41.0))


def an_env(budget=100, rows=3, longest=6, pool=None):
    pool = pool or a_pool()
    needs = frozenset(NAMES)
    source = BudgetedSource(Sinusoid(), Budget(tasks=budget), generator_of("e"), needs=needs)
    scale = RewardScale(torch.zeros(1, 2), torch.zeros(1), torch.full((1,), 100.0))
    normaliser = Normaliser(Building.observation_size(pool, 2))
    rules = Rules(shots=5, queries=7, lr=0.01, steps=2, longest=longest)
    env = ThesisEnv(pool, source, scale, normaliser, NAMES, rows, rules)
    env.reset()
    return env, source, pool


class TestEnv:
    def test_errors_cost_and_a_complete_network_earns(self):
        env, source, _ = an_env()
        rewards, overs = [], []
        for choices in ([0, 0, 4], [2, 0, 0], [4, 3, 2], [5, 6, 6]):
            _, reward, over, _ = env.step(np.array(choices))
            rewards.append(reward)
            overs.append(over)
        assert np.array(rewards)[:3].tolist() == [[0, 0, ERROR], [0, ERROR, 0], [0, 0, 0]]
        assert 0 < rewards[3][0] < 1
        assert np.array(overs).tolist() == [[False] * 3] * 3 + [[True, False, False]]
        assert source.tasks == 4
        assert source.counts["environment_steps"] == 12
        assert source.counts["inner_gradients"] == 2

    def test_a_complete_network_goes_back_to_the_pool(self):
        env, _, pool = an_env(rows=1)
        before = a_pool()
        for choice in (1, 2, 4, 6):
            env.step(np.array([choice]))
        changed = [
            first + i
            for bank, old, first in zip(pool.banks, before.banks, pool.first, strict=True)
            for i in range(len(bank.weight))
            if not torch.equal(bank.weight[i], old.weight[i])
        ]
        assert changed == [1, 2, 4, 6]

    def test_the_longest_episode(self):
        env, source, _ = an_env(rows=2, longest=4)
        over = [env.step(np.array([6, 6]))[2].tolist() for _ in range(5)]
        assert over == [[False, False]] * 3 + [[True, True], [False, False]]
        assert source.tasks == 4

    @pytest.mark.parametrize(("budget", "tasks"), [(1, 1), (3, 3), (4, 4)])
    def test_it_stops_where_the_budget_ends(self, budget, tasks):
        env, source, _ = an_env(budget=budget, rows=3)
        while not env.spent:
            env.step(np.array([0, 6, 6]))
        assert source.tasks == tasks

    def test_observations_are_normalised_by_statistics_that_are_kept(self):
        env, _, pool = an_env(rows=40)
        for _ in range(30):
            seen = env.step(np.random.default_rng(0).integers(0, len(pool), 40))[0]
        assert np.abs(seen).max() <= 10
        again = Normaliser(seen.shape[1])
        again.load_state(env._normaliser.state())
        raw = env._building.observation()
        np.testing.assert_array_equal(again(raw).numpy(), seen)
        before = again.state()
        again(raw)
        assert all(torch.equal(before[k], again.state()[k]) for k in ("mean", "var"))


def test_task_information_is_flat_and_in_the_order_asked():
    privileged = {"phase": torch.tensor([[1.0], [2.0]]), "amplitude": torch.ones(2, 1, 2)}
    support = Support(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1), privileged)
    assert task_information(support, NAMES).tolist() == [[1, 1, 1], [1, 1, 2]]
