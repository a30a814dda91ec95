"""report.html: everything a results folder shows, on one page that needs no network."""

from benchmarks.report.page.document import write_page
from benchmarks.report.page.inlay import Inlay, inlay

__all__ = ["Inlay", "inlay", "write_page"]
