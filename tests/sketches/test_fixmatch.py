"""Proves batches of unequal kinds, `Stage.evaluated` and `after_step`: unlabelled rows teach too.

FixMatch (Sohn et al., 2020): what the model is sure of in a light view is the label of the strong view. The answers
come from an average of the weights over time, as in Mean Teacher (Tarvainen and Valpola, 2017).
"""

import pytest
from fixmatch import FixMatch

from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import quick_recipe


class TestFixMatch(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights of model and teacher."""

    @pytest.fixture
    def strategy(self):
        return FixMatch()

    @pytest.fixture
    def recipe(self):
        recipe = quick_recipe("fixmatch", epochs=4)
        return recipe.changed(optim=recipe.optim.model_copy(update={"batch_size": 8}))
