"""`Sampler`: what to try next, from what is believed of everything that was tried.

What happened and what the sampler is shown are kept apart: the stored study holds what happened; here every
configuration that was ever scored stands as complete with its best score so far, because a sampler learns nothing from
trials that are paused, and what is being trained for the first time stands as running. The sampler is a multivariate,
grouped TPE (Bergstra et al., 2011; Falkner et al., 2018), which takes running trials for bad ones, so that several
workers do not try the same (constant liar; Ginsbourger et al., 2010).
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, final

from autosft.contracts.space import Choice, Float, Parameter, Space, Value
from autosft.training.seeds import seed_of

if TYPE_CHECKING:
    import optuna

STARTUP_TRIALS = 8
"""The sampler draws at random until it has seen this many outcomes."""

CHANGED = 0.3
"""As long as a strategy was seen less often than that, each of its parameters is drawn with this probability, and else
keeps its default: what is expected to do well is searched first (as in PriorBand: Mallik et al., 2023)."""

EXPLORE_AFTER = 20
"""After so many draws that were of no use it draws at random: what it expects to be best has all been tried, such as a
strategy without parameters on every backbone."""

MOST_SHOWN, BEST_SHOWN = 1000, 100
"""Beyond so many outcomes the sampler looks at the best of them and at a random choice of the others. TPE compares the
best 25 with the rest, whose density a thousand outline as well as five thousand, in a fifth of the time."""

Params = dict[str, Value]
SpaceOf = Callable[[str, str], Space]


@final
class Sampler:
    """Proposes parameters.

    Args:
        seed: The run's seed. Each proposal is seeded by it and by how much is known, so that a restarted search does
            not repeat its old proposals.
    """

    def __init__(self, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna, self._seed = optuna, seed
        self._study = optuna.create_study(direction="maximize")
        self._shown: dict[int, optuna.trial.FrozenTrial] = {}
        self._all: dict[int, optuna.trial.FrozenTrial] = {}

    def start(self, number: int, params: Mapping[str, Any], distributions: Mapping[str, Any]) -> None:
        """A trial with these parameters is being trained, and nothing is known of it yet."""
        self._note(number, params, distributions, self._optuna.trial.TrialState.RUNNING, None)

    def learn(
        self, number: int, params: Mapping[str, Any], distributions: Mapping[str, Any], score: float | None
    ) -> None:
        """Believe that a trial with these parameters has this score; None if it came to nothing."""
        states = self._optuna.trial.TrialState
        self._note(number, params, distributions, states.FAIL if score is None else states.COMPLETE, score)

    def _note(
        self,
        number: int,
        params: Mapping[str, Any],
        distributions: Mapping[str, Any],
        state: optuna.trial.TrialState,
        score: float | None,
    ) -> None:
        self._all[number] = trial = self._optuna.trial.create_trial(
            state=state, value=score, params=dict(params), distributions=dict(distributions)
        )
        if shown := self._shown.get(number):
            shown.state, shown.value = state, score
            return
        self._show(number, trial)
        if len(self._shown) > 1.2 * MOST_SHOWN:
            self._forget()

    def _show(self, number: int, trial: optuna.trial.FrozenTrial) -> None:
        self._study.add_trial(trial)
        self._shown[number] = self._study.get_trials(deepcopy=False)[-1]

    def _forget(self) -> None:
        """Keep the best, some of the others and what is being trained; proposals that were made meanwhile go too."""
        scored = sorted((number for number, trial in self._all.items() if trial.value is not None), key=self._rank)
        others = scored[BEST_SHOWN:]
        draw = random.Random(seed_of(self._seed, "shown", len(self._all)))
        kept = {*scored[:BEST_SHOWN], *draw.sample(others, min(len(others), MOST_SHOWN - BEST_SHOWN))}
        running = self._optuna.trial.TrialState.RUNNING
        kept |= {number for number, trial in self._all.items() if trial.state == running}
        self._study = self._optuna.create_study(direction="maximize")
        self._shown = {}
        for number in sorted(kept):
            self._show(number, self._all[number])

    def _rank(self, number: int) -> tuple[float, int]:
        return -(self._all[number].value or 0.0), number

    def propose(self, choices: Mapping[str, Choice], space_of: SpaceOf, started: int, attempt: int) -> Params:
        """Draw parameters. Proposals are not remembered.

        Args:
            choices: The choices under `"backbone"` and `"strategy"`.
            space_of: The other parameters of a pair of backbone and strategy.
            started: How many trials were started so far.
            attempt: Changes the draw when an earlier proposal was of no use.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)  # `group`
            seed, samplers = seed_of(self._seed, "proposal", started, attempt), self._optuna.samplers
            if attempt < EXPLORE_AFTER:
                self._study.sampler = samplers.TPESampler(
                    n_startup_trials=STARTUP_TRIALS, multivariate=True, group=True, constant_liar=True, seed=seed
                )
            else:
                self._study.sampler = samplers.RandomSampler(seed=seed)
        trial = self._study.ask({name: distribution_of(choice) for name, choice in choices.items()})
        strategy, kept = trial.params["strategy"], dict[str, Value]()
        draw = random.Random(seed) if attempt < EXPLORE_AFTER and self._seen(strategy) < STARTUP_TRIALS else None
        for name, parameter in space_of(trial.params["backbone"], strategy).items():
            if draw and draw.random() > CHANGED:
                kept[name] = parameter.default
            else:
                _suggest(trial, name, parameter)
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        return {**trial.params, **kept}

    def _seen(self, strategy: Value) -> int:
        """How many outcomes of a strategy are believed."""
        return sum(trial.value is not None and trial.params.get("strategy") == strategy for trial in self._all.values())


def distribution_of(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    """A parameter in Optuna's words."""
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
