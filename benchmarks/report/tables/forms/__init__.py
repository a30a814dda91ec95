"""The forms in which tables are written."""
