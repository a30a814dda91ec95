"""Turn on runtime shape checking, before any package is imported, and one torch thread."""

import dataclasses
import functools
import gc
import inspect
import itertools
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Hashable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, get_args, get_type_hints
from unittest import mock

import jaxtyping
import pytest
from jaxtyping import install_import_hook

# beartype picks which items of a container it checks by random.getrandbits. Given a stream of its
# own, it does not make every checked function look as if it drew from Python's.
with mock.patch.object(random, "getrandbits", random.Random(0).getrandbits):
    import beartype  # noqa: F401


class Sampled:
    """Checks a function's first calls in each process, and of the others one in `EVERY`.

    Of those each sort once: what annotations say holds of all calls with the same types and shapes,
    or of none. A training calls the same few functions a hundred thousand times, and to check a
    call takes longer than most of them. The check itself is made when a function is first called,
    which takes milliseconds. Calls are counted of a function as it is written, wherever it is
    defined anew.
    """

    FIRST, EVERY = 100, 50

    def __init__(self, jaxtyped: Any) -> None:
        self.jaxtyped = jaxtyped
        self.known: dict[Hashable, tuple[Iterator[int], set[Hashable]]] = {}

    def __call__(self, function: Any = None, *, typechecker: Any, every: int | None = None) -> Any:
        if function is None:
            return functools.partial(self, typechecker=typechecker)
        if dataclasses.is_dataclass(function) and "__init__" in vars(function):
            if not hasattr(function.__init__, "__wrapped__"):
                # new sorts are always seen: what is refused is so however many were made before
                function.__init__ = self(function.__init__, typechecker=typechecker, every=1)
            return function
        if not inspect.isfunction(function):
            return self.jaxtyped(function, typechecker=typechecker)
        # what dataclasses write is the same code for fields of the same names
        written = function.__code__, function.__module__, function.__qualname__
        calls, seen = self.known.setdefault(written, (itertools.count(), set()))
        first, every = self.FIRST, self.EVERY if every is None else every

        @functools.cache
        def checked() -> Any:
            return self.typed(function, typechecker)

        @functools.cache
        def saying() -> tuple[dict[int, Any], Any]:
            values: dict[int, Any] = {}
            return values, self.typed(told(function, values), typechecker)

        @functools.wraps(function)
        def sampled(*arguments: Any, **named: Any) -> Any:
            n = next(calls)
            if n >= first and n % every:
                return function(*arguments, **named)
            given = sort_of(arguments), sort_of(named)
            if given not in seen:
                value = checked()(*arguments, **named)
                seen.update((given, (given, sort_of(value))))
                return value
            value = function(*arguments, **named)
            if (whole := (given, sort_of(value))) not in seen:
                values, said = saying()
                values[threading.get_ident()] = value
                try:
                    said(*arguments, **named)
                finally:
                    del values[threading.get_ident()]
                seen.add(whole)
            return value

        return sampled

    def typed(self, function: Any, typechecker: Any) -> Any:
        """What checks each call; shapes are kept in mind only where annotations have some."""
        try:
            hints = get_type_hints(function, include_extras=True)
        except Exception:  # a name that only checkers of types know
            return self.jaxtyped(function, typechecker=typechecker)
        if inspect.isgeneratorfunction(function) or any(map(has_shape, hints.values())):
            return self.jaxtyped(function, typechecker=typechecker)
        plain = with_code(function.__code__, function, function.__closure__)
        plain.__annotations__ = hints
        del plain.__wrapped__
        return typechecker(plain)


def has_shape(hint: Any) -> bool:
    if isinstance(hint, list):
        return any(map(has_shape, hint))
    return issubclass(type(hint), type(jaxtyping.AbstractArray)) or any(
        map(has_shape, get_args(hint))
    )


def with_code(code: CodeType, function: Any, closure: Any) -> Any:
    """A function of the same name and signature."""
    made = FunctionType(code, function.__globals__, function.__name__, closure=closure)
    made = functools.update_wrapper(made, function)
    made.__defaults__, made.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return made


def told(function: Any, values: dict[int, Any]) -> Any:
    """A function that gives the value of its thread; annotations say nothing of what it takes."""
    thread = threading.get_ident  # which the module of the function need not know

    def give(*_: Any, **__: Any) -> Any:
        return values[thread()]

    said = with_code(give.__code__, function, give.__closure__)
    said.__annotations__ = {k: it for k, it in function.__annotations__.items() if k == "return"}
    return said


def sort_of(value: Any, depth: int = 3) -> Hashable:
    """All of a value that annotations tell apart; of long containers the ends alone."""
    kind = type(value)
    if kind in PLAIN or not depth:
        return kind
    if kind is torch.Tensor or isinstance(value, torch.Tensor | np.ndarray):
        return kind, value.dtype, tuple(value.shape)
    if kind is str:
        return value if len(value) <= LETTERS else kind
    if isinstance(value, tuple | list):
        ends = value if len(value) <= FEW else (value[0], value[-1])
        return kind, len(value), *[sort_of(it, depth - 1) for it in ends]
    if kind is dict and value:
        ends = value.items() if len(value) <= FEW else itertools.islice(value.items(), 1)
        return kind, *[(key, sort_of(it, depth - 1)) for key, it in ends]
    return kind


PLAIN = {int, float, bool, type(None)}
FEW, LETTERS = 8, 16

# Until all tests are collected hardly anything that is made is dropped again, and what is there
# then stays: to look through it would take a fifth of that time, and a second now and then.
gc.disable()

# The tower lets an int stand for a float, as Python's typing does.
install_import_hook(
    ["reml", "baselines", "benchmarks"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)
jaxtyping.jaxtyped = Sampled(jaxtyping.jaxtyped)

import numpy as np  # noqa: E402
import torch  # noqa: E402
import warm  # noqa: E402

torch.set_num_threads(1)
warm.prepare()

# Started in the background, a shell lets it be ignored; tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

DEAREST = (
    *("harness/engines/test_ray.py", "harness/engines/test_slurm.py", "harness/run/test_runner.py"),
    *("contract/test_entry_points.py", "reml/test_learner.py", "harness/run/test_limits.py"),
    *("cli/test_cli.py", "harness/trial/test_going_on.py", "faults/test_campaign.py"),
    *("harness/predict/test_many_tasks.py", "reml/policy/test_toy_env.py", "test_front_door.py"),
    *("reml/thesis/test_learner.py", "harness/tuning/test_tuner.py", "api/test_run.py"),
    *("test_folders.py", "api/test_docs.py", "report/documents/test_browser.py"),
)
"""Files that take longest: begun first, none of them is left when all else is done."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real one, of a reader who prefers light pages."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium (apt: chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    profile = tmp_path_factory.mktemp("profile")
    with api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=CHROMIUM,
            args=list(FLAGS),
            env={**os.environ, "HOME": str(profile)},
            viewport={"width": 1280, "height": 900},
            color_scheme="light",
            timeout=120_000,
        )
        context.set_default_timeout(60_000)
        yield context
        context.close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are processors: tests of engines and of limits mostly wait."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    there = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return there + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    gc.freeze()
    gc.enable()
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate(DEAREST)}
    items.sort(key=lambda it: places.get(it.path, len(places)))
