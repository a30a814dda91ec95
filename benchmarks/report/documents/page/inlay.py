"""Figures as SVG inside of the page: text stays text, and colours follow the page's theme."""

import re
from dataclasses import dataclass
from io import StringIO
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.report.documents.page.colours import as_variables
from benchmarks.report.figures.view import Picture

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
LARGE = 400_000
"""Characters above which the marks of a figure become a raster image; its text stays text."""
DOTS = 110
NUMBER = re.compile(r"-?\d+\.\d{3,}")
SAID_BY_CSS = re.compile(
    r"font-family: [^;]*; |; stroke-linecap: (?:round|square)|rotate\(-?0 [^)]*\)"
)


@dataclass(frozen=True)
class Inlay:
    """One figure, ready to be put into the page.

    Attributes:
        width: its natural width in CSS pixels.
        rastered: whether part of it is an image, whose colours cannot follow the theme.
    """

    stem: str
    title: str
    caption: str
    svg: Markup
    width: int
    rastered: bool


def inlay(picture: Picture, figure: Figure) -> Inlay:
    """The figure as SVG without ids that another one could have; `figure` is of no use then."""
    text = _saved(figure)
    if len(text) > LARGE:
        for axes in figure.axes:
            for mark in (*axes.collections, *axes.lines):
                mark.set_rasterized(True)
        text = min(text, _saved(figure), key=len)
    root = ElementTree.fromstring(text)
    width = round(float(root.attrib["width"].removesuffix("pt")) * 4 / 3)
    rastered = root.find(f".//{SVG}image") is not None
    _tidy(root, picture)
    return Inlay(picture.stem, picture.title, picture.caption, Markup(_text(root)), width, rastered)


def _saved(figure: Figure) -> str:
    file = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "reml"}):
        figure.savefig(file, format="svg", dpi=DOTS, facecolor="none", metadata={"Date": None})
    figure.set_layout_engine(None)  # it is laid out, should it be saved again
    return _shorter(file.getvalue())


def _shorter(text: str) -> str:
    """Coordinates to a hundredth of a point, and no line breaks within paths."""

    def path(found: re.Match[str]) -> str:
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", found[0].replace("\n", " ")).rstrip()

    text = NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)
    return re.sub(r'(?<= d=")[^"]*', path, text)


def _tidy(root: ElementTree.Element, picture: Picture) -> None:
    """Drop what a page has no use for; ids that something refers to get the figure's name."""
    whole = ElementTree.tostring(root, encoding="unicode")
    needed = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', whole))
    names = {name: f"{picture.stem}-{n}" for n, name in enumerate(sorted(needed))}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{SVG}metadata", f"{SVG}style"):
                parent.remove(child)
    for element in root.iter():
        if "id" in element.attrib:
            old = element.attrib.pop("id")
            if old in names:
                element.set("id", names[old])
        for key, value in list(element.attrib.items()):
            element.attrib[key] = _attribute(value, names)
    _unwrap(root)
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)


def _attribute(value: str, names: dict[str, str]) -> str:
    value = re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{names[found[1]]})", value)
    if value.startswith("#") and value[1:] in names:
        return f"#{names[value[1:]]}"
    return as_variables(SAID_BY_CSS.sub("", value))


def _unwrap(element: ElementTree.Element) -> None:
    """Put the children of groups that say nothing in the place of those groups."""
    kept: list[ElementTree.Element] = []
    for child in element:
        _unwrap(child)
        child.tail = None
        if not (child.text or "").strip():
            child.text = None
        if child.tag == f"{SVG}g" and not child.attrib:
            kept += list(child)
        elif child.tag != f"{SVG}defs" or len(child):
            kept.append(child)
    element[:] = kept
    if not (element.text or "").strip():
        element.text = None


def _text(root: ElementTree.Element) -> str:
    """As HTML has it: there, SVG needs no namespaces."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        for key in [key for key in element.attrib if key.startswith(XLINK)]:
            element.set(key.removeprefix(XLINK), element.attrib.pop(key))
        for key in [key for key, value in element.attrib.items() if not value]:
            del element.attrib[key]
    root.set("aria-hidden", "true")
    root.set("fill", as_variables("#000000"))  # what says nothing of its colour is black
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
