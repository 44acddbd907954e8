"""`Encoders`: the frozen encoder of a trial, and those of earlier trials, as rows are seen by all of them."""

from __future__ import annotations

from typing import final

from torch import Tensor

from autosft.contracts.rows import Rows
from autosft.contracts.tensors import Encoder, Model
from autosft.contracts.trial import Parts, Runtime, TeacherModel, Trial
from autosft.training.features import encode, key_of
from autosft.training.teacher import load_model


@final
class Encoders:
    """The encoder of a trial that wants `"encoders"`, and those of the earlier trials that it is given.

    They know nothing of targets, so a trial may ask them about any row, and be cross-validated. All are as they were
    loaded, and rows are encoded once.

    Args:
        trial: The trial.
        runtime: Where to compute, with what was encoded before.
        model: The model of the trial.

    Raises:
        BadTeacher: A model of an earlier trial is missing or damaged.
    """

    def __init__(self, trial: Trial, runtime: Runtime, model: Model) -> None:
        self._runtime = runtime
        others = (_of(member, runtime) for member in trial.teacher)
        own = trial.parts.info.name
        self._all = [(trial.parts, model.encoder), *(one for one in others if one[0].info.name != own)]

    @property
    def parts(self) -> list[Parts]:
        """Whose encoders they are, the trial's own parts first."""
        return [parts for parts, _ in self._all]

    def encode(self, rows: Rows) -> list[Tensor]:
        """The pooled features of rows by each encoder, that of the trial first: shapes (rows, width), on the CPU;
        sparse CSR tensors where an encoder gives such.

        Raises:
            OutOfTime: There is no time for all rows.
            Unreadable: A row cannot be decoded.
        """
        return [encode(parts, self._runtime, encoder, rows) for parts, encoder in self._all]


def _of(member: TeacherModel, runtime: Runtime) -> tuple[Parts, Encoder]:
    """The parts and the encoder of a model, which stays at hand for other trials and folds; encoders that give the same
    features are one."""
    place = "encoder", member.trial
    if place not in runtime.features:
        parts, model = load_model(member)
        runtime.features[place] = parts, runtime.features.setdefault(("encoder", key_of(parts)), model.encoder)
    return runtime.features[place]
