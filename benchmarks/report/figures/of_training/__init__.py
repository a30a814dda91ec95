"""Figures of training; one a module."""
