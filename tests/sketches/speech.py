"""A sketch of targets that are sequences, `"tokens"` with a `"mask"`, and answers as items: transcription with CTC.

Connectionist temporal classification (Graves et al., 2006). Frames and targets both differ in length from row to row.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn.functional import ctc_loss

from autosft.api import (
    BackboneFamily,
    BackboneInfo,
    Inputs,
    Metric,
    Modality,
    Outputs,
    Problem,
    Row,
    Rows,
    Scan,
    State,
    by_name,
    hookimpl,
)
from autosft.api.tensors import Encoder

autosft_api = 2

SOUNDS = 4


class Frames(Modality):
    """Rows of frames; a frame is the number of a sound, 0 is silence."""

    name = "frames"
    kinds = frozenset({"frames"})

    def recognize(self, path, hints=None):
        return None

    def scan(self, task):
        entries = task.data["entries"]
        return Scan(Rows.of(Row(f"row-{n}", frames, (tuple(spoken),)) for n, (frames, spoken) in enumerate(entries)))

    def collect(self, inputs, task):
        return Scan(Rows.of(Row(f"row-{n}", frames) for n, frames in enumerate(inputs)))

    def read(self, row):
        return np.array(row.ref)

    def view(self, inputs, recipe, state, *, strength):
        return lambda example, generator: replace(example, inputs=torch.from_numpy(example.inputs))

    def collate(self, samples):
        lengths = torch.tensor([len(sample) for sample in samples])
        return {"frames": nn.utils.rnn.pad_sequence(samples, batch_first=True), "lengths": lengths}


class Ears(BackboneFamily):
    prefix = "ears"

    def curated(self):
        return [BackboneInfo(name="ears/small", inputs=Inputs(kind="frames"), gives=frozenset({"tokens"}))]

    def match(self, pattern):
        return self.curated()

    def build(self, info, recipe, state, weights):
        return Ear()


class Ear(Encoder):
    def __init__(self):
        super().__init__()
        self.widths = {"tokens": 16}
        self.embedding = nn.Embedding(SOUNDS, 16)
        self.mix = nn.Conv1d(16, 16, 3, padding=1)

    def forward(self, inputs):
        mask = torch.arange(inputs["frames"].shape[1], device=inputs["frames"].device) < inputs["lengths"][:, None]
        tokens = self.embedding(inputs["frames"]) * mask[:, :, None]
        return {"tokens": self.mix(tokens.mT).mT.relu(), "mask": mask}


class CTCHead(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.linear = nn.Linear(width, outputs)

    def forward(self, encoded, target=None):
        return self.linear(encoded["tokens"]).log_softmax(2), encoded["mask"].sum(1)


class Transcription(Problem):
    name = "transcription"
    needs = frozenset({"tokens"})
    metrics = by_name(
        Metric(
            "neg_edit_distance",
            "transcription",
            lambda truth, answered: np.mean(list(map(distance, answered, truth))),
            greater_is_better=False,
        )
    )
    ignores = frozenset({"regular.label_smoothing", "regular.balance", "regular.mixup", "regular.cutmix"})

    def fit(self, targets):
        return State({"alphabet": sorted({symbol for target in targets for symbol in target})})

    def head(self, widths, state, recipe):
        return CTCHead(widths["tokens"], len(state.values["alphabet"]) + 1)

    def encode(self, targets, state):
        places = {symbol: place + 1 for place, symbol in enumerate(state.values["alphabet"])}
        return [torch.tensor([places[symbol] for symbol in target]) for target in targets]

    def loss(self, out, targets, state, recipe):
        logs, lengths = out
        sizes = torch.tensor([len(target) for target in targets])
        return ctc_loss(logs.transpose(0, 1), torch.cat(targets), lengths, sizes, reduction="none", zero_infinity=True)

    def outputs(self, out, batch, state, recipe, model):
        best = [line[:length].unique_consecutive() for line, length in zip(out[0].argmax(2), out[1], strict=True)]
        return Outputs(items=tuple([state.values["alphabet"][n - 1] for n in line if n] for line in best))

    def validation_loss(self, outputs, targets, state):
        return np.array([distance(*pair) for pair in zip(outputs.items, targets, strict=True)], dtype=float)

    def decide(self, outputs, state):
        return list(outputs.items)


def distance(said, meant):
    """Insertions, deletions and replacements (Levenshtein, 1966)."""
    costs = list(range(len(meant) + 1))
    for row, symbol in enumerate(said, 1):
        before, costs[0] = costs[0], row
        for column, other in enumerate(meant, 1):
            before, costs[column] = (
                costs[column],
                min(costs[column] + 1, costs[column - 1] + 1, before + (symbol != other)),
            )
    return costs[-1]


def entries(count):
    draw = np.random.default_rng(0)
    for _ in range(count):
        spoken = draw.integers(1, SOUNDS, draw.integers(1, 5))
        frames = [int(f) for sound in spoken for f in [sound] * draw.integers(1, 4) + [0] * draw.integers(1, 3)]
        yield frames, ["_abc"[sound] for sound in spoken]


@hookimpl
def autosft_modalities():
    return [Frames()]


@hookimpl
def autosft_backbones():
    return [Ears()]


@hookimpl
def autosft_problems():
    return [Transcription()]
