"""Learners whose training goes on, or does not, after it was cut off."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from baselines.maml import MAML


@dataclass
class Plain(MAML):
    """Small; it waits for ever, with a word in a file, where the environment says after when."""

    hidden: Any = (4,)
    meta_batch: Any = 5

    name: ClassVar[str] = "plain"

    def _query_loss(self, batch):
        place = os.environ.get("REML_TEST_WAITS")
        self.seen = getattr(self, "seen", 0) + 1
        if place and self.seen > int(os.environ.get("REML_TEST_AFTER", "6")):
            Path(place).touch()
            time.sleep(600)
        return super()._query_loss(batch)


class Deaf(Plain):
    """Cannot go on."""

    name: ClassVar[str] = "deaf"

    def resume(self, state, source, generator):
        raise RuntimeError("what is this?")
