"""A sketch of self-training (Lee, 2013; Xie et al., 2020): what earlier trials are sure of teaches like a target."""

from typing import ClassVar

from autosft.api import Float, Stage, Strategy, hookimpl

autosft_api = 2


class SelfTraining(Strategy):
    """One stage over labelled rows, and rows that the teacher labels."""

    name, wants = "selftraining", frozenset({"teacher", "unlabeled"})
    uses = frozenset({"optim.lr", "optim.head_lr", "stop.max_epochs"})
    space: ClassVar = {
        "sure": Float(0.5, 0.99, default=0.8),
        "optim.lr": Float(1e-3, 1e-1, default=1e-2, log=True),
        "optim.head_lr": Float(1e-2, 3e-1, default=5e-2, log=True),
    }

    def accepts(self, facts, info, problems):
        silent = [problem.name for problem in problems if not problem.offers("pseudo_labels")]
        return f"answers of {', '.join(silent)} cannot stand in the place of targets" if silent else ""

    def stages(self, trial, runtime, model):
        from autosft.api.tensors import Loader, parameter_groups, pseudo_labelled, supervised

        parts = trial.parts
        rows = trial.train + pseudo_labelled(trial, runtime, float(parts.recipe.of(self.name)["sure"]))
        yield Stage(
            name="selftraining",
            model=model,
            batches=Loader(parts, runtime, rows, ["strong"], shuffle=True),
            loss=supervised(parts, model),
            parameters=parameter_groups(parts.recipe, model),
            epochs=parts.recipe.stop.max_epochs,
            valid=trial.valid,
        )


@hookimpl
def autosft_strategies():
    return [SelfTraining()]
