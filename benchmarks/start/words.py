"""Words in the names of columns that tell what they are for, and a command that says it."""

import shlex
from collections.abc import Sequence

from benchmarks.start.holding import Column


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


IDS = _set(
    """
    id ids identifier key code name no nr subject subjects participant patient person individual
    user customer client pupil student school class teacher child mother family household plant
    tree seed animal rat mouse chick cow pig dog fish bird country state county city town region
    station site location place zone store shop branch item product sku brand device sensor
    machine engine unit cell battery well batch lot sample specimen strain gene compound drug
    molecule material dataset group grp task series curve experiment run cohort block plot field
    farm team player company firm hospital clinic ward ticker symbol lake river catchment
    """
)
INPUTS = _set(
    """
    x t time times date datetime timestamp day days week weeks month months hour hours hr minute
    minutes min second seconds sec year years age dose dosage conc concentration depth distance
    length position pos lat lon latitude longitude lag step steps cycle cycles visit occasion
    wave timepoint trial period quarter season order epoch frequency freq wavelength angle
    """
)
TARGETS = _set(
    """
    y target targets value values response outcome label output score result results reaction
    measurement measure signal yield uptake rating price sales demand load
    """
)
CLASSES = _set(
    """
    class label species category diagnosis activity emotion gesture fault defect disease outcome
    target y response answer decision
    """
)
"""What classes to be told from each other are called."""
NUMBERED_CLASSES = _set("class label species category diagnosis activity")
"""Those that are so even where they are numbers."""
PARTS_OF_A_YEAR = _set("month months week weeks doy dayofyear yday day days quarter")
PARTS_OF_A_DAY = _set("hour hours hr minute minutes")


LONGEST = 40


def example(path: str, columns: Sequence[Column]) -> str:
    """A whole command line with columns of the file; what is best for what is a guess."""
    alike = sorted(
        (it for it in columns if it.distinct > 1 and not it.numbers_rows),
        key=lambda it: (it.kind == "dates", it.distinct),
    )
    numbers = [it for it in alike if it.kind == "numbers"]
    if len(alike) < 2 or len(numbers) < 2 or max(len(it.name) for it in columns) > LONGEST:
        return f"reml init {shlex.quote(path)} --task GROUP --x INPUT --y TARGET"
    task = alike[0]
    others = [it for it in numbers if it is not task] or numbers
    others.sort(key=lambda it: it.place)
    x, y = others[0], others[-1]
    options = [("--task", task), ("--x", x), ("--y", y)]
    given = " ".join(f"{option} {shlex.quote(column.name)}" for option, column in options)
    return f"reml init {shlex.quote(path)} {given}"
