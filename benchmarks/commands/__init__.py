"""What each command does, by its name; what it takes is imported when it is asked for."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

Command = Callable[[argparse.Namespace], int]


@dataclass(frozen=True)
class Late:
    """A function of a module of this package, which is not imported before it is needed."""

    module: str
    function: str

    def load(self) -> Command:
        command: Command = getattr(import_module(f"{__name__}.{self.module}"), self.function)
        return command

    def __call__(self, options: argparse.Namespace) -> int:
        return self.load()(options)


COMMANDS: dict[str, Command] = {
    "run": Late("run", "run"),
    "tune": Late("run", "tune"),
    "plan": Late("plan", "plan"),
    "status": Late("status", "status"),
    "watch": Late("watch", "watch"),
    "table": Late("show", "table"),
    "regroup": Late("regroup", "regroup"),
    "publish": Late("show", "publish"),
    "merge": Late("merge", "merge"),
    "plot": Late("show", "plot"),
    "report": Late("show", "page"),
    "reproduce": Late("show", "reproduce"),
    "compare": Late("show", "compare"),
    "predict": Late("learners", "predict"),
    "list": Late("catalogue", "show"),
    "check": Late("learners", "check"),
    "help": Late("catalogue", "about"),
    "doctor": Late("learners", "doctor"),
    "init": Late("start", "init"),
    "new": Late("start", "new"),
}


def ready(name: str) -> Command:
    """A command with all that it imports, so that its call imports nothing slow."""
    command = COMMANDS[name]
    return command.load() if isinstance(command, Late) else command
