"""The only place that imports learn2learn, which takes three seconds: it is done where it trains.

Importing it imports torchvision, whose wheel does not match a CPU-only torch; that is dealt with
here, too.
"""

import contextlib
import importlib
import io
import sys
import warnings
from typing import Any

import torch

from benchmarks.core.errors import MissingDependency

_declared: list[torch.library.Library] = []


def _import_torchvision() -> None:
    """Import torchvision, declaring the operators it expects where its own library can't load."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)  # a declaration lives as long as its library object
        importlib.import_module("torchvision")


def _import_learn2learn() -> Any:
    # gym prints a notice about its successor when imported; nothing here uses an environment
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            _import_torchvision()
            import learn2learn
        except ImportError as error:
            raise MissingDependency(
                f"learn2learn cannot be imported ({error}); `reml doctor` says how to install it"
            ) from error
    return learn2learn


learn2learn = _import_learn2learn()
