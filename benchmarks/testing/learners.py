"""The laws of a meta-learner. Each is broken by raising; `check_learner` runs them all."""

import copy
import dataclasses
import io
from collections.abc import Callable

import torch

from benchmarks.core import Diagnoses, Diagnosis, MetaLearner, Support, generator_of
from benchmarks.core.errors import ContractError
from benchmarks.testing.cases import STEPS, TASKS, Case, Metered, predictions
from benchmarks.testing.checks import (
    Check,
    demand,
    demand_close,
    leaving_global_state_alone,
    run_laws,
    same_bits,
)

TOLERANCE = 1e-5


def keeps_to_the_protocol(case: Case) -> None:
    """It is a dataclass with the members of `MetaLearner`."""
    learner = case.make()
    demand(dataclasses.is_dataclass(learner), f"{type(learner).__name__} is not a dataclass")
    members = "name presets test_fields needs fit partial_fit adapt state load_state"
    missing = [member for member in members.split() if not hasattr(learner, member)]
    demand(not missing, f"{type(learner).__name__} lacks {', '.join(missing)}")
    demand(isinstance(learner.needs, frozenset), f"needs is {learner.needs!r}, not a frozenset")
    fields = {f.name for f in dataclasses.fields(learner)}  # type: ignore[arg-type]
    for name, changes in {"test_fields": learner.test_fields, **learner.presets}.items():
        unknown = sorted(set(changes) - fields)
        demand(not unknown, f"{name} sets {', '.join(unknown)}, which is no field")


def construction_only_stores(case: Case) -> None:
    """Construction learns nothing, draws nothing, and does the same twice."""
    with leaving_global_state_alone("construction"):
        one, two = case.make(), case.make()
    demand(one == two, "two constructions with the same fields are not equal")
    learned = [k for k, v in vars(one).items() if k.endswith("_") and v is not None]
    demand(not learned, f"construction already sets {', '.join(learned)}")


def fit_leaves_global_state_alone(case: Case) -> None:
    """`fit` touches no global random state, default or gradient mode."""
    with leaving_global_state_alone("fit"):
        case.trained()


def adapt_leaves_global_state_alone(case: Case) -> None:
    """Neither `adapt`, while it yields, nor a predictor touches any global state."""
    support, x = case.test()
    learner = case.learner
    with leaving_global_state_alone("adapt or a predictor") as demand_untouched:
        for predict in learner.adapt(support, STEPS):
            demand_untouched()
            predict(x)


def adapt_leaves_the_learner_unchanged(case: Case) -> None:
    """`adapt` changes neither the learner nor its support set, and repeats itself."""
    support, x = case.test()
    kept = copy.deepcopy(support)
    state = copy.deepcopy(case.learner.state())
    first = predictions(case.learner, support, x)
    demand(same_bits(state, case.learner.state()), "adapt changes the learner's state")
    demand(
        same_bits((kept.x, kept.y, kept.privileged), (support.x, support.y, support.privileged)),
        "adapt changes the support set",
    )
    again = predictions(case.learner, support, x)
    demand(same_bits(first, again), "adapting to the same support sets twice differs")


def predictors_stay_valid(case: Case) -> None:
    """A predictor gives the same after later ones were asked for."""
    support, x = case.test()
    at_once = predictions(case.learner, support, x)
    later = torch.stack([p(x) for p in list(case.learner.adapt(support, STEPS))]).detach()
    demand(same_bits(at_once, later), "asking for later predictors changes the earlier ones")


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


def batched_equals_looped(case: Case) -> None:
    """Row i of any prediction depends on task i alone."""
    support, x = case.test()
    batched = predictions(case.learner, support, x)
    rows = [slice(i, i + 1) for i in range(len(support))]
    looped = [predictions(case.learner, support.rows(row), x[row]) for row in rows]
    demand_close(batched, torch.cat(looped, 1), TOLERANCE, "tasks together and one by one")


def query_points_do_not_touch(case: Case) -> None:
    """A prediction does not depend on the other query points."""
    support, x = case.test()
    for predict in case.learner.adapt(support, STEPS):
        one_by_one = torch.cat([predict(point) for point in x.tensor_split(x.shape[1], 1)], 1)
        demand_close(predict(x), one_by_one, TOLERANCE, "query points together and one by one")


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
        wanted = (len(STEPS), *x.shape[:2], 1)
        demand(y.shape == wanted, f"{what}: expected {wanted}, got {tuple(y.shape)}")
        demand(bool(y.isfinite().all()), f"{what}: a prediction is not finite")


