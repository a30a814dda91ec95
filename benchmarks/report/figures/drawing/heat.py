"""The colours of heat maps and of numbers in order: seaborn's rocket and flare.

They are here as seaborn takes most of a second to import, for statistics that nothing here asks of
it.
"""

from matplotlib.colors import Colormap, LinearSegmentedColormap

ROCKET = (
    "faebdd f9dfcb f8d3ba f7c7a8 f6bb97 f6ae87 f6a178 f5946b f4865e f37852 f26948 "
    "ef5a41 ec4a3e e63b40 de2e44 d5224a ca1a50 bd1655 b01759 a3195b 951c5b 871e5b "
    "7a1f59 6d1f56 601f52 531e4d 461c48 3a1a41 2e1739 221331 170f28 0b0920 03051a"
)
"""From light to dark."""
FLARE = (
    "edb081 eca077 ea916e e88165 e5715e e0615c d9535d cf4862 c14168 b23c6c a3386f "
    "943470 863071 762d6f 672a6b 582766 4b2362"
)


def rocket() -> Colormap:
    return _through("rocket_r", ROCKET)


def flare(n: int) -> list[tuple[float, ...]]:
    """So many colours from light to dark, the ends left out."""
    return [_through("flare", FLARE)((i + 1) / (n + 1)) for i in range(n)]


def _through(name: str, colours: str) -> Colormap:
    return LinearSegmentedColormap.from_list(name, [f"#{it}" for it in colours.split()])
