"""`Strategy`: how one recipe trains a model, told as stages. It is given a trial, and gives back `Stage`s and `Fit`s.

There is one training loop, and no strategy contains one. A strategy yields stages, which the loop trains in order, and
fits, which solve something at once.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from autosft.contracts.backbone import BackboneInfo
from autosft.contracts.facts import Facts
from autosft.contracts.problem import Problem
from autosft.contracts.rows import Rows
from autosft.contracts.space import Space
from autosft.contracts.trial import Runtime, Trial

if TYPE_CHECKING:
    from torch import Tensor, nn

    from autosft.contracts.steps import Step
    from autosft.contracts.tensors import Batch, Model


class Batches(Protocol):
    """What a stage is trained on, epoch after epoch."""

    def __len__(self) -> int:
        """The number of batches, or steps, in an epoch."""
        ...

    def epoch(self, seed: int) -> Iterator[Batch | Step]:
        """The batches of an epoch, or its steps where there are several streams. All that is random follows from the
        seed."""
        ...


@dataclass(frozen=True)
class Stage:
    """What the loop trains next.

    Attributes:
        name: Unique within the strategy.
        model: What is trained; in training mode during the epochs.
        batches: What it is trained on.
        loss: From a batch, or a step, to a scalar.
        parameters: Parameter groups as torch's optimizers take them, each with its own peak `lr` and `weight_decay`.
        epochs: The length of the schedule.
        valid: Rows to validate on after each epoch; None where there is nothing to validate, as in pretraining.
        after_step: Called after each optimizer step, such as to move an EMA teacher.
        evaluated: What is validated and kept instead of `model`, such as an EMA teacher of the same shape. Without it
            that is an average of the weights where the recipe asks for one.
        divisible: How many rows of a batch stay together, counted from its first one on, where memory is short and it
            is done in parts: 2 for pairs, and 0 for the whole batch, as where a contrastive loss tells each row from
            all others. Parts of such a batch would have another loss, so batches are smaller then, and the trial's
            record says so.
        keeps: More modules whose state a checkpoint must hold; parameters outside `model` belong here, and whatever
            `after_step` changes. Of `model` it holds `parameters` and buffers: the rest is not to change.
    """

    name: str
    model: nn.Module
    batches: Batches
    loss: Callable[[Any], Tensor]
    parameters: Sequence[Mapping[str, Any]]
    epochs: int
    valid: Rows | None = None
    after_step: Callable[[], None] | None = None
    evaluated: nn.Module | None = None
    divisible: int = 1
    keeps: Mapping[str, nn.Module] = field(default_factory=dict[str, "nn.Module"])


@dataclass(frozen=True)
class Fit:
    """What the loop does next in one go, such as a head that is solved to its optimum.

    Attributes:
        name: Unique within the strategy.
        run: Changes the model in place. A trial that goes on does it again, so it must be repeatable: the checkpoint of
            a stage that follows replaces what it gave of what that stage trains.
    """

    name: str
    run: Callable[[], None]


Want = Literal["unlabeled", "teacher", "encoders"]
Product = Literal["model", "encoder"]


class Strategy(ABC):
    """A way to train.

    Attributes:
        name: Unique among strategies, such as `"full"`.
        space: Parameters of its own by plain name; a dotted name such as `"optim.lr"` gives a shared field another
            range for this strategy.
        uses: The shared recipe fields that mean anything to it; the search samples no others.
        wants: What it needs beside labelled rows: `"unlabeled"` rows, a `"teacher"`, `"encoders"`, or nothing. Teachers
            are models of earlier trials, which answer. Encoders are those of earlier trials of other backbones, frozen:
            their models are not asked for answers. The search fixes for each trial which these are: `Trial.teacher`.
        most_unlabeled: How many rows without targets it makes use of at most; 0 means all that there are.
        unlabeled_cost: What a row without targets costs in an epoch, as a fraction of what one with targets costs; 0
            where no epoch goes through them.
        optional: Whether it is tried only if the user names it: what seldom pays takes no time from what does.
        produces: What its stages leave: a `"model"` that answers, or an `"encoder"`, trained without targets, from
            which trials of other strategies may start. Such pretraining has no validation rows, and is no trial itself.
        prior: How well it is expected to do, from 0 to 1; orders the first trials. Of a cheap strategy it also counts
            beside the score where rows are few.
        cheap: Whether the encoder stays as it was loaded, so that encoded rows are cached and the search may try it
            on every backbone.
        trains: The least fraction of the encoder's weights that it trains, unless it is cheap: what that takes of
            memory.
    """

    name: ClassVar[str]
    space: ClassVar[Space] = {}
    uses: ClassVar[frozenset[str]] = frozenset()
    wants: ClassVar[frozenset[Want]] = frozenset()
    most_unlabeled: ClassVar[int] = 0
    unlabeled_cost: ClassVar[float] = 0.0
    optional: ClassVar[bool] = False
    produces: ClassVar[Product] = "model"
    prior: ClassVar[float] = 0.5
    cheap: ClassVar[bool] = False
    trains: ClassVar[float] = 1.0

    @property
    def builds_on_trials(self) -> bool:
        """Whether its trials are given models of earlier ones."""
        return bool({"teacher", "encoders"} & self.wants)

    def epoch_rows(self, labeled: int, unlabeled: int) -> float:
        """What an epoch costs, in rows with targets."""
        return labeled + self.unlabeled_cost * unlabeled

    def accepts(self, facts: Facts, info: BackboneInfo, problems: Sequence[Problem]) -> str:
        """An empty text if it can train this backbone on rows like these, or why not."""
        return ""

    def stages(self, trial: Trial, runtime: Runtime, model: Model) -> Iterable[Stage | Fit]:
        """What to do with the model, in order. Code between two of them runs again on resume: cheap and repeatable."""
        return ()

    def finish(self, trial: Trial, runtime: Runtime, model: Model) -> None:
        """Turn the trained model into an ordinary one, such as by merging adapters."""
        return None

    def restore(self, model: Model, tensors: Mapping[str, Tensor]) -> None:
        """Put saved weights into a freshly built model. A strategy that replaces modules, in a fit or at the end, puts
        them in place first."""
        model.load_state_dict(tensors)
