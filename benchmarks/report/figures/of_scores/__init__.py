"""Figures of scores; one a module."""
