"""How figures are drawn for the page: as SVG whose text is text and whose colours are variables."""

from functools import lru_cache
from io import StringIO
from itertools import pairwise
from typing import Any, cast

import numpy as np
from matplotlib import _path
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import weight_dict
from matplotlib.markers import MarkerStyle

DECIMALS = 2
"""Of coordinates, in points."""
NORMAL = 400
BLACK = "000000"
ANCHORS = {"left": "start", "right": "end", "center": "middle"}
DOT = MarkerStyle("o").get_path().transformed(MarkerStyle("o").get_transform())
CODES = [b"M", b"L", b"Q", b"C", b"z"]


def variable(colour: str) -> str:
    return f"var(--c{colour})"


class PageRenderer(RendererSVG):
    """Matplotlib's, but for what the page does otherwise.

    It has no groups and thus no ids beside those of clip paths and markers, which the salt of SVG
    tells from those of other figures; fonts, caps and joins are said by the style of the page.

    Attributes:
        colours: the variables it has used, as six digits.
        has_images: whether something of it is an image, whose colours nothing can change.
        measure: by what texts are laid out: outlines, whatever the renderer.
    """

    measure = "outlines"

    def __init__(self, width: float, height: float, file: StringIO, dots: float) -> None:
        self.colours = {BLACK}
        self.has_images = False
        cast(Any, super()).__init__(width, height, file, image_dpi=dots)

    def open_group(self, s: str, gid: str | None = None) -> None: ...

    def close_group(self, s: str) -> None: ...

    def _write_metadata(self, metadata: object) -> None: ...

    def _write_default_style(self) -> None: ...

    def _convert_path(
        self,
        path: Any,
        transform: Any = None,
        clip: Any = None,
        simplify: Any = None,
        sketch: Any = None,
    ) -> str:
        box = (0.0, 0.0, self.width, self.height) if clip else None
        asked = (path, transform, box, simplify, sketch, DECIMALS, CODES, False)
        return cast(Any, _path).convert_to_string(*asked).decode("ascii").replace("\n", " ")

    def _get_style_dict(self, gc: Any, rgbFace: Any) -> dict[str, str]:  # noqa: N803
        style = cast(Any, super())._get_style_dict(gc, rgbFace)
        style.pop("stroke-linecap", None)
        if style.get("fill", "").startswith("#"):
            style["fill"] = self._named(rgbFace)
        if "stroke" in style:
            style["stroke"] = self._named(gc.get_rgb())
        return style

    def draw_path_collection(self, *given: Any, **more: Any) -> None:
        """Dots are lines of no length with round ends, all of one colour one after the other."""
        gc, whole, paths, each, offsets, moved, faces, _, widths, *_ = given
        if not _are_dots(gc, paths, each, faces, widths):
            cast(Any, super()).draw_path_collection(*given, **more)
            return
        width = each[0][0, 0] * whole.get_matrix()[0, 0]
        clip = cast(Any, self)._get_clip_attrs(gc)
        places = moved.transform(offsets) * (1, -1) + (0, self.height)
        colours = np.broadcast_to(faces, (len(places), 4)) if len(faces) == 1 else faces
        turns = np.flatnonzero((colours[1:] != colours[:-1]).any(1)) + 1
        for start, end in pairwise((0, *turns.tolist(), len(places))):
            line = "".join(f"M{x:.2f} {y:.2f}h0" for x, y in places[start:end].tolist())
            stroke = f"stroke:{self._named(colours[start])};stroke-width:{width:.3g}"
            self.writer.element("path", d=line, style=f"{stroke};stroke-linecap:round", **clip)

    def draw_image(self, *drawn: Any, **more: Any) -> None:
        self.has_images = True
        cast(Any, super()).draw_image(*drawn, **more)

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        style = [f"font-size:{prop.get_size():.4g}px", f"fill:{self._named(gc.get_rgb())}"]
        weight = weight_dict.get(prop.get_weight(), prop.get_weight())
        if weight != NORMAL:
            style.append(f"font-weight:{weight}")
        opacity = gc.get_alpha() if gc.get_forced_alpha() else gc.get_rgb()[3]
        if opacity != 1:
            style.append(f"opacity:{opacity:.3g}")
        turned = f"rotate({-angle:.4g})" if angle else ""
        if mtext is not None and (angle == 0 or mtext.get_rotation_mode() == "anchor"):
            x, y = self._anchor(mtext, x, y, angle)
            style.append(f"text-anchor:{ANCHORS[mtext.get_ha()]}")
        self.writer.element(
            "text",
            s,
            attrib={"style": ";".join(style), "transform": f"translate({x:.2f} {y:.2f}){turned}"},
        )

    def _anchor(self, text: Any, x: float, y: float, angle: float) -> tuple[float, float]:
        """Where the text is held: fonts of a browser may be wider than those here."""
        held, up = text.get_transform().transform(text.get_unitless_position())
        up = self.height - up
        across = np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))])
        offset = across @ [x - held, y - up]
        return held + offset * across[0], up + offset * across[1]

    def _named(self, colour: Any) -> str:
        name = _hex((*colour[:3],))
        self.colours.add(name)
        return variable(name)


@lru_cache(maxsize=1000)
def _hex(colour: tuple[float, float, float]) -> str:
    return to_hex(colour)[1:]


def _are_dots(gc: Any, paths: Any, each: Any, faces: Any, widths: Any) -> bool:
    """Whether a collection is of discs of one size, opaque and without an edge."""
    if len(paths) != 1 or len(each) != 1 or not len(faces) or np.any(widths):
        return False
    opaque = gc.get_alpha() in (None, 1) and bool((np.asarray(faces)[:, 3] == 1).all())
    return opaque and np.array_equal(paths[0].vertices, DOT.vertices)


class _Canvas(FigureCanvasBase):
    """By which a figure is laid out as it is drawn: texts are measured once, and as browsers do."""

    def __init__(self, figure: Figure, renderer: Any) -> None:
        super().__init__(figure)
        self._renderer = renderer

    def get_renderer(self) -> Any:
        return self._renderer


def draw(figure: Figure, dots: float) -> tuple[str, PageRenderer]:
    """The figure as an `svg` element that stands in HTML, and what drew it.

    It is drawn at 72 dots to the inch, images in it at so many.
    """
    file = StringIO()
    figure.set_facecolor("none")
    figure.set_dpi(72)
    width, height = figure.get_size_inches()
    mine = PageRenderer(72 * width, 72 * height, file, dots)
    renderer = MixedModeRenderer(figure, width, height, dots, mine)
    _Canvas(figure, renderer)
    figure.draw(cast(Any, renderer))
    renderer.finalize()
    inside = file.getvalue().partition("<svg ")[2].partition(">")[2]
    box = f'viewBox="0 0 {mine.width:.2f} {mine.height:.2f}"'
    return f'<svg {box} aria-hidden="true" fill="{variable(BLACK)}">{inside}', mine
