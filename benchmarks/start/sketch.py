"""Small pictures for a terminal: dots of braille, or plain characters where there are none."""

from collections.abc import Sequence

import numpy as np

from benchmarks.core.text import line

BRAILLE = 0x2800
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Of a character, four rows of two."""
PLAIN = " .:"
SHADES, PLAIN_SHADES = " ░▒▓█", " .:*#"
GAP = "  "


def can_show(text: str, encoding: str | None) -> bool:
    """Whether a stream of this encoding has the characters."""
    try:
        text.encode(encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def curves_for(encoding: str | None, tasks: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> str:
    """As `curves`, in what a stream of this encoding has."""
    drawn = curves(tasks, plain=False)
    return drawn if can_show(drawn, encoding) else curves(tasks, plain=True)


def curves(
    tasks: Sequence[tuple[str, np.ndarray, np.ndarray]], plain: bool, width: int = 22, rows: int = 5
) -> str:
    """The points (x, y) of each task, side by side in one frame of axes; names below."""
    every = [np.concatenate([task[axis] for task in tasks]) for axis in (1, 2)]
    (left, right), (low, high) = ((axis.min(), axis.max()) for axis in every)
    pictures = []
    for _, x, y in tasks:
        across = _cells(x, left, right, 2 * width)
        down = 4 * rows - 1 - _cells(y, low, high, 4 * rows)
        dots = np.zeros((4 * rows, 2 * width), dtype=bool)
        dots[down, across] = True
        pictures.append(_typed(dots, plain))
    return _beside(pictures, [name for name, *_ in tasks], width)


def pixels(pictures: Sequence[tuple[str, np.ndarray]], plain: bool) -> str:
    """Grey pictures (rows, columns) of values from 0 to 1 in shades, side by side; names below."""
    shades = PLAIN_SHADES if plain else SHADES
    drawn = []
    for _, picture in pictures:
        darkness = 1 - picture if picture.mean() > 0.5 else picture  # ink is what is rare
        level = np.clip((darkness * len(shades)).astype(int), 0, len(shades) - 1)
        drawn.append(["".join(shades[i] for i in row) for row in level])
    return _beside(drawn, [name for name, _ in pictures], pictures[0][1].shape[1])


def _cells(values: np.ndarray, low: float, high: float, number: int) -> np.ndarray:
    # halves: the difference of two large numbers may overflow
    scale = high / 2 - low / 2
    share = (values / 2 - low / 2) / scale if scale > 0 else np.full(len(values), 0.5)
    return np.clip((share * number).astype(int), 0, number - 1)


def _typed(dots: np.ndarray, plain: bool) -> list[str]:
    rows, width = dots.shape[0] // 4, dots.shape[1] // 2
    cells = dots.reshape(rows, 4, width, 2).transpose(0, 2, 1, 3)
    if plain:
        many = np.minimum(cells.sum((2, 3)), len(PLAIN) - 1)
        return ["".join(PLAIN[i] for i in row) for row in many]
    codes = (cells * DOTS).sum((2, 3)) + BRAILLE
    return ["".join(map(chr, row)) for row in codes]


def _beside(pictures: Sequence[Sequence[str]], names: Sequence[str], width: int) -> str:
    lines = [GAP.join(parts) for parts in zip(*pictures, strict=True)]
    lines.append(GAP.join(line(name, width).ljust(width) for name in names))
    return "\n".join(f"{GAP}{it}".rstrip() for it in lines)
