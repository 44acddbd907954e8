"""A sketch of pretraining: a denoising autoencoder (Vincent et al., 2008) over rows with and without targets."""

from autosft.api import Int, Stage, Strategy, hookimpl

autosft_api = 2


class Denoise(Strategy):
    """One stage without validation, whose decoder is outside the model."""

    name, produces, wants = "denoise", "encoder", frozenset({"unlabeled"})
    uses, space = frozenset({"optim.lr"}), {"epochs": Int(1, 20, default=3)}

    def stages(self, trial, runtime, model):
        from torch import nn

        from autosft.api.tensors import Loader

        decoder = nn.Linear(model.encoder.widths["pooled"], trial.parts.states.backbone.values["numbers"])

        def loss(batch):
            noisy, clean = batch.inputs
            return (decoder(model.encoder(noisy)["pooled"]) - clean).square().mean()

        parts = (*model.encoder.parameters(), *decoder.parameters())
        rows = trial.train + trial.unlabeled
        yield Stage(
            name="denoise",
            model=model,
            batches=Loader(trial.parts, runtime, rows, ["strong", "none"], shuffle=True, targets=False),
            loss=loss,
            parameters=[{"params": parts, "lr": 3e-2, "weight_decay": 0.0}],
            epochs=int(trial.parts.recipe.of(self.name)["epochs"]),
            keeps={"decoder": decoder},
        )


@hookimpl
def autosft_strategies():
    return [Denoise()]
