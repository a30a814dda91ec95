"""What each command does, by its name; importing this imports everything that is slow."""

import argparse
from collections.abc import Callable, Mapping

from benchmarks.commands import learners, run, show, start

COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": run.run,
    "status": show.status,
    "table": show.table,
    "regroup": show.regroup,
    "publish": show.publish,
    "plot": show.plot,
    "report": show.page,
    "reproduce": show.reproduce,
    "compare": show.compare,
    "predict": learners.predict,
    "list": learners.show,
    "check": learners.check,
    "help": learners.about,
    "doctor": learners.doctor,
    "init": start.init,
    "new": start.new,
}
