"""Numbers with fewer digits, which compress to less."""

import numpy as np
import pandas as pd

MANTISSA = 23
CLOSE = 15
"""So many binary digits after the first make a number right to 2e-5 of itself."""
ROUGH = 10
"""So many to 1e-3, even where it is not rounded to the nearest."""
DRAWN = 7
"""So many to 4e-3, which no drawing shows."""
SURE = 4
"""So many to 3e-2: how sure predictions of single tasks are. Means over tasks stay; whether two of
them that nearly agree are told apart may not."""


def short(table: pd.DataFrame, bits: int = CLOSE) -> pd.DataFrame:
    """Numbers of single precision without their last bits."""
    floats = [str(it) for it in table if table[it].dtype.kind == "f"]
    return table.assign(**{it: nearest(table[it].to_numpy(), bits) for it in floats})


def balanced(values: np.ndarray, cells: np.ndarray, bits: int = ROUGH) -> np.ndarray:
    """Numbers of shape (rows,), rounded up or down so that the sum over each cell stays.

    `cells` has the number of each row's cell. What is equal stays equal, in whichever cells. Where
    few of a cell's numbers differ (shares of points, say), all are rounded to the nearest `CLOSE`
    ones: that costs nothing.
    """
    single = nearest(values, CLOSE)
    open_ = _differ(values, cells) & ~_whole(values)
    values, cells = values[open_].astype(float), cells[open_]
    below, above = _around(values.astype("float32"), bits)
    order = np.lexsort((-np.abs(values), cells))  # the small ones make good for the large ones
    rounded = np.zeros(len(values), "float32")
    known: dict[float, float] = {}
    carry, last = 0.0, -1
    columns = [it[order].tolist() for it in (values, below, above, cells)]
    for place, value, one, other, cell in zip(order.tolist(), *columns, strict=True):
        if cell != last:
            carry, last = 0.0, cell
        chosen = known.get(value)
        if chosen is None:
            wanted = value + carry
            chosen = one if abs(wanted - one) <= abs(wanted - other) else other
            known[value] = chosen
        if chosen - chosen == 0:  # finite
            carry += value - chosen
        rounded[place] = chosen
    single[open_] = rounded
    return single


def nearest(values: np.ndarray, bits: int) -> np.ndarray:
    """The nearest numbers of so many digits; of two that are as near, the even one.

    Whole numbers stay.
    """
    single = values.astype("float32")
    words, drop = single.view("uint32"), MANTISSA - bits
    finite = _finite(single) & ~_whole(values)
    odd = (words[finite] >> np.uint32(drop)) & np.uint32(1)
    words[finite] = (words[finite] + np.uint32((1 << (drop - 1)) - 1) + odd) & _mask(drop)
    return single


def _around(single: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """The next numbers of so many digits towards 0 and away from it; itself if it is one."""
    drop, finite = MANTISSA - bits, _finite(single)
    found = []
    for more in (0, (1 << drop) - 1):
        it = single.copy()
        words = it.view("uint32")
        words[finite] = (words[finite] + np.uint32(more)) & _mask(drop)
        found.append(it.astype(float))
    return found[0], found[1]


def _finite(single: np.ndarray) -> np.ndarray:
    return np.isfinite(single) & (np.abs(single) < np.finfo("float32").max / 2)


def _mask(drop: int) -> np.uint32:
    return np.uint32(0xFFFFFFFF ^ ((1 << drop) - 1))


def _whole(values: np.ndarray) -> np.ndarray:
    """Which are whole numbers that single precision has."""
    with np.errstate(invalid="ignore"):
        return (np.abs(values) < 2 ** (MANTISSA + 1)) & (values == np.round(values))


def _differ(values: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Which rows are of cells with more different numbers than half their rows."""
    table = pd.DataFrame({"cell": cells, "value": values}).groupby("cell")["value"]
    return (2 * table.transform("nunique") > table.transform("size")).to_numpy()
