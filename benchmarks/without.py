"""`autosft` with a part of its search taken out, to see what the part is worth.

    python benchmarks/without.py PART search DATA ...

- augmentation: rows are seen as they are; neither mixup nor cutmix
- regularization: no decay of weights, L1, L2-SP, dropout, drop-path or smoothed labels
- rung0: no cheap strategy meets every backbone first; the most promising one meets the defaults
- ensemble: one model answers
- search: nothing but the first recipe, whatever it takes: a probe on the most promising backbone
- deletion: the models of trials that are out of the running stay on disk, in `dropped/`
- choice: nothing but a whole training with defaults, of the most promising backbone, cut to the clock
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from autosft.contracts.space import Choice, Parameter, Value
from autosft.search import space

OFF: Mapping[str, Mapping[str, Value]] = {
    "augmentation": {"regular.augment": "none", "regular.mixup": 0.0, "regular.cutmix": 0.0},
    "regularization": {
        "optim.weight_decay": 0.0,
        "optim.l1": 0.0,
        "optim.l2_sp": 0.0,
        "regular.dropout": 0.0,
        "regular.drop_path": 0.0,
        "regular.label_smoothing": 0.0,
    },
}

OPTIONS: Mapping[str, list[str]] = {
    "ensemble": ["--single"],
    "search": ["--budget", "none", "--trials", "1"],
    "choice": ["--strategies", "full", "--trials", "1"],
}
"""What a user of the command could say as well; the last of two equal options counts."""

PARTS = [*OFF, "rung0", "deletion", *OPTIONS]


def fixed(off: Mapping[str, Value]) -> Callable[..., dict[str, Parameter]]:
    """`space_of` with some parameters at values that switch them off."""
    whole = space.space_of

    def space_of(*given: Any) -> dict[str, Parameter]:
        found = whole(*given)
        for name in found:
            for ending, value in off.items():
                if name == ending or name.endswith(f".{ending}"):
                    found[name] = Choice((value,))
        return found

    return space_of


def moved_away(run: Any, number: int) -> None:
    """Instead of deleting the heavy files of a trial, move them into `dropped/` in its folder."""
    folder = run.trial_folder(number)
    for path in folder.glob("*"):
        if path.name not in ("record.json", "outputs.json", "outputs.safetensors", "dropped"):
            (folder / "dropped").mkdir(exist_ok=True)
            path.rename(folder / "dropped" / path.name)


def main() -> None:
    part, arguments = sys.argv[1], sys.argv[2:]
    if part in OFF:
        space.space_of = fixed(OFF[part])  # before other modules take it from there
    elif part == "rung0":
        from autosft.search.policy.rung0 import Rung0

        Rung0.recipes = lambda *_, **__: iter(())
    elif part == "deletion":
        from autosft.runs.run import Run

        Run.drop_model = moved_away
    sys.argv = ["autosft", *arguments, *OPTIONS.get(part, [])]

    from autosft.cli import main as command

    command()


if __name__ == "__main__":
    main()
