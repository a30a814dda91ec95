"""Archives of Omniglot with a few drawings, and where they are served."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from benchmarks.core.errors import DataError
from benchmarks.tasks.omniglot import Omniglot

ALPHABETS = {"background": [f"Alphabet_{i}" for i in range(6)], "evaluation": ["New_0", "New_1"]}
"""Of three characters with four drawings each: what the archives of these tests hold."""


def drawing(*names):
    """A 1-bit PNG of 105×105, as the originals are, that depends on the names."""
    ink = np.random.default_rng(list("/".join(map(str, names)).encode())).random((105, 105)) < 0.3
    file = io.BytesIO()
    Image.fromarray(~ink).save(file, "png")
    return file.getvalue()


def archive(kind):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for alphabet in reversed(ALPHABETS[kind]):
            for character in (2, 1, 3):
                for number in (4, 2, 1, 3):
                    name = f"{alphabet}/character{character:02}/0001_{number:02}.png"
                    zipped.writestr(f"images_{kind}/{name}", drawing(name))
    return file.getvalue()


ARCHIVES = {f"images_{kind}.zip": archive(kind) for kind in ALPHABETS}


def complaint():
    with pytest.raises(DataError) as error:
        Omniglot().size("train", 1)
    return str(error.value)
