"""A sketch of losses over several rows, and of a head that is fitted after: `Stage.divisible`, then `Fit`.

Of two kinds. Pairs of training rows are drawn together if they have one label, and apart if not (SetFit: Tunstall et
al., 2022): a pair stays in one part of a batch. Or two views of a row are told from all other rows of the batch
(SimCLR: Chen et al., 2020): then the whole batch is one loss.
"""

from typing import ClassVar

from autosft.api import Choice, Fit, Stage, Strategy, hookimpl, seed_of

autosft_api = 2

WARMTH = 0.2


class Contrastive(Strategy):
    """An encoder that is trained without a head, and logistic regression on what it gives then."""

    name = "contrastive"
    uses = frozenset({"optim.lr", "optim.batch_size", "stop.max_epochs"})
    space: ClassVar = {"of": Choice(("rows", "views"))}

    def accepts(self, facts, info, problems):
        if info.origin == "fitted":
            return "nothing in this encoder can be trained"
        return "" if [problem.name for problem in problems] == ["classification"] else "needs one label per row"

    def stages(self, trial, runtime, model):
        from autosft.api.tensors import Loader

        recipe = trial.parts.recipe
        views = recipe.of(self.name).get("of", "rows") == "views"
        rows = trial.train + trial.unlabeled
        many = Loader(trial.parts, runtime, rows, ["strong", "strong"], shuffle=True, targets=False)
        yield Stage(
            name="pull",
            model=model.encoder,
            batches=many if views else Pairs(trial, runtime),
            loss=(lambda batch: told_apart(model, batch)) if views else (lambda batch: pulled(model, batch)),
            parameters=[{"params": list(model.encoder.parameters()), "lr": recipe.optim.lr, "weight_decay": 0.0}],
            epochs=recipe.stop.max_epochs,
            divisible=0 if views else 2,
        )
        yield Fit("head", lambda: fit_head(trial, runtime, model))


class Pairs:
    """Each training row with another one: in every second pair with one of its label, if there is one."""

    def __init__(self, trial, runtime):
        self._trial, self._runtime = trial, runtime
        self._size = max(2, trial.parts.recipe.optim.batch_size // 2 * 2)

    def __len__(self):
        return -(-2 * len(self._trial.train) // self._size)

    def epoch(self, seed):
        import numpy as np

        from autosft.api.tensors import Loader

        rows, draw = self._trial.train, np.random.default_rng(seed_of(seed, "pairs"))
        labels, order = np.array(rows.target(0)), draw.permutation(len(rows))
        others = [draw.choice(pool(labels == labels[row], place, row)) for place, row in enumerate(order)]
        drawn = np.stack([order, others], axis=1).ravel()
        yield from Loader(self._trial.parts, self._runtime, rows.take(drawn), ["light"], batch_size=self._size).epoch(
            seed
        )


def pool(alike, place, row):
    """Whom a row may be paired with."""
    import numpy as np

    wanted = np.flatnonzero(alike if place % 2 else ~alike)
    wanted = wanted[wanted != row]
    return wanted if len(wanted) else np.arange(len(alike))


def pulled(model, batch):
    """How far the likeness of each pair is from whether it has one label, the mean over the pairs."""
    from torch.nn.functional import normalize

    rows, (labels,) = normalize(model.encoder(batch.inputs)["pooled"], dim=1), batch.targets
    alike = (rows[::2] * rows[1::2]).sum(1)
    return (alike - (labels[::2] == labels[1::2]).float()).square().mean()


def told_apart(model, batch):
    """How badly each row is found among all by its other view, the mean over rows."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    one, other = (normalize(model.encoder(view)["pooled"], dim=1) for view in batch.inputs)
    return cross_entropy(one @ other.T / WARMTH, torch.arange(len(batch), device=one.device))


def fit_head(trial, runtime, model):
    """By scikit-learn, on the rows as the encoder sees them now."""
    import torch
    from sklearn.linear_model import LogisticRegression

    from autosft.api.tensors import Loader

    model.encoder.eval()
    with torch.no_grad():
        batches = [batch.to(runtime.device) for batch in Loader(trial.parts, runtime, trial.train).epoch()]
        rows = torch.cat([model.encoder(batch.inputs)["pooled"] for batch in batches]).cpu().numpy()
        labels = torch.cat([batch.targets[0] for batch in batches]).cpu().numpy()
        solved, linear = LogisticRegression().fit(rows, labels), model.heads[0].linear
        weight, bias = torch.from_numpy(solved.coef_), torch.from_numpy(solved.intercept_)
        if len(weight) == 1:  # of two classes it has the difference alone
            weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
        linear.weight.zero_()
        linear.bias.fill_(-10.0)  # a class without rows
        linear.weight[torch.from_numpy(solved.classes_)] = weight.to(linear.weight)
        linear.bias[torch.from_numpy(solved.classes_)] = bias.to(linear.bias)


@hookimpl
def autosft_strategies():
    return [Contrastive()]
