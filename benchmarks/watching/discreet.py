"""Texts of learners and of the system without what others should not read on a screen or a page."""

import re

from benchmarks.core.text import line

PATTERNS = (
    # a word that announces a secret, and what follows it
    (
        r"(?i)\b([\w-]*(?:token|secret|passw(?:or)?d|passphrase|credential|api[_-]?key)[\w-]*"
        r"['\"]?\s*[:=]\s*)(?:'[^']*'|\"[^\"]*\"|[^\s,;]+)",
        r"\1…",
    ),
    (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}", r"\1 …"),
    # what looks like one by itself
    (r"\b(?:hf_|gh[opsu]_|github_pat_|glpat-|sk-|xox[abeprs]-|AKIA|ASIA|eyJ)[\w.-]{12,}", "…"),
    # addresses: the scheme and the host, without users, paths and queries
    (r"\b([a-z][a-z0-9+.-]*)://(?:[^\s/@'\"]*@)?([^\s/?#'\"]+)[^\s'\"]*", r"\1://\2/…"),
    (r"\bfile:/[^\s'\"]*", "file:…"),
    # paths: the last part; in quotes they may have spaces
    (r"(['\"`])(?:~\w*|[A-Za-z]:)?[/\\](?:[^'\"`]*[/\\])?([^'\"`/\\]*)\1", r"\1…/\2\1"),
    (r"(?<![\w./…:-])~?(?:/[^\s/'\"<>|:;,()\[\]]+)*/([^\s/'\"<>|:;,()\[\]]+)", r"…/\1"),
    (r"\b[A-Za-z]:\\(?:[^\\\s'\"]+\\)*([^\\\s'\"]*)", r"…/\1"),
    (r"\\\\(?:[^\\\s'\"]+\\)+([^\\\s'\"]*)", r"…/\1"),
)
COMPILED = [(re.compile(pattern), instead) for pattern, instead in PATTERNS]


def discreet(text: str) -> str:
    """On one line, without the folders of paths, and without what looks like a secret."""
    shown = line(text)
    for pattern, instead in COMPILED:
        shown = pattern.sub(instead, shown)
    return shown
