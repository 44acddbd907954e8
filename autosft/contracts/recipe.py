"""`Recipe`: all that a trial decided. With the task, it is enough to train the model again.

`SHARED` is the space of the fields that mean the same to every strategy; a strategy says which of them it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from autosft.contracts.document import Document
from autosft.contracts.space import Choice, Float, Int, Space, Value


class Optim(Document):
    """How the weights move.

    Attributes:
        lr: Peak learning rate of the encoder's last block.
        head_lr: Peak learning rate of the heads.
        weight_decay: Decoupled weight decay (AdamW: Loshchilov and Hutter, 2019); none on norms and biases.
        l1: Strength of a penalty on the size of weights (Tibshirani, 1996), as decoupled as weight decay; none on norms
            and biases.
        l2_sp: Strength of a pull of the encoder towards its pretrained weights (L2-SP: Li et al., 2018), decoupled too.
        warmup: Fraction of the steps in which the rate rises linearly (Goyal et al., 2017).
        schedule: What follows: `"cosine"`, a decay to zero (Loshchilov and Hutter, 2017), or `"constant"`.
        layer_decay: Each block nearer to the input learns by this factor more slowly (ULMFiT: Howard and Ruder, 2018).
        batch_size: Rows per optimizer step.
        clip: Largest norm of the gradient (Pascanu et al., 2013); 0 means no clipping.
        ema: Decay of an exponential moving average of the weights, which is validated and kept instead of them (Polyak
            and Juditsky, 1992; Tarvainen and Valpola, 2017); 0 means none.
    """

    lr: float = 1e-3
    head_lr: float = 3e-3
    weight_decay: float = 0.02
    l1: float = Field(default=0.0, ge=0)
    l2_sp: float = Field(default=0.0, ge=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    layer_decay: float = 0.9
    batch_size: int = 32
    clip: float = Field(default=1.0, ge=0)
    ema: float = Field(default=0.0, ge=0, lt=1)


class Regular(Document):
    """What keeps the model from learning the training rows by heart.

    Attributes:
        dropout: Fraction of the head's inputs that are dropped.
        drop_path: Fraction of the residual branches of an encoder's deepest block that are dropped, per row; fewer
            towards its input (stochastic depth: Huang et al., 2016).
        norm_statistics: What batch norm divides by while a pretrained encoder learns (Ioffe and Szegedy, 2015): the
            `"pretrained"` statistics, by which it will answer too, or those of each `"batch"`, which the running ones
            follow. Where nothing is pretrained it is always the batch's.
        label_smoothing: Fraction of the target spread over all classes (Szegedy et al., 2016).
        balance: How rare classes get more weight, by their effective number of rows (Cui et al., 2019): not at all, in
            the `"loss"` of a row, or in `"sampling"`, by how often a row is drawn. Problems undo in their probabilities
            what it adds to them.
        mixup: Inputs are means of two rows, and the loss that of both; the fraction is drawn from Beta(mixup, mixup)
            (Zhang et al., 2018). 0 means no mixing.
        cutmix: A part of each picture is cut from another row's; its area is drawn from Beta(cutmix, cutmix) (Yun et
            al., 2019). Where `mixup` is not 0 either, each batch is mixed in one of the two ways.
        augment: The strength of view that training rows are seen in: `"none"`, `"light"` or `"strong"`; what it means
            is the modality's to say.
    """

    dropout: float = 0.0
    drop_path: float = Field(default=0.0, ge=0, lt=1)
    norm_statistics: Literal["pretrained", "batch"] = "pretrained"
    label_smoothing: float = 0.0
    balance: Literal["none", "loss", "sampling"] = "none"
    mixup: float = Field(default=0.0, ge=0)
    cutmix: float = Field(default=0.0, ge=0)
    augment: Literal["none", "light", "strong"] = "none"


class Stop(Document):
    """When a stage ends.

    Attributes:
        max_epochs: The length of the schedule.
        patience: Epochs without a better validation score before the stage ends (Prechelt, 1998).
        min_delta: By how much the score must have risen meanwhile, so that the stage does not end; 0 means by anything.
    """

    max_epochs: int = Field(default=12, ge=1)
    patience: int = Field(default=4, ge=1)
    min_delta: float = 0.0


SHARED: Space = {
    "optim.lr": Float(3e-5, 3e-3, default=1e-3, log=True, doc="peak learning rate of the encoder's last block"),
    "optim.head_lr": Float(3e-4, 3e-2, default=3e-3, log=True, doc="peak learning rate of the heads"),
    "optim.weight_decay": Float(1e-4, 0.3, default=0.02, log=True, doc="decoupled weight decay of AdamW"),
    "optim.l1": Choice((0.0, 0.01), doc="strength of a penalty on the size of weights"),
    "optim.l2_sp": Choice((0.0, 3.0), doc="strength of a pull of the encoder towards its pretrained weights"),
    "optim.warmup": Choice((0.1, 0.0), doc="fraction of the steps in which the learning rate rises"),
    "optim.schedule": Choice(("cosine", "constant"), doc="what the learning rate does after that"),
    "optim.layer_decay": Float(0.6, 1.0, default=0.9, doc="factor of the learning rate per block towards the input"),
    "optim.batch_size": Choice((32, 16, 64), doc="rows per optimizer step"),
    "optim.clip": Choice((1.0, 0.0), doc="largest norm of the gradient; 0 is no clipping"),
    "optim.ema": Choice((0.0, 0.999), doc="decay of an exponential moving average of the weights; 0 is none"),
    "regular.dropout": Float(0.0, 0.5, default=0.0, doc="fraction of the head's inputs that are dropped"),
    "regular.drop_path": Choice((0.0, 0.1), doc="fraction of residual branches that are dropped (stochastic depth)"),
    "regular.norm_statistics": Choice(("pretrained", "batch"), doc="what batch norm divides by in training"),
    "regular.label_smoothing": Float(0.0, 0.2, default=0.0, doc="fraction of the target spread over all classes"),
    "regular.balance": Choice(("none", "loss", "sampling"), doc="how rare classes get more weight"),
    "regular.mixup": Choice((0.0, 0.2, 0.8), doc="alpha of mixup; 0 is none"),
    "regular.cutmix": Choice((0.0, 1.0), doc="alpha of cutmix; 0 is none"),
    "regular.augment": Choice(("none", "light", "strong"), doc="strength of the augmentation of training rows"),
    "stop.max_epochs": Int(4, 30, default=12, log=True, doc="epochs of a stage, and the length of its schedule"),
    "stop.patience": Int(2, 8, default=4, doc="epochs without a better validation score before a stage ends"),
    "stop.min_delta": Choice((0.0, 0.003), doc="by how much the score must have risen meanwhile"),
}
"""The fields of a recipe that mean the same to every strategy, with their ranges; the first of a `Choice` and the
`default` of a range are tried first. A strategy names those that it `uses`, and may give one another range."""


class Recipe(Document):
    """All that a trial decided.

    Attributes:
        backbone: The backbone's full name, such as `"timm/resnet18.a1_in1k"`.
        strategy: The strategy's name.
        optim: How the weights move.
        regular: What regularizes.
        stop: When a stage ends.
        own: For each part that has parameters of its own, their values.
        rows: How many of the training rows to train on, in proportion to their strata; 0 means all.
        unlabeled: How many of the rows without targets to learn from; 0 means all that there are.
        start: The recipe that made the encoder to start from, without targets; None means the pretrained one.
        teacher: The models of earlier trials that teach it, or whose encoders it looks through, that with the largest
            weight first; empty if there are none.
        seed: The seed from which everything random in the trial derives.
    """

    backbone: str
    strategy: str
    optim: Optim = Optim()
    regular: Regular = Regular()
    stop: Stop = Stop()
    own: Mapping[str, Mapping[str, Value]] = {}
    rows: int = Field(default=0, ge=0)
    unlabeled: int = Field(default=0, ge=0)
    start: Recipe | None = None
    teacher: tuple[TeacherMember, ...] = ()
    seed: int = 0

    @field_validator("start", mode="before")
    @classmethod
    def _none(cls, start: Any) -> Any:
        """Bundles of earlier versions have an empty text here."""
        return start or None

    def of(self, part: str) -> Mapping[str, Value]:
        """The part's own parameters."""
        return self.own.get(part, {})

    def parameters(self) -> dict[str, Value]:
        """Everything that was decided, by dotted names; the seed is no decision."""
        plain = self.plain()
        found: dict[str, Value] = {"backbone": self.backbone, "strategy": self.strategy, "rows": self.rows}
        if self.unlabeled:
            found["unlabeled"] = self.unlabeled
        if self.start:
            found["start"] = self.start.strategy
        if self.teacher:
            found["teachers"] = len(self.teacher)
        for part, values in {**{name: plain[name] for name in ("optim", "regular", "stop")}, **self.own}.items():
            found |= {f"{part}.{name}": value for name, value in values.items()}
        return found

    def changed(self, **fields: Any) -> Recipe:
        """The same recipe with some fields replaced and checked."""
        return Recipe.model_validate({**dict(self), **fields})


class TeacherMember(Document):
    """One of the models that teach a trial.

    Attributes:
        trial: The number of the earlier trial that it is of, in the same run.
        weight: Its fraction in what they answer together; weights add up to 1.
        recipe: What made it; it was not taught itself, but may have looked through encoders of others.
    """

    trial: int
    weight: float
    recipe: Recipe


Recipe.model_rebuild()
