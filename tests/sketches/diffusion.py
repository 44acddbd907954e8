"""A sketch of generation: a denoiser (Ho et al., 2020) whose samples are scored as a set, and none of them by itself.

A row's target is a pair of numbers, of which there are many for much the same row. Answers are drawn, not computed:
from noise that is seeded by the row, made less noisy step by step (Song et al., 2021).
"""

import zlib

import numpy as np
import torch
from scipy.linalg import sqrtm
from torch import nn

from autosft.api import BadInput, Metric, Outputs, Problem, State, by_name, hookimpl

autosft_api = 2

STEPS = 20
KEPT = torch.cos(torch.linspace(0.05, 1.5, STEPS)) ** 2
"""The fraction of the variance that is not noise yet, after each step (Nichol and Dhariwal, 2021)."""


class Denoiser(nn.Module):
    """Taught by targets it gives how far off it was about their noise; without any it gives what draws samples."""

    def __init__(self, width, numbers):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(width + numbers + 1, 64), nn.SiLU(), nn.Linear(64, numbers))

    def forward(self, encoded, target=None):
        rows = encoded["pooled"].float()
        if target is None:
            return lambda noise: self._drawn(rows, noise)
        steps, noise = torch.randint(STEPS, (len(rows), 1), device=rows.device), torch.randn_like(target)
        weight = KEPT.to(rows)[steps]
        guess = self._noise(rows, weight.sqrt() * target + (1 - weight).sqrt() * noise, steps / STEPS)
        return guess - noise

    def _noise(self, rows, noisy, time):
        return self.network(torch.cat([rows, noisy, time], 1))

    def _drawn(self, rows, sample):
        for step in reversed(range(STEPS)):
            weight = KEPT[step]
            noise = self._noise(rows, sample, torch.full_like(sample[:, :1], step / STEPS))
            clean = (sample - (1 - weight).sqrt() * noise) / weight.sqrt()
            left = KEPT[step - 1] if step else torch.tensor(1.0)
            sample = left.sqrt() * clean + (1 - left).sqrt() * noise
        return sample


class Generation(Problem):
    name = "generation"
    needs = frozenset({"pooled"})
    metrics = by_name(
        Metric(
            "neg_frechet_distance",
            "generation",
            lambda truth, samples: frechet_distance(truth, samples),
            greater_is_better=False,
            range=(0.0, float("inf")),
        )
    )
    ignores = frozenset({"regular.label_smoothing", "regular.balance", "regular.mixup", "regular.cutmix"})

    def fit(self, targets):
        table = np.array(targets)
        return State(arrays={"mean": table.mean(0), "scale": table.std(0)})

    def head(self, widths, state, recipe):
        return Denoiser(widths["pooled"], len(state.arrays["mean"]))

    def encode(self, targets, state):
        table = (np.array(targets) - state.arrays["mean"]) / state.arrays["scale"]
        return torch.tensor(table, dtype=torch.float32)

    def loss(self, out, targets, state, recipe):
        return out.square().mean(1)

    def outputs(self, out, batch, state, recipe, model):
        numbers = len(state.arrays["mean"])
        seeds = [zlib.crc32(row.encode()) for row in batch.rows]
        noise = torch.stack([torch.randn(numbers, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        samples = out(noise.to(batch.weights.device)).cpu().numpy() * state.arrays["scale"] + state.arrays["mean"]
        return Outputs({"samples": samples})

    def combine(self, many, weights):
        if len(many) > 1:
            raise BadInput("The mean of samples is no sample; bundle a single model.")
        return many[0]

    def decide(self, outputs, state):
        return outputs.arrays["samples"].tolist()

    def compared(self, outputs, targets, state):
        scale = state.arrays["scale"]
        return {"truth": np.atleast_2d(targets) / scale, "samples": outputs.arrays["samples"] / scale}


def frechet_distance(truth, samples):
    """The distance of two normal distributions (Fréchet, 1957), as FID has it (Heusel et al., 2017)."""
    one, other = (np.cov(table, rowvar=False, bias=True) for table in (samples, truth))
    spread = np.trace(one + other - 2 * sqrtm(one @ other).real)
    return float(((samples.mean(0) - truth.mean(0)) ** 2).sum() + spread)


@hookimpl
def autosft_problems():
    return [Generation()]
