"""Seaborn's styles and palettes, imported without what it fits and tests.

All of seaborn imports `scipy.stats` and pyplot's widgets, which takes longer than most figures.
"""

from benchmarks.bare import bare

with bare("matplotlib.pyplot"), bare("seaborn"):
    from seaborn import cm  # noqa: F401 (it registers colour maps)
    from seaborn.palettes import color_palette
    from seaborn.rcmod import axes_style, plotting_context

__all__ = ["axes_style", "color_palette", "plotting_context"]
