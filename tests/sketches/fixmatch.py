"""A sketch of batches of unequal kinds, `Stage.evaluated` and `after_step`: unlabelled rows teach too.

FixMatch (Sohn et al., 2020): what the model is sure of in a light view is the label of the strong view. The answers
come from an average of the weights over time, as in Mean Teacher (Tarvainen and Valpola, 2017).
"""

import copy
from dataclasses import replace
from typing import ClassVar

from autosft.api import Float, Stage, Strategy, hookimpl

autosft_api = 2

PER_LABELED = 2
"""Unlabelled rows per labelled one."""


class FixMatch(Strategy):
    """One stage over labelled and unlabelled rows."""

    name = "fixmatch"
    uses, wants = frozenset({"optim.lr"}), frozenset({"unlabeled"})
    space: ClassVar = {"sure": Float(0.5, 0.99, default=0.8), "memory": Float(0.5, 0.999, default=0.8)}

    def accepts(self, facts, info, problems):
        return "" if [problem.name for problem in problems] == ["classification"] else "needs one label per row"

    def stages(self, trial, runtime, model):
        import torch
        from torch.nn.functional import cross_entropy

        from autosft.api.tensors import CombinedLoader, Loader, parameter_groups, row_losses

        own = trial.parts.recipe.of(self.name)
        teacher = copy.deepcopy(model)

        def loss(step):
            labeled, (light, strong) = step["labelled"], step["unlabelled"].inputs
            supervised = row_losses(trial.parts, model(labeled), labeled).mean()
            light, strong = (replace(step["unlabelled"], inputs=view) for view in (light, strong))
            with torch.no_grad():
                sureness, labels = model(light)[0].softmax(1).max(1)
            losses = cross_entropy(model(strong)[0], labels, reduction="none")
            return supervised + (losses * (sureness > own.get("sure", 0.8))).mean()

        def follow():
            with torch.no_grad():
                for slow, fast in zip(teacher.parameters(), model.parameters(), strict=True):
                    slow.lerp_(fast, 1 - own.get("memory", 0.8))

        yield Stage(
            name="fixmatch",
            model=model,
            batches=CombinedLoader(
                {
                    "labelled": Loader(trial.parts, runtime, trial.train, ["light"], shuffle=True),
                    "unlabelled": Loader(
                        trial.parts,
                        runtime,
                        trial.unlabeled,
                        ["light", "strong"],
                        shuffle=True,
                        batch_size=PER_LABELED * trial.parts.recipe.optim.batch_size,
                    ),
                },
                length="labelled",
            ),
            loss=loss,
            parameters=parameter_groups(trial.parts.recipe, model),
            epochs=trial.parts.recipe.stop.max_epochs,
            valid=trial.valid,
            after_step=follow,
            evaluated=teacher,
        )


@hookimpl
def autosft_strategies():
    return [FixMatch()]
