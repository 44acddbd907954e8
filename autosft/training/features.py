"""Encoded rows: through the encoder once, kept by content of what encoded them, for later trials and searches."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autosft.contracts.rows import Rows
from autosft.contracts.strategy import Job
from autosft.contracts.tensors import Batch, Encoder
from autosft.errors import OutOfTime
from autosft.training.loaders import Loader, longest_first

Encoded = Mapping[str, Tensor]

WARM_UP_ROWS = 64
"""So few rows take longer each than many do, as the first pass through an encoder is slow: another one tells."""

SAVE_SECONDS = 20.0
"""How often encoded rows are kept while more are encoded: so much is lost where a search is killed."""


def encoded_batches(job: Job, encoder: Encoder, rows: Rows, *, cached: bool) -> Iterator[tuple[Batch, Encoded]]:
    """Batches with what the encoder makes of them; from the cache if `cached`, else anew."""
    size = job.micro_batch or job.recipe.optim.batch_size
    if not cached:
        for batch in Loader(job, rows, batch_size=size):
            moved = batch.to(job.device)
            yield moved, encoder(moved.inputs)
        return
    kept = _encoded(job, encoder, rows)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        parts = zip(job.problems, job.states.problems, strict=True) if part[0].targets else ()
        targets = tuple(problem.encode(part.target(n), state) for n, (problem, state) in enumerate(parts))
        weights = torch.tensor(part.weight, dtype=torch.float32)
        batch = Batch(None, targets, tuple(part.id), weights).to(job.device)
        yield batch, {"pooled": _stacked(kept, part).to(job.device)}


def encode(job: Job, encoder: Encoder, rows: Rows) -> Tensor:
    """The pooled features of each row, shape (rows, width), on the CPU; a sparse CSR tensor where the encoder gives
    one. Rows that were encoded before are not again.

    Only right while the encoder is as it was loaded.
    """
    return _stacked(_encoded(job, encoder, rows), rows)


def _encoded(job: Job, encoder: Encoder, rows: Rows) -> Mapping[str, Tensor]:
    """The features of these rows and of others, each of shape (width,), by the rows' ids."""
    kept: dict[str, Tensor] = job.features.setdefault(_key(job), {})
    missing = _missing(kept, rows)
    digests = _recalled(job, kept, missing)
    missing = _missing(kept, missing)
    if len(missing):
        started = time.perf_counter()
        encoder.eval()
        batch: Batch | None = None
        longest = missing.take(longest_first(job, missing))
        done: list[str] = []
        stored, saved = 0, started
        with torch.inference_mode():
            for batch, encoded in encoded_batches(job, encoder, longest, cached=False):
                late = job.seconds_left() < 0
                if not late:
                    kept.update(zip(batch.rows, encoded["pooled"].float().cpu().unbind(), strict=True))
                    done += batch.rows
                if late or time.perf_counter() - saved > SAVE_SECONDS:
                    _store(job, kept, done[stored:], digests, time.perf_counter() - saved)
                    stored, saved = len(done), time.perf_counter()
                if late:
                    raise OutOfTime(f"The time was up while rows were encoded ({len(missing)} of them were new).")
        ended = time.perf_counter()
        pace = (ended - started) / len(missing)
        if batch is not None and len(missing) <= WARM_UP_ROWS:
            with torch.inference_mode():
                encoder(batch.inputs)
            pace = min(pace, (time.perf_counter() - ended) / len(batch))
        job.features["encoding"] = encoding_seconds(job) + time.perf_counter() - started
        job.features["pace", _key(job)] = pace
        _store(job, kept, done[stored:], digests, pace * len(done[stored:]))
    return kept


def _store(
    job: Job, kept: Mapping[str, Tensor], rows: Sequence[str], digests: Mapping[str, str], seconds: float
) -> None:
    """Keep the features of these rows, which took so many seconds together, for later searches, or for one that goes on
    after it was killed."""
    new = {row: digests[row] for row in rows if digests.get(row)}
    if job.store and new:
        features = torch.stack([kept[row] for row in new]).numpy()
        job.store.add(_content(job), list(new.values()), features, seconds / len(rows))


def unencoded(job: Job, rows: Rows) -> int:
    """How many of these rows this process has not encoded yet."""
    return len(_missing(job.features.get(_key(job), {}), rows))


def _stacked(kept: Mapping[str, Tensor], rows: Rows) -> Tensor:
    features = torch.stack([kept[row] for row in rows.id])
    return features.to_sparse_csr() if features.is_sparse else features


def encoding_seconds(job: Job) -> float:
    """The seconds that this process has spent so far on encoding rows for cheap trials."""
    return job.features.get("encoding", 0.0)


def encode_pace(job: Job) -> float | None:
    """The seconds that a row took through the encoder; None if none was encoded for a cheap trial yet."""
    return job.features.get(("pace", _key(job)))


def _missing(kept: Mapping[str, Tensor], rows: Rows) -> Rows:
    return rows.take([index for index, row in enumerate(rows.id) if row not in kept])


def _recalled(job: Job, kept: dict[str, Tensor], rows: Rows) -> dict[str, str]:
    """Put into `kept` what an earlier search has stored of these rows; the digest of each row, where it has one."""
    if not job.store or not job.family.version() or job.recipe.start or not len(rows):
        return {}
    digests = {row.id: job.modality.digest(row) for row in rows}
    stored, seconds = job.store.load(_content(job), set(digests.values()))
    if seconds:
        job.features.setdefault(("pace", _key(job)), seconds)
    kept.update({row: torch.from_numpy(stored[digest]) for row, digest in digests.items() if digest in stored})
    return digests


def _key(job: Job) -> tuple[Any, ...]:
    """All that decides what a row's features are, within a search."""
    recipe, weights = job.recipe, job.weights
    own = tuple(str(sorted(recipe.of(part).items())) for part in (job.modality.name, job.family.prefix))
    states = (job.states.modality.digest(), job.states.backbone.digest())
    return (job.info.name, weights.sha256 or weights.path if weights else "", recipe.start, own, states)


def _content(job: Job) -> str:
    """All that decides what a row's features are, between searches: versions count, and so does a file that changes."""
    weights = ""
    if job.weights and job.weights.path:
        stat = Path(job.weights.path).stat()
        weights = f"{job.weights.path} {stat.st_size} {stat.st_mtime_ns}"
    built = json.dumps([job.info.inputs.plain(), job.info.plain()["arguments"]], sort_keys=True)
    versions = [job.modality.version(), job.family.version(), torch.__version__]
    return "\n".join(map(str, [*_key(job), weights, built, *versions, job.device.type]))
