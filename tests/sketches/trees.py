"""A sketch of a model that learns nothing by gradients: boosted trees (Friedman, 2001) on encoded rows."""

from typing import ClassVar

from autosft.api import Fit, Int, Strategy, hookimpl

autosft_api = 2


class BoostedTrees(Strategy):
    """scikit-learn grows the trees; the model holds them as buffers."""

    name, cheap = "trees", True
    space: ClassVar = {"count": Int(5, 40, default=20, log=True), "depth": Int(1, 4, default=2)}

    def accepts(self, facts, info, problems):
        other = [problem.name for problem in problems if problem.name != "classification"]
        return f"it grows no trees for {', '.join(other)}" if other else ""

    def stages(self, trial, runtime, model):
        yield Fit("trees", lambda: self.grow(trial, runtime, model))

    def grow(self, trial, runtime, model):
        from forest import Forest
        from sklearn.ensemble import GradientBoostingClassifier

        from autosft.api.tensors import encode

        parts, own = trial.parts, trial.parts.recipe.of(self.name)
        features = encode(parts, runtime, model.encoder, trial.train).numpy()
        for position, (problem, state) in enumerate(zip(parts.problems, parts.states.problems, strict=True)):
            classes = problem.encode(trial.train.target(position), state)
            booster = GradientBoostingClassifier(
                n_estimators=int(own["count"]), max_depth=int(own["depth"]), random_state=parts.recipe.seed
            )
            model.heads[position] = Forest.of(booster.fit(features, classes, trial.train.weight))
        model.to(runtime.device)

    def restore(self, model, tensors):
        from forest import Forest

        for position in range(len(model.heads)):
            place = f"heads.{position}."
            own = {name.removeprefix(place): tensor for name, tensor in tensors.items() if name.startswith(place)}
            model.heads[position] = Forest(own)
        model.load_state_dict(tensors)


@hookimpl
def autosft_strategies():
    return [BoostedTrees()]
