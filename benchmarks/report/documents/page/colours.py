"""The colours of figures as CSS variables, each with a twin for dark paper."""

import colorsys
from collections.abc import Iterable

DARK_PAPER = "17191d"
HALVINGS = 14
VIVID = 9.0


def palette(colours: Iterable[str], *, dark: bool) -> str:
    """CSS declarations of the variables of these colours."""
    return "".join(f"--c{it}:#{on_dark(it) if dark else it};" for it in sorted(set(colours)))


def on_dark(colour: str) -> str:
    """The same hue with at least as much contrast to dark paper as `colour` has to white.

    So light tints, which recede on white, recede on dark paper, too; vivid colours, which stand out
    on white for more than their contrast (a yellow, say), get more. White becomes the paper.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in _parts(colour)))
    wanted = max(contrast(colour, "ffffff"), 1 + VIVID * saturation * (1 - lightness))
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if (
            _luminance(_hex(hue, middle, saturation)) > _luminance(DARK_PAPER)
            and contrast(_hex(hue, middle, saturation), DARK_PAPER) > wanted
        ):
            high = middle
        else:
            low = middle
    return DARK_PAPER if wanted == 1 else _hex(hue, high, saturation)


def contrast(first: str, second: str) -> float:
    """From 1 to 21, as the Web Content Accessibility Guidelines (2.2) define it."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _parts(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[:2], 16), int(colour[2:4], 16), int(colour[4:], 16)


def _hex(hue: float, lightness: float, saturation: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
