"""The laws of a meta-learner. Each is broken by raising; `check_learner` runs them all."""

import contextlib
import copy
import dataclasses
import io
from collections.abc import Callable
from dataclasses import replace

import torch

from benchmarks.core import Kind, MetaLearner, State, generator_of
from benchmarks.core.errors import ContractError
from benchmarks.testing.cases import STEPS, TASKS, Case, Metered, predictions
from benchmarks.testing.checks import (
    Check,
    demand,
    leaving_global_state_alone,
    run_laws,
    same_bits,
)
from benchmarks.testing.number_laws import numbers_of_classes_mean_nothing
from benchmarks.testing.prediction_laws import PREDICTION_LAWS
from benchmarks.testing.resuming_law import training_goes_on_where_it_was_cut_off

KINDS: tuple[Kind, ...] = ("regression", "classification")


def keeps_to_the_protocol(case: Case) -> None:
    """It is a dataclass with the members of `MetaLearner`."""
    learner = case.make()
    demand(dataclasses.is_dataclass(learner), f"{type(learner).__name__} is not a dataclass")
    members = "name presets test_fields needs fit partial_fit adapt state load_state"
    missing = [member for member in members.split() if not hasattr(learner, member)]
    demand(not missing, f"{type(learner).__name__} lacks {', '.join(missing)}")
    demand(isinstance(learner.needs, frozenset), f"needs is {learner.needs!r}, not a frozenset")
    kinds = getattr(learner, "kinds", frozenset(KINDS))
    demand(
        isinstance(kinds, frozenset) and bool(kinds) and kinds <= set(KINDS),
        f"kinds is {kinds!r}, not a frozenset of {' and '.join(KINDS)}",
    )
    privileged = getattr(learner, "privileged", False)
    demand(isinstance(privileged, bool), f"privileged is {privileged!r}, not True or False")
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
        learner = case.trained()
    case.spare.append(learner)


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


def same_seed_same_bits(case: Case) -> None:
    """Two fits from the same generators give the same state."""
    again = case.another()
    demand(same_bits(case.state, again.state()), "two fits from the same seeds differ")
    case.spare.append(again)


def fit_forgets(case: Case) -> None:
    """A second `fit` equals the `fit` of a fresh learner."""
    learner = case.another()
    learner.fit(case.source(case.toy(), seed=1), generator_of("kit fit", 1))
    demand(same_bits(learner.state(), case.other_state), "a second fit remembers the first")


def partial_fit_carries_on(case: Case) -> None:
    """`partial_fit` spends its budget on, and starts from, what is there; shapes stay."""
    learner, after, source = case.further
    support, x = case.test()
    shape = predictions(case.learner, support, x).shape
    before = case.state
    y = predictions(learner, support, x)
    demand(y.shape == shape, f"predictions had shape {tuple(shape)}, now {tuple(y.shape)}")
    demand(bool(y.isfinite().all()), "a prediction is not finite")
    if source.tasks:
        demand(not same_bits(before, after), "partial_fit spends tasks and learns nothing")
        demand(not same_bits(case.other_state, after), "partial_fit forgets, as fit does")


def a_loaded_learner_carries_on(case: Case) -> None:
    """`partial_fit` comes to the same from a state that was loaded as from the one it was."""
    loaded = case.make()
    loaded.load_state(copy.deepcopy(case.state))
    loaded.partial_fit(case.source(case.toy(), seed=1), generator_of("kit fit", 1))
    demand(
        same_bits(case.further[1], loaded.state()),
        "partial_fit of a learner that loaded the state comes to something else",
    )


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


def a_look_on_the_way_changes_nothing(case: Case) -> None:
    """Asking for its state while it trains changes nothing, and what it tells then can be loaded.

    One that cannot tell before its training is over may raise.
    """
    learner, seen = case.make(), list[State]()

    def look() -> None:
        with contextlib.suppress(Exception):
            seen.append(copy.deepcopy(learner.state()))

    learner.fit(case.source(case.toy(), on_moment=look), generator_of("kit fit", 0))
    demand(
        same_bits(learner.state(), case.learner.state()),
        "asking for its state while it trains makes it another",
    )
    case.spare.append(learner)
    support, x = case.test()
    for state in seen:
        fresh = case.make()
        fresh.load_state(state)
        y = predictions(fresh, support, x)
        demand(bool(y.isfinite().all()), "a prediction of a state on the way is not finite")


def budget_is_kept(case: Case) -> None:
    """It draws training tasks through the source only, and all that the budget has, or none."""
    one = Metered(case.toy())
    few = case.source(one, 1)
    case.make().fit(few, generator_of("kit fit"))
    for tasks, (family, source) in {1: (one, few), TASKS: case.drawn}.items():
        drawn = sum(n for n, _ in family.drawn)
        demand(drawn == source.tasks, f"drew {drawn} tasks, {source.tasks} of them by the source")
        demand(source.tasks in (0, tasks), f"spent {source.tasks} of a budget of {tasks} tasks")
        demand({s for _, s in family.drawn} <= {"train"}, "drew tasks of another split")


def needs_only_what_it_declares(case: Case) -> None:
    """It trains and adapts without privileged information that `needs` does not name."""
    try:
        predictions(case.learner, *case.test())
    except KeyError as error:
        raise ContractError(f"it misses {error}, which it does not declare in needs") from error


def masked_rows_do_not_count(case: Case) -> None:
    """What is in masked query rows changes nothing."""
    tame = case.trained(case.toy(ragged=True, wild=0.0)).state()
    wild = case.trained(case.toy(ragged=True, wild=1e3)).state()
    demand(same_bits(tame, wild), "it learns from query rows that are masked")


LAWS = (
    keeps_to_the_protocol,
    construction_only_stores,
    fit_leaves_global_state_alone,
    adapt_leaves_global_state_alone,
    adapt_leaves_the_learner_unchanged,
    predictors_stay_valid,
    same_seed_same_bits,
    fit_forgets,
    a_look_on_the_way_changes_nothing,
    partial_fit_carries_on,
    a_loaded_learner_carries_on,
    state_survives_a_file,
    training_goes_on_where_it_was_cut_off,
    budget_is_kept,
    needs_only_what_it_declares,
    masked_rows_do_not_count,
    *PREDICTION_LAWS,
)
LAWS_BY_KIND = {
    "regression": LAWS,
    "classification": (*LAWS, numbers_of_classes_mean_nothing),
}


def check_learner(make: Callable[[], MetaLearner]) -> list[Check]:
    """Run every law on the learner that `make` constructs; keep it small (`test_fields`).

    They are run on toy problems of each kind that the learner says it can solve. Most laws train
    the learner first, so what breaks `fit` breaks them all.
    """
    checks = []
    for kind in _kinds(make):
        about = " (classes)" if kind == "classification" else ""
        for check in run_laws(LAWS_BY_KIND[kind], Case(make, kind)):
            checks.append(replace(check, name=check.name + about))
    return checks


def _kinds(make: Callable[[], MetaLearner]) -> list[Kind]:
    """What `make` can solve; regression where it does not say, or says what nobody can read."""
    try:
        said = getattr(make(), "kinds", ())
        return [kind for kind in KINDS if kind in said] or ["regression"]
    except Exception:
        return ["regression"]
