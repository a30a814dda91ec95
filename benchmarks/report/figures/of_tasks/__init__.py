"""Figures of single test tasks; one a module."""
