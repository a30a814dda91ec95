"""How figures are drawn for the page: as SVG whose text is text and whose colours are variables."""

from io import StringIO
from typing import Any, cast

import numpy as np
from matplotlib import _path
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import weight_dict

DECIMALS = 2
"""Of coordinates, in points."""
NORMAL = 400
BLACK = "000000"
ANCHORS = {"left": "start", "right": "end", "center": "middle"}
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
    """

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
        name = to_hex(colour[:3])[1:]
        self.colours.add(name)
        return variable(name)


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
    figure.draw(cast(Any, renderer))
    renderer.finalize()
    inside = file.getvalue().partition("<svg ")[2].partition(">")[2]
    box = f'viewBox="0 0 {mine.width:.2f} {mine.height:.2f}"'
    return f'<svg {box} aria-hidden="true" fill="{variable(BLACK)}">{inside}', mine
