"""Encoded rows: through the encoder once, kept by content of what encoded them, for later trials and searches."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autosft.contracts.rows import Rows
from autosft.contracts.tensors import Batch, Encoder
from autosft.contracts.trial import Loaders, Parts, Runtime
from autosft.errors import OutOfTime
from autosft.training.device import halving
from autosft.training.encoded import EncodedRows
from autosft.training.loaders import Loader, longest_first

WARM_UP_ROWS = 64
"""So few rows take longer each than many do, as the first pass through an encoder is slow: another one tells."""

BATCH_BYTES = 256e6
"""Inputs of rows that are encoded at once take no more; those of 384 px take 1.8 MB each."""

SAVE_SECONDS = 20.0
"""How often encoded rows are kept while more are encoded: so much is lost where a search is killed."""


def encoded_batches(parts: Parts, runtime: Runtime, encoder: Encoder, rows: Rows, *, cached: bool) -> Iterator[Batch]:
    """Batches to answer, so without targets, with what the encoder makes of them; from the cache if `cached`, but for
    problems that have to know how rows were seen, which is not kept."""
    if not cached or any(problem.offers("wrap") for problem in parts.problems):
        size = fitting(parts, runtime, rows)
        for batch in Loader(parts, runtime, rows, batch_size=size, targets=False).epoch():
            moved = batch.to(runtime.device)
            yield replace(moved, encoded=encoder(moved.inputs))
        return
    kept, size = _encoded(parts, runtime, encoder, rows), runtime.eval_batch.rows
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        weights = torch.tensor(part.weight, dtype=torch.float32)
        encoded = {"pooled": kept.take(part.numbers)}
        yield Batch(None, (), tuple(part.id), weights, encoded=encoded).to(runtime.device)


def fitting(parts: Parts, runtime: Runtime, rows: Rows) -> int:
    """How many of these rows are encoded at once, of which the first is as long as any."""
    if runtime.device.type == "cpu" or not len(rows):
        return runtime.eval_batch.rows
    (one,) = Loader(parts, replace(runtime, loaders=Loaders()), rows[:1], batch_size=1).epoch()
    return max(1, min(runtime.eval_batch.rows, int(BATCH_BYTES / max(1, one.nbytes))))


def encode(parts: Parts, runtime: Runtime, encoder: Encoder, rows: Rows) -> Tensor:
    """The pooled features of each row, shape (rows, width), on the CPU; a sparse CSR tensor where the encoder gives
    one. Rows that were encoded before are not again.

    Only right while the encoder is as it was loaded.

    Args:
        parts: Who reads and views the rows.
        runtime: Where to compute, with what was encoded before.
        encoder: Encodes them.
        rows: What to encode.

    Raises:
        OutOfTime: There is no time for all rows.
        Unreadable: A row cannot be decoded.
    """
    return _encoded(parts, runtime, encoder, rows).take(rows.numbers)


def _encoded(parts: Parts, runtime: Runtime, encoder: Encoder, rows: Rows) -> EncodedRows:
    """The features of these rows, and of others."""
    return halving(runtime, lambda: _encode_missing(parts, runtime, encoder, rows))


def _encode_missing(parts: Parts, runtime: Runtime, encoder: Encoder, rows: Rows) -> EncodedRows:
    kept = _cached(parts, runtime, rows)
    digests = _recalled(parts, runtime, kept, _missing(kept, rows))
    missing = _missing(kept, rows)
    if len(missing):
        started = time.perf_counter()
        encoder.eval()
        batch: Batch | None = None
        longest = missing.take(longest_first(parts, missing))
        done = stored = 0
        saved = started
        with torch.inference_mode():
            for batch in encoded_batches(parts, runtime, encoder, longest, cached=False):
                assert batch.encoded is not None
                late = runtime.seconds_left() < 0
                if not late:
                    kept.put(longest.numbers[done : done + len(batch)], _pooled(parts, encoder, batch))
                    done += len(batch)
                if late or time.perf_counter() - saved > SAVE_SECONDS:
                    _store(parts, runtime, kept, longest[stored:done], digests, time.perf_counter() - saved)
                    stored, saved = done, time.perf_counter()
                if late:
                    raise OutOfTime(f"The time was up while rows were encoded ({len(missing)} of them were new).")
        ended = time.perf_counter()
        per_row = (ended - started) / len(missing)
        if batch is not None and len(missing) <= WARM_UP_ROWS:
            with torch.inference_mode():
                encoder(batch.inputs)
            per_row = min(per_row, (time.perf_counter() - ended) / len(batch))
        runtime.features["encoding"] = encoding_seconds(runtime) + time.perf_counter() - started
        runtime.features["seconds_per_row", key_of(parts)] = per_row
        _store(parts, runtime, kept, longest[stored:], digests, per_row * (done - stored))
    return kept


def _pooled(parts: Parts, encoder: Encoder, batch: Batch) -> Tensor:
    """What an encoder gives of these rows, of the width that it announces: heads that keep rows would not notice.

    Raises:
        ValueError: It has another shape.
    """
    assert batch.encoded is not None
    pooled, announced = batch.encoded["pooled"], (len(batch), encoder.widths["pooled"])
    if tuple(pooled.shape) != announced:
        raise ValueError(
            f"Backbone {parts.info.name!r} gives pooled features of the shape {tuple(pooled.shape)}, and announces "
            f"{announced} (Encoder.widths); one of the two is wrong."
        )
    return pooled


def _store(
    parts: Parts,
    runtime: Runtime,
    kept: EncodedRows,
    rows: Rows,
    digests: Mapping[int, str],
    seconds: float,
) -> None:
    """Keep the features of these rows, which took so many seconds together, for later searches, or for one that goes on
    after it was killed."""
    new = {number: digests[number] for number in rows.numbers.tolist() if digests.get(number)}
    if runtime.store and new:
        features = kept.take(np.array(list(new))).numpy()
        runtime.store.add(_content(parts, runtime), list(new.values()), features, seconds / len(rows))


def unencoded(parts: Parts, runtime: Runtime, rows: Rows) -> int:
    """How many of these rows this process has not encoded yet."""
    return len(_missing(_cached(parts, runtime, rows), rows))


def encoding_seconds(runtime: Runtime) -> float:
    """The seconds that this process has spent so far on encoding rows for cheap trials."""
    return runtime.features.get("encoding", 0.0)


def encode_seconds_per_row(parts: Parts, runtime: Runtime) -> float | None:
    """The seconds that a row took through the encoder; None if none was encoded for a cheap trial yet."""
    return runtime.features.get(("seconds_per_row", key_of(parts)))


def _cached(parts: Parts, runtime: Runtime, rows: Rows) -> EncodedRows:
    """What this process has encoded so far of the rows among which these are."""
    place = rows.columns, key_of(parts)
    if place not in runtime.features:
        runtime.features[place] = EncodedRows(len(rows.columns), runtime.scratch)
    return runtime.features[place]


def _missing(kept: EncodedRows, rows: Rows) -> Rows:
    """The rows that are not there yet, each once."""
    numbers = rows.numbers[~kept.has(rows.numbers)]
    return replace(rows, numbers=np.unique(numbers))


def _recalled(parts: Parts, runtime: Runtime, kept: EncodedRows, rows: Rows) -> dict[int, str]:
    """Put into `kept` what an earlier search has stored of these rows; the digest of each row, by its number."""
    if not runtime.store or not parts.family.version() or parts.recipe.start or not len(rows):
        return {}
    digests = dict(zip(rows.numbers.tolist(), rows.digest.tolist(), strict=True))
    stored, seconds = runtime.store.load(_content(parts, runtime), set(digests.values()))
    if seconds:
        runtime.features.setdefault(("seconds_per_row", key_of(parts)), seconds)
    if found := {number: stored[digest] for number, digest in digests.items() if digest in stored}:
        kept.put(np.array(list(found)), torch.from_numpy(np.stack(list(found.values()))))
    return digests


def key_of(parts: Parts) -> tuple[Any, ...]:
    """All that decides what a row's features are, within a search."""
    recipe, weights = parts.recipe, parts.weights
    own = tuple(str(sorted(recipe.of(part).items())) for part in (parts.modality.name, parts.family.prefix))
    states = (parts.states.modality.digest(), parts.states.backbone.digest())
    start = recipe.start.model_dump_json() if recipe.start else ""
    return (parts.info.name, weights.sha256 or weights.path if weights else "", start, own, states)


def _content(parts: Parts, runtime: Runtime) -> str:
    """All that decides what a row's features are, between searches: versions count, and so does a file that changes."""
    weights = ""
    if parts.weights and parts.weights.path:
        stat = Path(parts.weights.path).stat()
        weights = f"{parts.weights.path} {stat.st_size} {stat.st_mtime_ns}"
    built = json.dumps([parts.info.inputs.plain(), parts.info.plain()["arguments"]], sort_keys=True)
    versions = [parts.modality.version(), parts.family.version(), torch.__version__]
    return "\n".join(map(str, [*key_of(parts), weights, built, *versions, runtime.device.type]))
