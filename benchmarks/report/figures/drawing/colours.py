"""Colour maps from light to dark, of seaborn (Waskom, 2021), which takes a second to import."""

from matplotlib.colors import LinearSegmentedColormap

ROCKET = LinearSegmentedColormap.from_list(
    "rocket_r",
    [
        *("#faebdd", "#f8d1b8", "#f6b893", "#f69c73", "#f47f58", "#f06043", "#e83f3f", "#d62449"),
        *("#bd1655", "#a11a5b", "#841e5a", "#681f55", "#4c1d4b", "#33183c", "#1a102a", "#03051a"),
    ],
)
FLARE = LinearSegmentedColormap.from_list(
    "flare",
    ["#edb081", "#e98d6b", "#e3685c", "#d14a61", "#b13c6c", "#8f3371", "#6c2b6d", "#4b2362"],
)


def flare(n: int) -> list[tuple[float, float, float, float]]:
    """So many colours, neither the lightest nor the darkest."""
    return [FLARE((i + 1) / (n + 1)) for i in range(n)]
