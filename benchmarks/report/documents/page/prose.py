"""The little Markdown that findings and captions are written in, as HTML."""

import re

from markupsafe import Markup, escape

TOKEN = re.compile(r"\\(?P<plain>.)|(?P<ticks>`+)(?P<code>.+?)(?P=ticks)(?!`)", re.DOTALL)


def prose(text: str) -> Markup:
    """Code in backticks becomes `<code>`, escaped characters themselves; all else is text."""
    parts, place = [], 0
    for found in TOKEN.finditer(text):
        parts.append(escape(text[place : found.start()]))
        if found["plain"] is not None:
            parts.append(escape(found["plain"]))
        else:
            code = found["code"]
            padded = len(code) > 2 and code.startswith(" ") and code.endswith(" ")
            parts.append(Markup("<code>{}</code>").format(code[1:-1] if padded else code))
        place = found.end()
    return Markup("").join([*parts, escape(text[place:])])
