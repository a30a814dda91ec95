"""Text of users and learners in Markdown: nothing in it is taken for markup."""

import re


def escape(text: str) -> str:
    """What Markdown would take for markup, links or formulas in a table or a line of text."""
    text = " ".join(text.split())
    text = re.sub(r"([\\|*<>`~$]|(?<!\w)_|_(?!\w)|\](?=[(\[:])|&(?=[#\w]+;))", r"\\\1", text)
    text = re.sub(r"^([-+=](?= |$)|#+(?= |$)|\d+(?=[.)](?: |$)))", _not_a_block, text)
    return re.sub(r"(?<= )(#+)$", r"\\\1", text)


def _not_a_block(start: re.Match[str]) -> str:
    """At the start of a line, no list item or heading."""
    return f"{start[0]}\\" if start[0].isdigit() else f"\\{start[0]}"


def code(text: str) -> str:
    """Text in code type, where nothing is markup but as many backticks as it begins with."""
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"