def any_number_of_features_and_outputs(case: Case) -> None:
    """It learns problems with several inputs or targets."""
    for features, outputs in ((2, 1), (1, 2)):
        shape = {"features": features, "outputs": outputs}
        learner = case.trained(case.toy(**shape))
        support, x = case.test(**shape)
        y = predictions(learner, support, x)
        wanted = (len(STEPS), *x.shape[:2], outputs)
        what = f"{features} features, {outputs} outputs"
        demand(y.shape == wanted, f"{what}: expected {wanted}, got {tuple(y.shape)}")
        demand(bool(y.isfinite().all()), f"{what}: a prediction is not finite")


def same_seed_same_bits(case: Case) -> None:
    """Two fits from the same generators give the same state."""
    one, two = case.trained(), case.trained()
    demand(same_bits(one.state(), two.state()), "two fits from the same seeds differ")


def fit_forgets(case: Case) -> None:
    """A second `fit` equals the `fit` of a fresh learner."""
    learner = case.trained(seed=0)
    learner.fit(case.source(case.toy(), seed=1), generator_of("kit fit", 1))
    fresh = case.trained(seed=1)
    demand(same_bits(learner.state(), fresh.state()), "a second fit remembers the first")


def partial_fit_carries_on(case: Case) -> None:
    """`partial_fit` spends its budget on, and starts from, what is there; shapes stay."""
    learner, source = case.trained(), case.source(case.toy(), seed=1)
    support, x = case.test()
    shape = predictions(learner, support, x).shape
    before = copy.deepcopy(learner.state())
    learner.partial_fit(source, generator_of("kit fit", 1))
    y = predictions(learner, support, x)
    demand(y.shape == shape, f"predictions had shape {tuple(shape)}, now {tuple(y.shape)}")
    demand(bool(y.isfinite().all()), "a prediction is not finite")
    if source.tasks:
        after = learner.state()
        demand(not same_bits(before, after), "partial_fit spends tasks and learns nothing")
        fresh = case.trained(seed=1).state()
        demand(not same_bits(fresh, after), "partial_fit forgets, as fit does")


def state_survives_a_file(case: Case) -> None:
    """A state saved, loaded with `weights_only=True` and given to a fresh learner is the same."""
    support, x = case.test()
    file = io.BytesIO()
    torch.save(case.learner.state(), file)
    file.seek(0)
    fresh = case.make()
    fresh.load_state(torch.load(file, weights_only=True))
    a, b = predictions(case.learner, support, x), predictions(fresh, support, x)
    demand(same_bits(a, b), "a learner that loaded the state predicts something else")
    demand(same_bits(case.learner.state(), fresh.state()), "the loaded state is another")


def budget_is_kept(case: Case) -> None:
    """It draws training tasks through the source only, and all that the budget has, or none."""
    for tasks in (1, TASKS):
        family = Metered(case.toy())
        source = case.source(family, tasks)
        case.make().fit(source, generator_of("kit fit"))
        drawn = sum(n for n, _ in family.drawn)
        demand(drawn == source.tasks, f"drew {drawn} tasks, {source.tasks} of them by the source")
        demand(source.tasks in (0, tasks), f"spent {source.tasks} of a budget of {tasks} tasks")
        demand({s for _, s in family.drawn} <= {"train"}, "drew tasks of another split")


def needs_only_what_it_declares(case: Case) -> None:
    """It trains and adapts without privileged information that `needs` does not name."""
    try:
        predictions(case.trained(), *case.test())
    except KeyError as error:
        raise ContractError(f"it misses {error}, which it does not declare in needs") from error


def masked_rows_do_not_count(case: Case) -> None:
    """What is in masked query rows changes nothing."""
    tame = case.trained(case.toy(ragged=True, wild=0.0)).state()
    wild = case.trained(case.toy(ragged=True, wild=1e3)).state()
    demand(same_bits(tame, wild), "it learns from query rows that are masked")


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


LAWS = (
    keeps_to_the_protocol,
    construction_only_stores,
    fit_leaves_global_state_alone,
    adapt_leaves_global_state_alone,
    adapt_leaves_the_learner_unchanged,
    predictors_stay_valid,
    steps_are_honoured,
    predictions_are_plain,
    batched_equals_looped,
    query_points_do_not_touch,
    order_of_support_points_does_not_matter,
    any_number_of_tasks_and_shots,
    any_number_of_features_and_outputs,
    same_seed_same_bits,
    fit_forgets,
    partial_fit_carries_on,
    state_survives_a_file,
    budget_is_kept,
    needs_only_what_it_declares,
    masked_rows_do_not_count,
    diagnoses_each_task_on_its_own,
)


def check_learner(make: Callable[[], MetaLearner]) -> list[Check]:
    """Run every law on the learner that `make` constructs; keep it small (`test_fields`).

    Most laws train the learner first, so what breaks `fit` breaks them all.
    """
    return run_laws(LAWS, Case(make))
