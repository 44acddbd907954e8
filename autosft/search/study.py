"""The study: the only file that imports optuna. The stored study is the record of trials; beliefs guide the sampler.

Truth and beliefs are kept apart: the stored study holds what happened, in SQLite, so that `optuna.load_study` opens a
run as it is. Proposals come from a study in memory that holds every finished configuration as complete. The sampler is
a multivariate, grouped TPE (Bergstra et al., 2011; Falkner et al., 2018).
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from autosft.contracts.record import Record
from autosft.contracts.space import Choice, Float, Parameter, Space, Value
from autosft.training.seeds import seed_of

if TYPE_CHECKING:
    import optuna

NAME = "autosft"
STARTUP_TRIALS = 8
"""The sampler draws at random until it has seen this many outcomes."""

Params = dict[str, Value]
SpaceOf = Callable[[str, str], Space]


@final
class Study:
    """The trials of one run.

    Args:
        path: The SQLite file.
        seed: The run's seed. Each proposal is seeded by it and the number of trials, so that a restarted search does
            not repeat its old proposals.
    """

    def __init__(self, path: Path, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna, self._seed = optuna, seed
        self._stored = optuna.create_study(
            study_name=NAME, storage=f"sqlite:///{path}", direction="maximize", load_if_exists=True
        )
        self._beliefs = optuna.create_study(direction="maximize")
        for trial in self._stored.get_trials(deepcopy=False):
            if "record" in trial.user_attrs:
                self._believe(trial.params, trial.distributions, self._record(trial))

    def records(self) -> list[Record]:
        """What every ended trial came to, in order."""
        trials = self._stored.get_trials(deepcopy=False)
        return [self._record(trial) for trial in trials if "record" in trial.user_attrs]

    def unfinished(self) -> dict[int, Params]:
        """Trials that a killed driver left running."""
        running = self._optuna.trial.TrialState.RUNNING
        return {
            trial.number: dict(trial.params) for trial in self._stored.get_trials(deepcopy=False, states=(running,))
        }

    def propose(self, choices: Mapping[str, Choice], space_of: SpaceOf, attempt: int) -> Params:
        """Draw parameters. Proposals are not remembered until they are started.

        Args:
            choices: The choices under `"backbone"` and `"strategy"`.
            space_of: The other parameters of a pair of backbone and strategy.
            attempt: Changes the draw when an earlier proposal was of no use.
        """
        seed = seed_of(self._seed, "proposal", len(self._beliefs.get_trials(deepcopy=False)), attempt)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)  # `group`
            self._beliefs.sampler = self._optuna.samplers.TPESampler(
                n_startup_trials=STARTUP_TRIALS, multivariate=True, group=True, seed=seed
            )
        trial = self._beliefs.ask({name: _distribution(choice) for name, choice in choices.items()})
        for name, parameter in space_of(trial.params["backbone"], trial.params["strategy"]).items():
            _suggest(trial, name, parameter)
        self._beliefs.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        return dict(trial.params)

    def start(self, params: Params, space: Space) -> int:
        """Begin a trial with these parameters; its number."""
        # In one transaction: a driver killed half-way leaves either the whole trial or none.
        self._stored.add_trial(
            self._optuna.trial.create_trial(
                state=self._optuna.trial.TrialState.RUNNING,
                params=params,
                distributions={name: _distribution(parameter) for name, parameter in space.items()},
            )
        )
        return len(self._stored.get_trials(deepcopy=False)) - 1

    def finish(self, record: Record) -> None:
        """End a trial. A score that is missing or not finite fails it, and is never best."""
        trial = self._stored.get_trials(deepcopy=False)[record.number]
        # The record goes in first: a trial that is told without one would look finished, but hold nothing.
        # Optuna has no public way from a number to a live trial, and a resumed one was asked for by another process.
        live = self._optuna.trial.Trial(self._stored, trial._trial_id)  # pyright: ignore[reportPrivateUsage]
        live.set_user_attr("record", record.model_dump_json())
        state, value = self._outcome(record)
        self._stored.tell(record.number, value, state)
        self._believe(trial.params, trial.distributions, record)

    def _believe(self, params: Mapping[str, Any], distributions: Mapping[str, Any], record: Record) -> None:
        state, value = self._outcome(record)
        self._beliefs.add_trial(
            self._optuna.trial.create_trial(
                state=state, value=value, params=dict(params), distributions=dict(distributions)
            )
        )

    def _outcome(self, record: Record) -> tuple[optuna.trial.TrialState, float | None]:
        states = self._optuna.trial.TrialState
        if record.state == "done" and record.score is not None and math.isfinite(record.score):
            return states.COMPLETE, record.score
        return states.FAIL, None

    @staticmethod
    def _record(trial: optuna.trial.FrozenTrial) -> Record:
        return Record.model_validate(json.loads(trial.user_attrs["record"]))


def _distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    from optuna import distributions

    if isinstance(parameter, Choice):
        return distributions.CategoricalDistribution(parameter.options)
    if isinstance(parameter, Float):
        return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)
    return distributions.IntDistribution(parameter.low, parameter.high, log=parameter.log)


def _suggest(trial: optuna.trial.Trial, name: str, parameter: Parameter) -> None:
    if isinstance(parameter, Choice):
        trial.suggest_categorical(name, parameter.options)
    elif isinstance(parameter, Float):
        trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log)
    else:
        trial.suggest_int(name, parameter.low, parameter.high, log=parameter.log)
