"""A sketch of an encoder that learns its vocabulary from the training rows, by `BackboneFamily.fit`.

TF-IDF (Salton and Buckley, 1988) under a logistic head, saved and loaded without the rows that it learned from.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import torch

from autosft.api import BackboneFamily, BackboneInfo, Inputs, Modality, Row, Rows, Scan, State, hookimpl
from autosft.api.tensors import Encoder

autosft_api = 2


class Texts(Modality):
    name = "texts"
    kinds = frozenset({"text"})

    def recognize(self, path, hints=None):
        return None

    def scan(self, task):
        return Scan(Rows.of(Row(f"row-{n}", text, (label,)) for n, (text, label) in enumerate(task.data["texts"])))

    def collect(self, inputs, task):
        return Scan(Rows.of(Row(f"row-{n}", text) for n, text in enumerate(inputs)))

    def read(self, row):
        return row.ref

    def view(self, inputs, recipe, state, *, strength):
        return lambda example, generator: replace(example, inputs=example.inputs.split())

    def collate(self, samples):
        return list(samples)


class TfIdf(BackboneFamily):
    prefix = "tfidf"

    def curated(self):
        return [BackboneInfo(name="tfidf/words", inputs=Inputs(kind="text"))]

    def match(self, pattern):
        return self.curated()

    def fit(self, info, rows, read, weights=None):
        counts = Counter(word for row in rows for word in set(read(row).split()))
        words = sorted(counts)
        rarity = np.log(len(rows) / np.array([counts[word] for word in words])) + 1
        return State({"words": words}, {"rarity": rarity.astype(np.float32)})

    def build(self, info, recipe, state, weights):
        return TfIdfEncoder(state)


class TfIdfEncoder(Encoder):
    def __init__(self, state):
        super().__init__()
        self.places = {word: place for place, word in enumerate(state.values["words"])}
        self.widths = {"pooled": len(self.places)}
        self.register_buffer("rarity", torch.from_numpy(state.arrays["rarity"]))

    def forward(self, inputs):
        counts = torch.zeros(len(inputs), len(self.places))
        for row, words in enumerate(inputs):
            for word in words:
                if word in self.places:
                    counts[row, self.places[word]] += 1
        return {"pooled": torch.nn.functional.normalize(counts.to(self.rarity.device) * self.rarity, dim=1)}


def texts():
    kinds = {"fruit": "apple pear plum fig", "tool": "saw drill file rasp", "bird": "owl rook wren swift"}
    draw = np.random.default_rng(0)
    for number in range(48):
        label = list(kinds)[number % 3]
        yield f"the {' '.join(draw.choice(kinds[label].split(), 2))} is {draw.choice(['new', 'old'])}", label


@hookimpl
def autosft_modalities():
    return [Texts()]


@hookimpl
def autosft_backbones():
    return [TfIdf()]
