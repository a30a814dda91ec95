"""The pool of layers, the networks composed of them, and how those adapt."""
