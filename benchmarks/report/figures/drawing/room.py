"""How much room panels take, for their layout: as matplotlib finds it, with a tenth of the objects.

Only the usual is found here, labels below and on the left and nothing aligned; what is not usual is
left to matplotlib.
"""

import math
from collections.abc import Iterable
from typing import Any, cast

from matplotlib.transforms import Bbox

Box = tuple[float, float, float, float]
"""Left, lower, right and upper end, in pixels."""
SIDES = {"x": "bottom", "y": "left"}


class AxisRoom:
    """Of an axis; it comes before matplotlib's own."""

    def get_tightbbox(
        self: Any, renderer: Any = None, *, for_layout_only: bool = False
    ) -> Bbox | None:
        if not (for_layout_only and renderer and self._is_usual()):
            found = cast(Any, super()).get_tightbbox(renderer, for_layout_only=for_layout_only)
            return cast(Bbox | None, found)
        if not (self.get_visible() and self.get_in_layout()):
            return None
        ticks, _ = self._get_ticklabel_bboxes(self._update_ticks(), renderer)
        edge, across = self.axes.bbox.extents.tolist(), int(self.axis_name == "x")
        boxes: list[Box] = [tuple(it.extents.tolist()) for it in ticks]
        ends, dpi = [it[across] for it in boxes], self.get_figure(root=True).dpi
        held = min([edge[across], *ends]) - self.labelpad * dpi / 72
        pad = self.OFFSETTEXTPAD * dpi / 72
        if across:
            self.label.set_y(held)
            self.offsetText.set_y(min(ends or [edge[1]]) - pad)
        else:
            self.label.set_x(held)
            self.offsetText.set_y(edge[3] + pad)
        self.offsetText.set_text(self.major.formatter.get_offset())
        if self.offsetText.get_visible() and self.offsetText.get_text():
            boxes.append(_box_of(self.offsetText, renderer))
        if self.label.get_visible() and self.label.get_text():
            boxes.append(_narrow(_box_of(self.label, renderer), 0 if across else 1))
        return _around(it for it in boxes if _counts(it))

    def _is_usual(self: Any) -> bool:
        side = SIDES[self.axis_name]
        aligned = self.get_figure(root=False)._align_label_groups[self.axis_name]
        return bool(
            self.is_light()
            and self._autolabelpos
            and self.label_position == side
            and self.__dict__.get("_tick_position", side) == side
            and self.axes.spines[side].is_light()
            and self.axes not in aligned
        )


class PanelRoom:
    """Of a panel; it comes before matplotlib's own axes."""

    def get_tightbbox(self: Any, renderer: Any = None, **asked: Any) -> Bbox | None:
        if asked != {"for_layout_only": True} or not renderer or not self.get_visible():
            return cast(Bbox | None, cast(Any, super()).get_tightbbox(renderer, **asked))
        locator = self.get_axes_locator()
        self.apply_aspect(locator(self, renderer) if locator else None)
        axes = self._axis_map.values() if self.axison else ()
        found = [it.get_tightbbox(renderer, for_layout_only=True) for it in axes]
        self._update_title_position(renderer)
        titles = (self.title, self._left_title, self._right_title)
        boxes: list[Box] = [
            _narrow(_box_of(it, renderer), 0) for it in titles if it.get_visible() and it.get_text()
        ]
        rest = [it for it in self.get_default_bbox_extra_artists() if it is not self.patch]
        found += [it.get_tightbbox(renderer) for it in rest]
        boxes += [tuple(it.extents.tolist()) for it in [self.bbox, *found] if it is not None]
        return _around(it for it in boxes if _counts(it))


def remember_extent(axes: Any) -> None:
    """Find the extent of axes once wherever they are: each panel beside a colour bar asks for it.

    Nothing of the axes is to change from here on but where they are.
    """
    find, known = axes.get_tightbbox, dict[Any, Bbox | None]()

    def found(renderer: Any = None, **asked: Any) -> Bbox | None:
        figure = axes.get_figure(root=True)
        place = axes.get_position(original=True).bounds
        key = (*place, *figure.bbox.bounds, figure.dpi, renderer, *sorted(asked.items()))
        if key not in known:
            known.clear()
            known[key] = find(renderer, **asked)
        return known[key]

    axes.get_tightbbox = found


def _box_of(text: Any, renderer: Any) -> Box:
    box = text._get_layout(renderer)[0]
    x, y = text.get_transform().transform(text.get_unitless_position())
    return float(box.x0 + x), float(box.y0 + y), float(box.x1 + x), float(box.y1 + y)


def _narrow(box: Box, along: int) -> Box:
    """A pixel in the middle of it: what has no room there cannot be helped by the layout."""
    low, high = box[along], box[along + 2]
    if high <= low:
        return box
    middle = (low + high) / 2 - 0.5
    ends = list(box)
    ends[along], ends[along + 2] = middle, middle + 1.0
    return cast(Box, tuple(ends))


def _counts(box: Box) -> bool:
    """Whether it is finite, and no mere point."""
    return all(map(math.isfinite, box)) and (box[0] != box[2] or box[1] != box[3])


def _around(boxes: Iterable[Box]) -> Bbox | None:
    ends = list(zip(*boxes, strict=True))
    if not ends:
        return None
    left, lower, right, upper = ends
    return Bbox([[min(left), min(lower)], [max(right), max(upper)]])
