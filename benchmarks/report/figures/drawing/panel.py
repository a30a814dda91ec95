"""Panels that draw their ticks without artists for each, which is what takes matplotlib longest.

One tick stands for all of an axis: it is moved, and drawn, from place to place, and grid lines are
one line. Where somebody asks an axis for its ticks as objects (to hide a label, say), or they are
to have more than grid lines and labels on one side, they are drawn as matplotlib does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, cast

import numpy as np
from matplotlib.artist import allow_rasterization
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, XTick, YAxis, YTick
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.spines import Spine
from matplotlib.ticker import NullLocator
from matplotlib.transforms import Bbox

from benchmarks.report.figures.drawing.room import AxisRoom, PanelRoom

Side = Literal["left", "right", "bottom", "top"]
ROUNDING = 1e-10
"""The share of an axis by which ticks may lie beyond its ends."""
MORE = ("tick1On", "tick2On", "label2On")
LISTS = ("majorTicks", "minorTicks")
NONE: list[Any] = []
"""The ticks of an axis of which nobody has asked for one."""


class Every:
    """A tick that stands for all of its axis; it comes before matplotlib's own.

    Attributes:
        places: where they are, in data coordinates.
        labels: what they say.
    """

    places: Any = ()
    labels: tuple[str, ...] = ()
    _sizes: tuple[Any, dict[str, Any]] = (None, {})

    @allow_rasterization  # type: ignore[untyped-decorator]
    def draw(self: Any, renderer: Any) -> None:
        """The grid lines as one, then the labels."""
        if self.gridline.get_visible():
            along = np.repeat(self.places, 3)
            along[2::3] = np.nan
            self.gridline.set_data(*self.turned(along, np.tile([0, 1, 0], len(self.places))))
            self.gridline.draw(renderer)
        text = self.label1
        if text.get_visible():
            for place, label in zip(self.places, self.labels, strict=True):
                text.set_position(self.turned(place, 0))
                text.set_text(label)
                text.draw(renderer)

    def extent(self: Any, renderer: Any) -> list[Bbox]:
        """The box of all labels, in pixels, if there are any."""
        text, shown = self.label1, [place for place, label in enumerate(self.labels) if label]
        if not shown or not text.get_visible():
            return []
        key = (renderer, self.get_figure(root=True).dpi)
        if self._sizes[0] != key:
            self._sizes = key, {}
        sizes, labels = self._sizes[1], [self.labels[it] for it in shown]
        for label in {*labels} - sizes.keys():
            text.set_text(label)
            sizes[label] = text._get_layout(renderer)[0].get_points()
        at = np.stack(self.turned(self.places[shown], np.zeros(len(shown))), 1)
        corners = text.get_transform().transform(at)[:, None] + [sizes[it] for it in labels]
        return [Bbox([corners[:, 0].min(0), corners[:, 1].max(0)])]


class _EveryX(Every, XTick):
    def turned(self, along: Any, across: Any) -> tuple[Any, Any]:
        return along, across


class _EveryY(Every, YTick):
    def turned(self, along: Any, across: Any) -> tuple[Any, Any]:
        return across, along


class _Light:
    """What is the same along x and y; it comes before matplotlib's own axis."""

    every: ClassVar[Any]
    _asked: dict[str, Any] | None = None
    _one: Any = None
    _key: Any = None
    _seen: tuple[Any, tuple[str, ...]] = (None, ())
    _boxes: tuple[Any, list[Bbox]] = (None, [])

    def is_light(self: Any) -> bool:
        """Whether nobody has asked for ticks as objects, or for more than one can stand for."""
        return not (
            any(name in self.__dict__ for name in LISTS)
            or any(self._major_tick_kw.get(it, True) for it in MORE)
            or not isinstance(self.get_minor_locator(), NullLocator)
        )

    @contextmanager
    def _making_none(self: Any) -> Iterator[None]:
        """What is said of all ticks is said of those that are there."""
        absent = [name for name in LISTS if name not in self.__dict__]
        self.__dict__.update(dict.fromkeys(absent, NONE))
        try:
            yield
        finally:
            for name in absent:
                self.__dict__.pop(name, None)

    def set_tick_params(self: Any, *given: Any, **asked: Any) -> None:
        with self._making_none():
            cast(Any, super()).set_tick_params(*given, **asked)

    def set_clip_path(self: Any, *given: Any, **asked: Any) -> None:
        with self._making_none():
            cast(Any, super()).set_clip_path(*given, **asked)

    def set_ticks(self: Any, ticks: Any, labels: Any = None, **asked: Any) -> Any:
        if asked:
            return cast(Any, super()).set_ticks(ticks, labels, **asked)
        with self._making_none():
            return cast(Any, super()).set_ticks(ticks, labels)

    def get_major_ticks(self: Any, numticks: int | None = None) -> Any:
        if self.__dict__.get("majorTicks") is NONE:
            return []
        return cast(Any, super()).get_major_ticks(numticks)

    def get_majorticklabels(self: Any) -> Any:
        self.get_major_ticks()  # from here on there are some
        return cast(Any, super()).get_majorticklabels()

    def get_children(self: Any) -> list[Any]:
        if not self.is_light():
            return cast(list[Any], cast(Any, super()).get_children())
        return [self.label, self.offsetText, *self._update_ticks()]

    def _get_tick(self: Any, major: bool) -> Any:
        tick = cast(Any, super())._get_tick(major)
        tick.set_clip_path(self.axes.patch)
        return tick

    def _get_ticks_position(self: Any) -> Any:
        return 1 if self.is_light() else cast(Any, super())._get_ticks_position()

    def _update_ticks(self: Any) -> list[Any]:
        if not self.is_light():
            return cast(list[Any], cast(Any, super())._update_ticks())
        if self._asked != self._major_tick_kw:
            self._asked, self._one, self._key = dict(self._major_tick_kw), None, None
        low, high = sorted(self.get_view_interval())
        box, ticker = self.axes.bbox, self.major
        key = (low, high, self.get_scale(), box.width, box.height, ticker.locator, ticker.formatter)
        if self._key != key:
            self._key, self._seen = key, self._in_view(low, high)
        if not self._seen[1]:
            return []
        if self._one is None:
            self._one = self.every(self.axes, 0, major=True, **self._asked)
            self._one.set_clip_path(self.axes.patch)
        self._one.places, self._one.labels = self._seen
        return [self._one]

    def _in_view(self: Any, low: float, high: float) -> tuple[Any, tuple[str, ...]]:
        """Where ticks are, in data coordinates, and what they say."""
        places = np.asarray(self.get_majorticklocs(), dtype=float)
        labels = self.major.formatter.format_ticks(places)
        if not labels:
            return places, ()
        turn = self.get_transform().transform
        (start, end), at = turn([low, high]), turn(places)
        slack = ROUNDING * (end - start)
        seen = (at >= start - slack) & (at <= end + slack)
        return places[seen], tuple(it for it, here in zip(labels, seen, strict=True) if here)

    def _get_tick_boxes_siblings(self: Any, renderer: Any) -> tuple[Any, Any]:
        aligned = self.get_figure(root=False)._align_label_groups[self.axis_name]
        if not self.is_light() or self.axes in aligned:
            return cast(Any, cast(Any, super())._get_tick_boxes_siblings(renderer))
        return cast(Any, self._get_ticklabel_bboxes(self._update_ticks(), renderer))

    def _get_ticklabel_bboxes(self: Any, ticks: list[Any], renderer: Any) -> tuple[Any, Any]:
        if not self.is_light():
            return cast(Any, cast(Any, super())._get_ticklabel_bboxes(ticks, renderer))
        about = (self._key, *self.axes.bbox.bounds, renderer, *ticks)
        if self._boxes[0] != about:
            self._boxes = about, [box for it in ticks for box in it.extent(renderer)]
        return self._boxes[1], []


