"""The laws of what a meta-learner predicts, in regression as in classification."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from benchmarks.core import Diagnoses, Diagnosis, Kind, Support, Uncertain
from benchmarks.core.errors import UserError
from benchmarks.testing.cases import STEPS, Case, predictions
from benchmarks.testing.checks import (
    demand,
    demand_close,
    gap_between,
    leaving_global_state_alone,
    same_bits,
)

TOLERANCE = 1e-5
SHAPES: Mapping[Kind, Sequence[Mapping[str, Any]]] = {
    "regression": ({"features": 2}, {"outputs": 2}),
    "classification": (
        {"ways": 5, "image": (3, 6, 9)},
        {"ways": 2, "image": None, "features": 3},
    ),
}


def steps_are_honoured(case: Case) -> None:
    """One predictor a requested step, the same whichever other steps are requested."""
    support, x = case.test()
    every = predictions(case.learner, support, x, (0, 1, 2, 3))
    for steps in ((0,), (3,), (1, 2), (0, 3)):
        n = len(list(case.learner.adapt(support, steps)))
        demand(n == len(steps), f"adapt yields {n} predictors for steps {steps}")
        some = predictions(case.learner, support, x, steps)
        demand_close(some, every[list(steps)], TOLERANCE, f"steps {steps} alone and among others")


def predictions_are_plain(case: Case) -> None:
    """Predictions are finite floats of shape (tasks, points, outputs) that record no gradient."""
    support, x = case.test()
    for predict in case.learner.adapt(support, STEPS):
        y = predict(x)
        wanted = (*x.shape[:2], support.y.shape[2])
        demand(y.shape == wanted, f"expected predictions of shape {wanted}, got {tuple(y.shape)}")
        demand(y.dtype == support.y.dtype, f"expected {support.y.dtype}, got {y.dtype}")
        demand(bool(y.isfinite().all()), "a prediction is not finite")
        demand(not y.requires_grad, "a prediction records gradients")


def how_sure_it_is_is_plain(case: Case) -> None:
    """Where a predictor tells a standard deviation, that is positive, and of the task alone."""
    support, x = case.test()
    for step, predict in enumerate(case.learner.adapt(support, STEPS)):
        if not isinstance(predict, Uncertain):
            continue
        std = predict.std(x)
        wanted = (*x.shape[:2], support.y.shape[2])
        demand(std.shape == wanted, f"expected a std of shape {wanted}, got {tuple(std.shape)}")
        demand(bool((std.isfinite() & (std > 0)).all()), "a std is no positive number")
        demand(not std.requires_grad, "a std records gradients")
        row = slice(1, 2)
        (alone,) = list(case.learner.adapt(support.rows(row), STEPS))[step : step + 1]
        demand(isinstance(alone, Uncertain), "a task alone has no std")
        if isinstance(alone, Uncertain):
            demand_close(alone.std(x[row]), std[row], TOLERANCE, "the std of one task alone")


def batched_equals_looped(case: Case) -> None:
    """Row i of any prediction depends on task i alone."""
    support, x = case.test()
    batched = predictions(case.learner, support, x)
    rows = [slice(i, i + 1) for i in range(len(support))]
    looped = [predictions(case.learner, support.rows(row), x[row]) for row in rows]
    demand_close(batched, torch.cat(looped, 1), TOLERANCE, "tasks together and one by one")


def query_points_do_not_touch(case: Case) -> None:
    """A prediction does not depend on the other query points, or else it says `transductive`."""
    transductive = getattr(case.make(), "transductive", False)
    touched = False
    for setting in case.settings:
        batch = setting.test_tasks()
        x = batch.query.x
        for predict in setting.learner.adapt(batch.support, STEPS):
            together = predict(x)
            alone = torch.cat([predict(point) for point in x.tensor_split(x.shape[1], 1)], 1)
            touched |= not gap_between(together, alone) <= TOLERANCE
            if not transductive:
                what = f"{setting.what}query points together and one by one"
                demand_close(together, alone, TOLERANCE, what)
    demand(
        touched or not transductive,
        "it says transductive, but no prediction depends on the other query points",
    )


def padding_does_not_count(case: Case) -> None:
    """Tasks of different widths, padded with noise, get the predictions that each gets alone."""
    transductive = getattr(case.make(), "transductive", False)
    batch = case.test_tasks(ragged=True, wild=1e3)
    query, everyone = batch.query, torch.arange(len(batch))
    for tasks, part in batch.by_width() if transductive else [(everyone, batch)]:
        together = predictions(case.learner, part.support, part.query.x)
        for row, task in enumerate(tasks.tolist()):
            real, one = query.mask[task], slice(task, task + 1)
            x = query.x[one, real]
            alone = predictions(case.learner, batch.support.rows(one), x)
            of_task = together[:, [row]][:, :, part.query.mask[row]]
            demand_close(of_task, alone, TOLERANCE, "a task among wider ones, padded, and alone")


def query_targets_stay_unseen(case: Case) -> None:
    """What the targets of the query points are changes nothing, even where one could reach them."""
    for setting in case.settings:
        batch = setting.test_tasks()
        points = batch.support.points
        y = torch.cat([batch.support.y, batch.query.y], 1)
        support = Support(batch.support.x, y[:, :points], batch.support.privileged)
        before = predictions(setting.learner, support, batch.query.x)
        y[:, points:] = batch.query.y.roll(1, 1)
        after = predictions(setting.learner, support, batch.query.x)
        demand(same_bits(before, after), f"{setting.what}it sees the targets of the query points")


def order_of_support_points_does_not_matter(case: Case) -> None:
    """The support set is a set."""
    support, x = case.test()
    turned = Support(support.x.flip(1), support.y.flip(1), support.privileged)
    a, b = predictions(case.learner, support, x), predictions(case.learner, turned, x)
    demand_close(a, b, 10 * TOLERANCE, "support points in one order and in the other")


def any_number_of_tasks_and_shots(case: Case) -> None:
    """It adapts to 1 task and to many, with 1, 2 or 7 shots."""
    for n_tasks, shots in ((1, 1), (1, 7), (33, 1), (33, 2), (33, 7)):
        support, x = case.test(n_tasks, shots)
        what = f"{n_tasks} tasks at {shots} shots"
        y = predictions(case.learner, support, x)
        wanted = (len(STEPS), *x.shape[:2], support.y.shape[2])
        demand(y.shape == wanted, f"{what}: expected {wanted}, got {tuple(y.shape)}")
        demand(bool(y.isfinite().all()), f"{what}: a prediction is not finite")


def any_number_of_features_and_outputs(case: Case) -> None:
    """It learns problems of other shapes; one that wants pictures may say so in a `UserError`."""
    for shape in SHAPES[case.kind]:
        try:
            learner = case.trained(case.toy(**shape))
        except UserError:
            demand(shape.get("image", ()) is None, f"it refuses a problem of {shape}")
            continue
        support, x = case.test(**shape)
        y = predictions(learner, support, x)
        wanted = (len(STEPS), *x.shape[:2], support.y.shape[2])
        what = ", ".join(f"{name} {value}" for name, value in shape.items())
        demand(y.shape == wanted, f"{what}: expected {wanted}, got {tuple(y.shape)}")
        demand(bool(y.isfinite().all()), f"{what}: a prediction is not finite")


def diagnoses_each_task_on_its_own(case: Case) -> None:
    """What it decides is one of the options, for each task alone; asking changes nothing."""
    learner = case.learner
    if not isinstance(learner, Diagnoses):
        return
    support, _ = case.test()
    state = copy.deepcopy(learner.state())
    with leaving_global_state_alone("diagnose"):
        together = learner.diagnose(support)
    alone = [learner.diagnose(support.rows(slice(i, i + 1))) for i in range(len(support))]
    demand(same_bits(state, learner.state()), "diagnose changes the learner's state")
    for name, choice in together.choices.items():
        values, options = choice.values, choice.options
        demand(
            values.shape == (len(support),) and not values.is_floating_point(),
            f"expected an integer a task for {name!r}, got {values!r}",
        )
        demand(
            bool(((values >= 0) & (values < options)).all()),
            f"expected {name!r} from 0 to {options - 1}, got {values.tolist()}",
        )
        single = torch.cat([_choice(one, name, options) for one in alone])
        demand(same_bits(single, values), f"{name!r} of tasks together and one by one differ")
    for name, numbers in together.measures.items():
        demand(
            numbers.shape == (len(support),) and numbers.is_floating_point(),
            f"expected a float a task for {name!r}, got {numbers!r}",
        )
        single = torch.cat([one.measures[name] for one in alone])
        demand_close(single, numbers, TOLERANCE, f"{name!r} of tasks together and one by one")


def _choice(diagnosis: Diagnosis, name: str, options: int) -> torch.Tensor:
    choice = diagnosis.choices[name]
    demand(choice.options == options, f"{name!r} has now {options} options, now {choice.options}")
    return choice.values


PREDICTION_LAWS = (
    steps_are_honoured,
    predictions_are_plain,
    how_sure_it_is_is_plain,
    batched_equals_looped,
    query_points_do_not_touch,
    padding_does_not_count,
    query_targets_stay_unseen,
    order_of_support_points_does_not_matter,
    any_number_of_tasks_and_shots,
    any_number_of_features_and_outputs,
    diagnoses_each_task_on_its_own,
)
