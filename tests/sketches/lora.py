"""A sketch of LoRA (Hu et al., 2022): low-rank changes of an encoder's matrices, merged into them at the end."""

from autosft.api import Int, Stage, Strategy, hookimpl

autosft_api = 2


class LoRA(Strategy):
    """One stage over adapters and heads. Checkpoints hold these alone, and the model has no adapters any more."""

    name, trains = "lora", 0.05
    uses, space = frozenset({"optim.lr", "optim.head_lr", "stop.max_epochs"}), {"rank": Int(1, 4, default=2)}

    def stages(self, trial, runtime, model):
        from low_rank import adapted

        from autosft.api.tensors import supervised, training_batches

        optim = trial.parts.recipe.optim
        adapters = adapted(model.encoder, int(trial.parts.recipe.of(self.name)["rank"])).to(runtime.device)
        yield Stage(
            name="lora",
            model=model,
            batches=training_batches(trial, runtime),
            loss=supervised(trial.parts, model),
            parameters=[
                {"params": list(adapters.parameters()), "lr": optim.lr, "weight_decay": 0.0},
                {"params": list(model.heads.parameters()), "lr": optim.head_lr, "weight_decay": 0.0},
            ],
            epochs=trial.parts.recipe.stop.max_epochs,
            valid=trial.valid,
        )

    def finish(self, trial, runtime, model):
        from low_rank import merge

        merge(model.encoder)


@hookimpl
def autosft_strategies():
    return [LoRA()]
