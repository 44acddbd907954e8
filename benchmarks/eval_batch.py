"""How many rows an encoder answers at once on a CPU: the milliseconds of a row by the size of the batch.

A ResNet-18 at 224 px and a MiniLM of three layers on sentences of 8 to 64 words, without pretrained weights. Sizes take
turns; figures are CPU milliseconds of a row, the median of several rounds, and from the least to the most.

    python benchmarks/eval_batch.py --rounds 5 --threads 1
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import timm
import torch
from transformers import BertConfig, BertModel

SIZES = (4, 8, 16, 32, 64, 128, 256)


def pictures(rows: int) -> Callable[[slice], object]:
    model, inputs = timm.create_model("resnet18").eval(), torch.randn(rows, 3, 224, 224)
    return lambda some: model(inputs[some])


def sentences(rows: int) -> Callable[[slice], object]:
    """Each batch is as long as its longest sentence; the longest come first, as they do in AutoSFT."""
    config = BertConfig(hidden_size=384, num_hidden_layers=3, num_attention_heads=12, intermediate_size=1536)
    model = BertModel(config, add_pooling_layer=False).eval()
    draw = np.random.default_rng(0)
    lengths = torch.from_numpy(np.sort(draw.integers(8, 65, rows))[::-1].copy())
    numbers = torch.from_numpy(draw.integers(0, 30_000, (rows, 64)))

    def encode(some: slice) -> object:
        longest = int(lengths[some].max())
        mask = torch.arange(longest) < lengths[some, None]
        return model(input_ids=numbers[some, :longest], attention_mask=mask)

    return encode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, default=256)
    arguments = parser.parse_args()
    sizes = [size for size in SIZES if size <= arguments.rows]
    torch.set_num_threads(arguments.threads)
    for name, make in (("ResNet-18", pictures), ("MiniLM, 3 layers", sentences)):
        encode = make(arguments.rows)
        taken: dict[int, list[float]] = {size: [] for size in sizes}
        for _ in range(arguments.rounds):
            for size in sizes:
                with torch.inference_mode():
                    encode(slice(0, size))
                    started = time.process_time()
                    for start in range(0, arguments.rows, size):
                        encode(slice(start, start + size))
                taken[size].append(1000 * (time.process_time() - started) / arguments.rows)
        for size, each in taken.items():
            print(f"{name} {size:4} {statistics.median(each):7.2f} ({min(each):.2f} to {max(each):.2f})", flush=True)


if __name__ == "__main__":
    main()
