"""report.html: everything a results folder shows, on one page that needs no network."""

from benchmarks.report.documents.page.document import write_page
from benchmarks.report.documents.page.inlay import Inlay, inlay

__all__ = ["Inlay", "inlay", "write_page"]
