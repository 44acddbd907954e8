"""A sketch of translation: a decoder learns by teacher forcing (Williams and Zipser, 1989), answers by beam search
(Graves, 2012), and sees no target then."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

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

WORDS, WIDTH, LONGEST, BEAMS = 6, 32, 5, 3
START, END = 0, 1


class Numbers(Modality):
    """Sentences of whole numbers."""

    name = "numbers"
    kinds = frozenset({"numbers"})

    def recognize(self, path, hints=None):
        return None

    def scan(self, task):
        return Scan(Rows.of([Row(f"r{n}", words, (text,)) for n, (words, text) in enumerate(task.data["pairs"])]))

    def collect(self, inputs, task):
        return Scan(Rows.of([Row(f"r{n}", words) for n, words in enumerate(inputs)]))

    def read(self, row):
        return np.array(row.ref)

    def view(self, inputs, recipe, state, *, strength):
        return lambda example, generator: replace(example, inputs=torch.from_numpy(example.inputs))

    def collate(self, samples):
        lengths = torch.tensor([len(sample) for sample in samples])
        return {"words": pad_sequence(samples, batch_first=True), "lengths": lengths}


class Readers(BackboneFamily):
    prefix = "readers"

    def curated(self):
        inputs = Inputs(kind="numbers")
        return [BackboneInfo(name="readers/small", inputs=inputs, gives=frozenset({"tokens"}), origin="scratch")]

    def match(self, pattern):
        return self.curated()

    def build(self, info, recipe, state, weights):
        return Reader()


class Reader(Encoder):
    def __init__(self):
        super().__init__()
        self.widths = {"tokens": WIDTH}
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.place = nn.Embedding(LONGEST, WIDTH)

    def forward(self, inputs):
        words = inputs["words"]
        places = torch.arange(words.shape[1], device=words.device)
        tokens = self.embedding(words) + self.place(places)
        return {"tokens": tokens, "mask": places < inputs["lengths"][:, None]}


class Decoder(nn.Module):
    """Taught by targets it gives scores of the next symbol after each of theirs; without any it gives sentences."""

    def __init__(self, width, symbols):
        super().__init__()
        self.symbols, self.place = nn.Embedding(symbols, width), nn.Embedding(LONGEST + 2, width)
        self.attention = nn.MultiheadAttention(width, 1, batch_first=True)
        self.out = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, symbols))

    def forward(self, encoded, target=None):
        if target is None:
            return [self._searched(row[kept]) for row, kept in zip(encoded["tokens"], encoded["mask"], strict=True)]
        said = pad_sequence([torch.cat([row.new_tensor([START]), row[:-1]]) for row in target], batch_first=True)
        return self._scores(said, encoded["tokens"], ~encoded["mask"])

    def _scores(self, said, tokens, hidden=None):
        """Of the symbol after each, shape (rows, symbols said, symbols)."""
        asked = self.symbols(said) + self.place(torch.arange(said.shape[1], device=said.device))
        seen, _ = self.attention(asked, tokens, tokens, key_padding_mask=hidden, need_weights=False)
        return self.out(torch.cat([asked, seen], 2))

    def _searched(self, tokens):
        """The most likely sentence that the search finds, without its end."""
        beams = [([START], 0.0)]
        for _ in range(LONGEST + 1):
            further = []
            for said, log in beams:
                if said[-1] == END:
                    further.append((said, log))
                    continue
                logs = self._scores(torch.tensor([said]), tokens[None])[0, -1].log_softmax(0)
                best, symbols = logs.topk(BEAMS)
                further += [([*said, int(one)], log + float(more)) for one, more in zip(symbols, best, strict=True)]
            beams = sorted(further, key=lambda beam: -beam[1] / len(beam[0]))[:BEAMS]
        return [symbol for symbol in beams[0][0][1:] if symbol != END]


class Translation(Problem):
    name = "translation"
    needs = frozenset({"tokens"})
    metrics = by_name(
        Metric(
            "exact",
            "translation",
            lambda truth, answered: np.mean([one == other for one, other in zip(truth, answered, strict=True)]),
        )
    )
    ignores = frozenset({"regular.label_smoothing", "regular.balance", "regular.mixup", "regular.cutmix"})

    def fit(self, targets):
        return State({"letters": sorted({letter for target in targets for letter in target})})

    def head(self, widths, state, recipe):
        return Decoder(widths["tokens"], 2 + len(state.values["letters"]))

    def encode(self, targets, state):
        places = {letter: place + 2 for place, letter in enumerate(state.values["letters"])}
        return [torch.tensor([*(places[letter] for letter in target), END]) for target in targets]

    def loss(self, out, targets, state, recipe):
        truth = pad_sequence(targets, batch_first=True, padding_value=-100)
        return cross_entropy(out.mT, truth, reduction="none").sum(1) / (truth >= 0).sum(1)

    def outputs(self, out, batch, state, recipe, model):
        letters = state.values["letters"]
        return Outputs(items=tuple("".join(letters[n - 2] for n in said if n >= 2) for said in out))

    def decide(self, outputs, state):
        return list(outputs.items)


def pairs(count):
    """Sentences of numbers, and letters that say them."""
    draw = np.random.default_rng(0)
    for _ in range(count):
        words = draw.integers(0, WORDS, draw.integers(1, LONGEST)).tolist()
        yield words, "".join("abcdef"[word] for word in words)


@hookimpl
def autosft_modalities():
    return [Numbers()]


@hookimpl
def autosft_backbones():
    return [Readers()]


@hookimpl
def autosft_problems():
    return [Translation()]
