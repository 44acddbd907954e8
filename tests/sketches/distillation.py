"""A sketch of distillation (Hinton et al., 2015): a student answers as an ensemble of earlier trials does.

The teacher is patient (Beyer et al., 2022): it sees the student's own views, of all rows, and no target counts.
"""

from typing import ClassVar

from autosft.api import Float, Stage, Strategy, hookimpl

autosft_api = 2


class Distill(Strategy):
    """One stage over rows with and without targets."""

    name, wants = "distill", frozenset({"teacher"})
    uses = frozenset({"optim.lr", "optim.head_lr", "stop.max_epochs"})
    space: ClassVar = {
        "temperature": Float(1, 10, default=2, log=True),
        "optim.lr": Float(1e-3, 1e-1, default=1e-2, log=True),
        "optim.head_lr": Float(1e-2, 3e-1, default=5e-2, log=True),
    }

    def accepts(self, facts, info, problems):
        silent = [problem.name for problem in problems if not problem.offers("distillation_loss")]
        return f"answers of {', '.join(silent)} cannot be distilled" if silent else ""

    def stages(self, trial, runtime, model):
        import torch

        from autosft.api.tensors import Loader, Teacher, parameter_groups

        parts, teacher = trial.parts, Teacher(trial, runtime)
        rows = trial.train + trial.unlabeled
        temperature = float(parts.recipe.of(self.name)["temperature"])

        def loss(step):
            asked = zip(parts.problems, parts.states.problems, parts.recipes, strict=True)
            outs, answers = model(step["student"]), teacher.answer(step)
            losses = [
                target.weight * problem.distillation_loss(out, answer, state, recipe, temperature)
                for target, (problem, state, recipe), out, answer in zip(
                    parts.task.targets, asked, outs, answers, strict=True
                )
            ]
            return torch.stack(losses).sum(0).mean()

        yield Stage(
            name="distill",
            model=model,
            batches=teacher.beside(Loader(parts, runtime, rows, ["strong"], shuffle=True, targets=False)),
            loss=loss,
            parameters=parameter_groups(parts.recipe, model),
            epochs=parts.recipe.stop.max_epochs,
            valid=trial.valid,
        )


@hookimpl
def autosft_strategies():
    return [Distill()]
