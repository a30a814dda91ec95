"""Turn on runtime shape checking, before any package is imported, and one torch thread."""

import functools
import inspect
import itertools
import os
import random
import shutil
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any
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

    A training calls the same few functions a hundred thousand times, and to check a call takes
    longer than most of them: that was half of the time of all tests. The check itself is made when
    a function is first called, which takes milliseconds; calls are counted of a function as it is
    written, so that one that is defined within another, each time anew, is sampled, too.
    """

    FIRST, EVERY = 300, 25

    def __init__(self, jaxtyped: Any) -> None:
        self.jaxtyped = jaxtyped
        self.calls: dict[CodeType, Iterator[int]] = defaultdict(itertools.count)

    def __call__(self, function: Any = None, *, typechecker: Any) -> Any:
        if function is None:
            return functools.partial(self, typechecker=typechecker)
        if not inspect.isfunction(function):
            return self.jaxtyped(function, typechecker=typechecker)
        calls = self.calls[function.__code__]
        checked: Any = None

        @functools.wraps(function)
        def sampled(*arguments: Any, **named: Any) -> Any:
            nonlocal checked
            n = next(calls)
            if n >= self.FIRST and n % self.EVERY:
                return function(*arguments, **named)
            checked = checked or self.jaxtyped(function, typechecker=typechecker)
            return checked(*arguments, **named)

        return sampled


# The tower lets an int stand for a float, as Python's typing does.
install_import_hook(
    ["reml", "baselines", "benchmarks"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)
jaxtyping.jaxtyped = Sampled(jaxtyping.jaxtyped)

import torch  # noqa: E402

torch.set_num_threads(1)

# Started in the background, a shell lets it be ignored; tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

DEAREST = (
    *("harness/run/test_runner.py", "harness/run/test_wayward.py"),
    *("faults/test_campaign.py", "reml/test_learner.py"),
    *("test_cli.py", "reml/thesis/test_learner.py", "reml/policy/test_toy_env.py"),
    *("contract/test_entry_points.py", "contract/test_learner_laws.py", "api/test_run.py"),
    *("harness/predict/test_many_tasks.py", "test_folders.py", "baselines/test_gradient.py"),
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    places = {here / name: place for place, name in enumerate(DEAREST)}
    items.sort(key=lambda it: places.get(it.path, len(places)))
