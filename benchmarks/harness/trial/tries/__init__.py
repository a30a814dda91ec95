"""Trials of a search for settings, which are scored on validation tasks alone."""