class _LightX(_Light, AxisRoom, XAxis):
    every = _EveryX


class _LightY(_Light, AxisRoom, YAxis):
    every = _EveryY


class _Edge(Spine):
    """An edge of a panel, whose extent does not take the ticks to know."""

    @allow_rasterization  # type: ignore[untyped-decorator]
    def draw(self, renderer: Any) -> None:
        if self.get_visible():
            self.get_spine_transform()  # ticks ask for it, and find where it is, if there are any
            super().draw(renderer)

    def get_window_extent(self, renderer: Any = None) -> Bbox:
        if not self.is_light():
            return super().get_window_extent(renderer)
        return Bbox(cast(Any, self).axes.bbox.get_points())

    def is_light(self: Any) -> bool:
        """Whether it is where the panel ends."""
        moved = self._bounds is not None or self._position not in (None, ("outward", 0.0))
        return not moved and bool(self.axis.is_light())


class Panel(PanelRoom, Axes):
    """Axes of one panel."""

    _others: tuple[int, bool] = (-1, False)
    _waits = False

    def _init_axis(self: Any) -> None:
        self.xaxis, self.yaxis = _LightX(self, clear=False), _LightY(self, clear=False)
        for sides, axis in ((("bottom", "top"), self.xaxis), (("left", "right"), self.yaxis)):
            for side in sides:
                self.spines[side].register_axis(axis)

    def _gen_axes_spines(self, *_: Any, **__: Any) -> dict[str, Spine]:
        sides: tuple[Side, ...] = ("left", "right", "bottom", "top")
        return {side: _Edge.linear_spine(self, side) for side in sides}

    def _update_title_position(self: Any, renderer: Any) -> None:
        """Titles are right above the panel, unless something else is there."""
        if not self._is_free_above():
            cast(Any, super())._update_title_position(renderer)
            return
        for it in (self.title, self._left_title, self._right_title):
            it.set_position((it.get_position()[0], 1.0))

    def _is_free_above(self: Any) -> bool:
        axes = (self.xaxis, self.yaxis)
        if not self._autotitlepos or self.child_axes or self._has_others():
            return False
        if self.xaxis.label_position == "top" or not all(it.is_light() for it in axes):
            return False
        if self in self.get_figure(root=False)._align_label_groups["title"]:
            return False
        self.yaxis._update_ticks()
        return not self.yaxis.major.formatter.get_offset()

    def get_default_bbox_extra_artists(self) -> list[Any]:
        found = cast(Any, super()).get_default_bbox_extra_artists()
        return [it for it in found if not (isinstance(it, _Edge) and it.is_light())]

    def _request_autoscale_view(self: Any, axis: str = "all") -> None:
        cast(Any, super())._request_autoscale_view(axis)
        self._stale_panels().add(self)

    def add_collection(self, collection: Any, *given: Any, **asked: Any) -> Any:
        """Bands of data do not ask where the limits are; they are found once all is there."""
        band = isinstance(collection, FillBetweenPolyCollection)
        self._waits = band and not collection.is_transform_set()
        try:
            return cast(Any, super()).add_collection(collection, *given, **asked)
        finally:
            self._waits = False

    def _unstale_viewLim(self: Any) -> None:  # noqa: N802
        """As matplotlib's, which looks at all panels of a figure for each thing it asks of one."""
        if self._waits:
            return
        stale = self._stale_panels()
        if stale or self._has_others():
            cast(Any, super())._unstale_viewLim()
            stale -= {it for it in stale if not any(it._stale_viewlims.values())}

    def _stale_panels(self: Any) -> set[Any]:
        """Those of the figure whose limits have to be found."""
        return cast(set[Any], self.get_figure(root=True).__dict__.setdefault("stale_panels", set()))

    def _has_others(self: Any) -> bool:
        """Whether axes of another kind share an axis of this one."""
        n = len(self.get_figure(root=True)._localaxes)
        if self._others[0] != n:
            shared = [self._shared_axes[name].get_siblings(self) for name in self._axis_names]
            self._others = n, any(not isinstance(it, Panel) for axes in shared for it in axes)
        return cast(bool, self._others[1])
