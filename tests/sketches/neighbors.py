"""A sketch of `Fit` and `restore`: a model whose heads are replaced by what holds the training rows themselves.

k nearest neighbors (Cover and Hart, 1967) by cosine, weighted as in DINO (Caron et al., 2021).
"""

from autosft.api import Fit, Strategy, hookimpl

autosft_api = 2


class NearestNeighbors(Strategy):
    """Keep the encoded training rows, and let the nearest ones vote."""

    name = "neighbors"
    cheap = True

    def accepts(self, facts, info, problems):
        return "" if {problem.name for problem in problems} == {"classification"} else "needs one label per row"

    def stages(self, trial, runtime, model):
        yield Fit("neighbors", lambda: self.keep(trial, runtime, model))

    def keep(self, trial, runtime, model):
        import torch
        from nearest import Neighbors
        from torch.nn.functional import normalize, one_hot

        from autosft.api.tensors import encode

        features = normalize(encode(trial.parts, runtime, model.encoder, trial.train), dim=1)
        k = torch.tensor(min(7, len(features)))
        for position, (problem, state) in enumerate(
            zip(trial.parts.problems, trial.parts.states.problems, strict=True)
        ):
            numbers = problem.encode(trial.train.target(position), state)
            classes = one_hot(numbers, len(state.values["classes"])).float()
            model.heads[position] = Neighbors(features.clone(), classes, k.clone())
        model.to(runtime.device)

    def restore(self, model, tensors):
        import torch
        from nearest import Neighbors

        for position in range(len(model.heads)):
            kept = (tensors[f"heads.{position}.{name}"] for name in ("features", "classes", "k"))
            model.heads[position] = Neighbors(*(torch.empty_like(tensor) for tensor in kept))
        model.load_state_dict(tensors)


@hookimpl
def autosft_strategies():
    return [NearestNeighbors()]
