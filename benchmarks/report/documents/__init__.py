"""index.md, report.html, and what compares results with others and with papers."""
