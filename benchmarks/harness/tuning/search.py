"""Optuna: who proposes settings, and the journal in which all that were tried are kept.

`optuna-dashboard` shows the journal. What is proposed depends on the study, on the number of the
settings and on what became of those of earlier batches, and on nothing that a process remembers:
whoever is killed proposes the same again.
"""

import json
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.core import seed_of
from benchmarks.core.errors import MissingDependency, NotKept
from benchmarks.core.search import Distribution, LogUniform, OneOf, Whole
from benchmarks.core.text import described
from benchmarks.harness.disk.files import make_folder
from benchmarks.harness.tuning.outcomes import BATCH, DONE, FAILED, GIVEN_UP, Outcome
from benchmarks.harness.tuning.studies import Study

if TYPE_CHECKING:
    import optuna

JOURNAL = "journal.log"
RANDOM = 2 * BATCH
"""So many settings are drawn before any are proposed by what is known of others."""
LEAST = 4
"""Of fewer settings that came to their end nobody can say which field mattered."""


def imported() -> Any:
    """The package, without its chatter.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise MissingDependency(
            "[tuning] needs Optuna, which is not installed; `pip install 'optuna>=5'` gets it"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


class Journal:
    """What was tried, in a file of a folder that only one process writes to."""

    def __init__(self, place: Path) -> None:
        """Open it; what a killed process has left half written is taken away.

        Raises:
            MissingDependency: Optuna is not installed.
            NotKept: the folder cannot be written.
        """
        self._optuna = imported()
        make_folder(place)
        self._path = place / JOURNAL
        try:
            with suppress(FileNotFoundError):
                (place / f"{JOURNAL}.lock").unlink()  # of a process that is no more
            self._mend()
            self._storage = self._opened()
        except OSError as error:
            raise NotKept(f"{self._path}: cannot be written ({error.strerror})") from None

    def _mend(self) -> None:
        if not self._path.is_file():
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self._path.open("r+b") as file:
                file.truncate(whole)

    def _opened(self) -> Any:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        try:
            return JournalStorage(JournalFileBackend(str(self._path)))
        except OSError:
            raise
        except Exception as error:  # whatever its lines are
            aside = self._path.with_name(f"{JOURNAL}.damaged")
            print(
                f"reml: {self._path}: cannot be read ({described(error)}); moved to {aside.name}, "
                "and written anew",
                file=sys.stderr,
            )
            self._path.replace(aside)
            return JournalStorage(JournalFileBackend(str(self._path)))

    def search(self, study: Study) -> "Search":
        """The search of one study, from where it is."""
        return Search(self._optuna, study, self._storage)


class Search:
    """Proposes settings of one study, and keeps what became of them."""

    def __init__(self, optuna: Any, study: Study, storage: Any) -> None:
        self._optuna = optuna
        self._study = study
        self._codes = {key: _Code(it) for key, it in study.space.items()}
        self._distributions = {
            key: _distribution(optuna, it, self._codes[key]) for key, it in study.space.items()
        }
        self._kept = optuna.create_study(
            storage=storage, study_name=study.name, direction="minimize", load_if_exists=True
        )
        said = {"learner": study.label, "family": study.family, "protocol": study.protocol}
        for key, value in said.items():
            if self._kept.user_attrs.get(key) != value:
                self._kept.set_user_attr(key, value)

    def outcomes(self) -> list[Outcome]:
        """What is known so far, by number."""
        return [self._outcome(it) for it in self._kept.get_trials(deepcopy=False)]

    def keep(self, outcome: Outcome) -> None:
        """Add what became of the next settings."""
        self._kept.add_trial(self._frozen(outcome))

    def proposed(self, outcomes: Sequence[Outcome], numbers: range) -> list[Mapping[str, Any]]:
        """The settings of these numbers, given what became of those before; 0 are the defaults."""
        optuna, found = self._optuna, list[Mapping[str, Any]]()
        replica = optuna.create_study(direction="minimize")
        replica.add_trials([self._frozen(it) for it in outcomes])
        for number in numbers:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                replica.sampler = optuna.samplers.TPESampler(
                    seed=seed_of("tuning", self._study.id, number) % 2**32,
                    n_startup_trials=RANDOM,
                    multivariate=True,
                    constant_liar=True,
                )
            if number == 0:
                replica.enqueue_trial(self._coded(self._study.defaults))
            found.append(self._decoded(replica.ask(self._distributions).params))
        return found

    def importance(self) -> dict[str, float]:
        """How much of the differences each field explains (fANOVA; Hutter, Hoos &
        Leyton-Brown, 2014), together 1; nothing where too little is known.
        """
        ended = [it for it in self.outcomes() if it.state == DONE and math.isfinite(it.loss)]
        if len(ended) < LEAST or len({it.loss for it in ended}) == 1:
            return {}
        optuna = self._optuna
        replica = optuna.create_study(direction="minimize")
        replica.add_trials([self._frozen(it) for it in ended])
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        try:
            found = optuna.importance.get_param_importances(replica, evaluator=evaluator)
        except (RuntimeError, ValueError):  # all of them have had the same settings
            return {}
        return {str(key): float(it) for key, it in found.items() if math.isfinite(it)}

    def _coded(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._codes[key].told(it) for key, it in settings.items()}

    def _decoded(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._codes[key].meant(params[key]) for key in self._study.space}

    def _frozen(self, it: Outcome) -> "optuna.trial.FrozenTrial":
        states = self._optuna.trial.TrialState
        state = {DONE: states.COMPLETE, GIVEN_UP: states.PRUNED, FAILED: states.FAIL}
        about = {
            "loss": it.loss if math.isfinite(it.loss) else None,
            "tasks": it.tasks,
            "seconds": it.seconds,
            "validation_seconds": it.validation_seconds,
            "reason": it.reason,
        }
        return self._optuna.trial.create_trial(
            state=state[it.state],
            params=self._coded(it.settings),
            distributions=self._distributions,
            value=it.loss if it.state == DONE else None,
            intermediate_values=dict(it.losses),
            user_attrs=about,
        )

    def _outcome(self, trial: "optuna.trial.FrozenTrial") -> Outcome:
        states = self._optuna.trial.TrialState
        state = {states.COMPLETE: DONE, states.PRUNED: GIVEN_UP}.get(trial.state, FAILED)
        about = trial.user_attrs
        return Outcome(
            trial.number,
            self._decoded(trial.params),
            state,
            math.nan if about["loss"] is None else float(about["loss"]),
            {int(at): float(loss) for at, loss in sorted(trial.intermediate_values.items())},
            int(about["tasks"]),
            float(about["seconds"]),
            float(about["validation_seconds"]),
            str(about["reason"]),
        )


class _Code:
    """Values as Optuna keeps them: lists as texts."""

    def __init__(self, distribution: Distribution) -> None:
        values = distribution.values if isinstance(distribution, OneOf) else ()
        self._texts = any(isinstance(it, list | tuple | dict) for it in values)
        self.choices = [self.told(it) for it in values]

    def told(self, value: Any) -> Any:
        return json.dumps(value) if self._texts else value

    def meant(self, told: Any) -> Any:
        return json.loads(told) if self._texts else told


def _distribution(optuna: Any, it: Distribution, code: _Code) -> Any:
    kinds = optuna.distributions
    if isinstance(it, OneOf):
        return kinds.CategoricalDistribution(code.choices)
    if isinstance(it, Whole):
        return kinds.IntDistribution(it.low, it.high, log=it.log)
    return kinds.FloatDistribution(it.low, it.high, log=isinstance(it, LogUniform))
