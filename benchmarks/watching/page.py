"""The page that shows a run: a shell that asks again and again, and what it is given."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment
from markupsafe import Markup

from benchmarks.core.text import clock
from benchmarks.report.documents.templates import environment_of
from benchmarks.watching.view import View, points

WIDTH, HEIGHT = 220, 44


@dataclass(frozen=True)
class Page:
    """The shell: one document without anything from elsewhere.

    Attributes:
        policy: its Content-Security-Policy, which lets in its own style and script alone.
    """

    text: str
    policy: str


def shell(now: str, title: str) -> Page:
    """The document, with what there is to show when it is opened."""
    environment = _environment()
    text = environment.get_template("shell.html").render(now=Markup(now), title=title)
    style, script = (_hash(str(environment.globals[it])) for it in ("style", "script"))
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; "
        f"form-action 'none'; frame-ancestors 'none'; style-src {style}; script-src {script}"
    )
    return Page(text, policy)


def fragment(view: View, at: str) -> str:
    """What of the page changes; `at` is the time of day, for who reads it later."""
    return _environment().get_template("now.html").render(run=view.run, view=view, at=at)


def trouble(sentence: str, at: str) -> str:
    """In place of that, where the folder cannot be read (any longer)."""
    return _environment().get_template("trouble.html").render(sentence=sentence, at=at)


@cache
def _environment() -> Environment:
    templates = "shell.html", "now.html", "trouble.html"
    environment = environment_of("benchmarks.watching", templates, "watch.css", "watch.js")
    environment.filters |= {"clock": clock}
    environment.globals |= {
        "points": lambda curve: points(curve, WIDTH, HEIGHT),
        "width": WIDTH,
        "height": HEIGHT,
    }
    return environment


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
