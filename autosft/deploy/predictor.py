"""`Predictor`: from raw inputs to answers, with a bundle and no run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt
import torch

from autosft.archives.inputs import collected
from autosft.contracts.notebook import html_card
from autosft.contracts.problem import Outputs
from autosft.contracts.rows import Rows, Scan
from autosft.contracts.scoring import Positions, scorer
from autosft.contracts.state import State
from autosft.contracts.tensors import Model
from autosft.contracts.trial import Loaders, Parts, Runtime
from autosft.deploy.bundle import Bundle, open_bundle
from autosft.deploy.inputs import batches, several
from autosft.deploy.member import load_member
from autosft.errors import BadInput, PartMissing
from autosft.host.loading import load
from autosft.host.registry import Registry
from autosft.tables.frames import is_frame, write_frame
from autosft.training.ahead import read_ahead
from autosft.training.device import eval_batch_for, pick_device
from autosft.training.evaluation import answer

ROWS_AT_ONCE = 4096
"""Rows whose answers by each member lie in memory at the same time."""

BYTES_AT_ONCE = 256 * 1024**2
"""So much of decoded rows lies in memory at the same time, and one row more."""

SHOWN_CLASSES = 10
"""Classes that a card names."""


@final
class Predictor:
    """Answers for new data. Made by `load`.

    Attributes:
        bundle: What its manifest says.
        task: What the bundle answers.
        weights: The fraction of each member in the answers; they add up to 1.
    """

    def __init__(
        self, bundle: Bundle, members: Sequence[tuple[Parts, Model]], states: Sequence[State], device: torch.device
    ) -> None:
        self.bundle = bundle
        self.task, self.weights = bundle.task, tuple(member.weight for member in bundle.members)
        self._members = list(members)
        self._process = os.getpid()
        self._states = tuple(states) or self._parts.states.problems
        loaders, eval_batch = Loaders(torch.get_num_threads()), eval_batch_for(device)
        self._runtime = Runtime(self._parts.modality.read, device, loaders=loaders, eval_batch=eval_batch)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        device: str = "auto",
        plugins: Sequence[str | Path] = (),
        registry: Registry | None = None,
    ) -> Self:
        """Load a bundle, or the bundle of a finished run.

        Args:
            folder: The bundle's or the run's folder.
            device: Where to compute, such as `"cpu"` or `"cuda:0"`; `"auto"` is a GPU if there is one.
            plugins: Python files, or modules by name, to load beside the installed plugins.
            registry: The parts; by default those of the installed plugins and of `plugins`.

        Raises:
            BadInput: There is no bundle, or no such device.
            PluginBroken: One of `plugins` does not load.
            BadBundle: The bundle is damaged or of a newer schema.
            PartMissing: A part is not installed; names the distribution that would bring it.
        """
        path, bundle = open_bundle(Path(folder))
        registry, where = registry or load(plugins), pick_device(device)
        try:
            members = [load_member(path / entry.folder, bundle.task, registry, where) for entry in bundle.members]
        except PartMissing as error:
            raise PartMissing(f"{error} {bundle.made_with}") from error
        return cls(bundle, members, bundle.states(path), where)

    @property
    def classes_(self) -> list[str]:
        """The names of classes or labels, in the order of `predict_proba`'s columns; those of the first target.

        Raises:
            AttributeError: The first target has none.
        """
        if names := self.class_names[0]:
            return list(names)
        raise AttributeError(f"A model for {self.task.targets[0].problem} has no classes_; predict gives its answers.")

    @property
    def class_names(self) -> tuple[tuple[str, ...], ...]:
        """For each target the names of the classes or labels that its answers are chosen from, if there are any."""
        pairs = zip(self._parts.problems, self._states, strict=True)
        return tuple(tuple(problem.classes(state)) for problem, state in pairs)

    def predict(self, inputs: Any) -> list[Any]:
        """The answer for each input, in order: a class, a list of labels, a number, or a list of numbers where they
        are asked for together; where the task has several targets a dict of answers by their names.

        Args:
            inputs: A path or other input of the bundle's modality, a sequence or a column of them, or a data frame that
                has the columns that the model was trained on. A folder, or an archive of one, stands for all that lies
                below it, in sorted order. Of an iterator no more than some thousand inputs are in memory at the same
                time.

        Raises:
            BadInput: An input cannot be read; names the first ones.
        """
        return self.decide(self._outputs_of(inputs))

    def stream(self, inputs: Iterable[Any], *, batch: int = 256) -> Iterator[Any]:
        """Answers one after the other, while inputs are still coming.

        Args:
            inputs: Inputs, each as `predict` takes one, and none of them a folder, an archive or a table.
            batch: How many of them are awaited before they are answered together.

        Raises:
            BadInput: An input cannot be read; all before its batch are answered.
        """
        for some in batches(iter(inputs), batch):
            yield from self.predict(some)

    def predict_proba(self, inputs: Any) -> npt.NDArray[np.floating[Any]]:
        """Probabilities, shape (inputs, classes), of the first target; of all of them, see `columns`. Those of classes
        add up to 1 in each row; those of labels, of which a row may have several, do not.

        Args:
            inputs: As `predict` takes them.

        Raises:
            BadInput: An input cannot be read, or the problem gives no probabilities.
        """
        outputs = self._outputs_of(inputs)[0]
        if "probabilities" not in outputs.arrays:
            raise BadInput(
                f"A model for {self.task.targets[0].problem} gives no probabilities; predict gives its answers."
            )
        return outputs.arrays["probabilities"]

    def collect(self, inputs: Any) -> Scan:
        """List inputs, each as `predict` takes one, as rows; those that cannot be read are skipped.

        Raises:
            BadInput: A path is missing, an archive is damaged, or an input is of another type.
        """
        modality = self._parts.modality
        if is_frame(inputs):
            with TemporaryDirectory() as folder:
                return modality.collect([write_frame(inputs, Path(folder))], self.task)
        return collected(partial(modality.collect, task=self.task), several(inputs))

    def rows(self, inputs: Any) -> Rows:
        """List inputs, each as `predict` takes one, as rows, all of which can be read.

        Raises:
            BadInput: An input cannot be read; names the first ones.
        """
        scan = self.collect(inputs)
        if scan.skipped:
            named = "; ".join(f"{skip.ref}: {skip.reason}" for skip in scan.skipped[:3])
            raise BadInput(f"{len(scan.skipped)} inputs cannot be read: {named}.")
        return scan.rows

    def outputs(self, rows: Rows) -> list[Outputs]:
        """The outputs for each target, combined over the members. They answer some thousand rows at a time one after
        the other, so that what they say apart never lies in memory for all rows; each row is decoded once for all."""
        if not len(rows):
            raise BadInput("There is nothing to answer.")
        if os.getpid() != self._process:  # forked: OpenMP would wait without end for threads that did not come along
            self._process = os.getpid()
            torch.set_num_threads(1)
        parts = [self._combined(*portion) for portion in self._portions(rows)]
        return [Outputs.concat(several) for several in zip(*parts, strict=True)]

    def _portions(self, rows: Rows) -> Iterator[tuple[Rows, Runtime]]:
        """Rows that are answered together, and how they are read: decoded before, if several members answer them."""
        if len(self._members) == 1:
            for start in range(0, len(rows), ROWS_AT_ONCE):
                yield rows[start : start + ROWS_AT_ONCE], self._runtime
            return
        samples: dict[str, Any] = {}
        start, room = 0, BYTES_AT_ONCE
        for end, (row, sample) in enumerate(read_ahead(self._runtime, rows), 1):
            samples[row.id] = sample
            room -= getattr(sample, "nbytes", 0) or sys.getsizeof(sample)
            if end == len(rows) or end - start == ROWS_AT_ONCE or room < 0:
                yield rows[start:end], replace(self._runtime, read=lambda row, at=samples: at[row.id])
                samples, start, room = {}, end, BYTES_AT_ONCE

    def _outputs_of(self, inputs: Any) -> list[Outputs]:
        """The outputs for inputs; an iterator's are taken some thousand at a time."""
        if not isinstance(inputs, Iterator):
            return self.outputs(self.rows(inputs))
        parts = [self.outputs(self.rows(some)) for some in batches(inputs, ROWS_AT_ONCE)]
        if not parts:
            raise BadInput("There is nothing to answer.")
        return [Outputs.concat(several) for several in zip(*parts, strict=True)]

    def _combined(self, rows: Rows, runtime: Runtime) -> list[Outputs]:
        answered = [answer(parts, runtime, model, rows) for parts, model in self._members]
        return [
            problem.combine([outputs[position] for outputs in answered], self.weights)
            for position, problem in enumerate(self._parts.problems)
        ]

    def decide(self, outputs: Sequence[Outputs]) -> list[Any]:
        """Answers in the words of the targets."""
        decided = [
            list(problem.decide(output, state))
            for problem, output, state in zip(self._parts.problems, outputs, self._states, strict=True)
        ]
        if len(decided) == 1:
            return decided[0]
        return [dict(zip(self.task.target_names, each, strict=True)) for each in zip(*decided, strict=True)]

    def columns(self, outputs: Sequence[Outputs]) -> dict[str, npt.NDArray[Any]]:
        """The numbers behind the answers, by name, each of shape (rows,).

        They are `"p(label)"` for probabilities, and `"value(target)"` where several numbers are asked for together; the
        name of the target stands before, where the task has several.
        """
        columns: dict[str, npt.NDArray[Any]] = {}
        for target, output, names in zip(self.task.targets, outputs, self.class_names, strict=True):
            before = f"{target.name} " if len(outputs) > 1 else ""
            if names and "probabilities" in output.arrays:
                pairs = zip(names, output.arrays["probabilities"].T, strict=True)
                columns |= {f"{before}p({name})": column for name, column in pairs}
            values = output.arrays.get("values", np.empty(0))
            if values.ndim == 2 and values.shape[1] > 1:
                names = target.columns if isinstance(target.columns, tuple) else range(1, values.shape[1] + 1)
                columns |= {f"{before}value({name})": column for name, column in zip(names, values.T, strict=True)}
        return columns

    def score(self, outputs: Sequence[Outputs], rows: Rows) -> float:
        """The score on rows with targets: the weighted mean of the targets' metrics."""
        return self.scorer(outputs, rows)(np.arange(len(rows)))

    def scorer(self, outputs: Sequence[Outputs], rows: Rows) -> Callable[[Positions], float]:
        """A function to the score on any choice of the rows, given by their positions, as a bootstrap draws them."""
        targets = [rows.target(position) for position in range(len(outputs))]
        return scorer(self.task.targets, self._parts.problems, outputs, targets, self._states)

    def __repr__(self) -> str:
        return f"<Predictor of {self.task.name!r}: {'; '.join(map(': '.join, self._facts()))}>"

    def _repr_html_(self) -> str:
        return html_card(f"AutoSFT predictor: {self.task.name}", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        """What a person is told of it, with what it is called."""
        models = (f"{parts.recipe.strategy} on {parts.recipe.backbone}" for parts, _ in self._members)
        weights = (f"{weight:.2f} " if len(self.weights) > 1 else "" for weight in self.weights)
        asked = [
            one.problem if len(self.task.targets) == 1 else f"{one.problem} ({one.name})" for one in self.task.targets
        ]
        facts = [
            ("problem", f"{', '.join(asked)} of {self.task.modality} data"),
            ("model", ", ".join(weight + model for weight, model in zip(weights, models, strict=True))),
            ("device", str(self._runtime.device)),
        ]
        if names := self.class_names[0]:
            more = ", …" if len(names) > SHOWN_CLASSES else ""
            facts.insert(1, (f"{len(names)} classes", ", ".join(names[:SHOWN_CLASSES]) + more))
        return facts

    @property
    def members(self) -> tuple[tuple[Parts, Model], ...]:
        """The models, each with its parts."""
        return tuple(self._members)

    @property
    def states(self) -> tuple[State, ...]:
        """What decides over the answers, such as class names and thresholds, for each target."""
        return self._states

    @property
    def _parts(self) -> Parts:
        return self._members[0][0]
