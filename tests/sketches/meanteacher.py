"""A sketch of batches of unequal kinds, `Stage.evaluated` and `after_step`: rows without labels teach too.

Mean Teacher (Tarvainen and Valpola, 2017): an average of the weights over time answers one view, and the model is to
answer another one alike.
"""

import copy
from dataclasses import replace
from typing import ClassVar

from autosft.api import Float, Stage, Strategy, hookimpl

autosft_api = 2

PER_LABELED = 2
"""Unlabelled rows per labelled one."""


class MeanTeacher(Strategy):
    """One stage over labelled and unlabelled rows."""

    name, unlabeled_cost = "meanteacher", 1.3
    uses, wants = frozenset({"optim.lr"}), frozenset({"unlabeled"})
    space: ClassVar = {"memory": Float(0.5, 0.999, default=0.8), "weight": Float(0.1, 10.0, default=1.0, log=True)}

    def accepts(self, facts, info, problems):
        return "" if [problem.name for problem in problems] == ["classification"] else "needs one label per row"

    def stages(self, trial, runtime, model):
        import torch

        from autosft.api.tensors import CombinedLoader, Loader, parameter_groups, row_losses

        own = trial.parts.recipe.of(self.name)
        teacher = copy.deepcopy(model)

        def loss(step):
            labeled, (one, other) = step["labelled"], step["unlabelled"].inputs
            supervised = row_losses(trial.parts, model(labeled), labeled).mean()
            one, other = (replace(step["unlabelled"], inputs=view) for view in (one, other))
            with torch.no_grad():
                taught = teacher(one)[0].softmax(1)
            apart = (model(other)[0].softmax(1) - taught).square().sum(1)
            return supervised + own.get("weight", 1.0) * apart.mean()

        def follow():
            with torch.no_grad():
                for slow, fast in zip(teacher.parameters(), model.parameters(), strict=True):
                    slow.lerp_(fast, 1 - own.get("memory", 0.8))

        yield Stage(
            name="meanteacher",
            model=model,
            batches=CombinedLoader(
                {
                    "labelled": Loader(trial.parts, runtime, trial.train, ["light"], shuffle=True),
                    "unlabelled": Loader(
                        trial.parts,
                        runtime,
                        trial.unlabeled,
                        ["light", "light"],
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
    return [MeanTeacher()]
