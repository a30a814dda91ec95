"""Parts of packages imported without the rest, and what comes of the rest later."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.bare import bare


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package whose `__init__` says that it was imported."""
    folder = tmp_path / "slow_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("from slow_package.part import ONE\nWHOLE = True\n")
    (folder / "part.py").write_text("ONE = object()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder.name
    for name in [it for it in sys.modules if it.startswith(folder.name)]:
        del sys.modules[name]


@pytest.mark.parametrize("forget", [True, False])
def test_a_part_comes_without_the_whole_which_can_come_later(slow: str, forget: bool) -> None:
    with bare(slow, forget=forget):
        from slow_package.part import ONE  # type: ignore[import-not-found]
    assert slow not in sys.modules
    assert (f"{slow}.part" in sys.modules) is not forget
    import slow_package  # type: ignore[import-not-found]

    assert slow_package.WHOLE
    assert (slow_package.ONE is ONE) is not forget
    with bare(slow):
        assert sys.modules[slow] is slow_package


def test_statistics_take_scipys_functions_without_the_rest_of_it() -> None:
    code = (
        "import sys; from benchmarks.report.statistics.estimate import fdtri, stdtrit\n"
        "assert 'scipy.special' not in sys.modules and 'seaborn' not in sys.modules\n"
        "import scipy.stats, scipy.special\n"
        "assert scipy.special.fdtri is fdtri and scipy.special.stdtrit is stdtrit\n"
        "assert abs(scipy.stats.t.ppf(0.975, 3) - stdtrit(3, 0.975)) < 1e-12\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_matplotlib_comes_without_docstrings_and_writes_them_afterwards() -> None:
    code = (
        "from benchmarks.report.figures.undocumented import undocumented\n"
        "with undocumented():\n"
        "    import matplotlib.figure\n"
        "from matplotlib.lines import Line2D\n"
        "assert 'Supported properties' not in (Line2D.set.__doc__ or '')\n"
        "assert Line2D([], []).set(color='red') is not None\n"
        "class Later(Line2D): pass\n"
        "assert 'linewidth' in Later.set.__doc__\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
