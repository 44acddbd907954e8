"""Proves batches of unequal kinds, `Stage.evaluated` and `after_step`: rows without labels teach too.

Mean Teacher (Tarvainen and Valpola, 2017): an average of the weights over time answers one view, and the model is to
answer another one alike.
"""

import pytest
from meanteacher import MeanTeacher

from autosft.testing.conformance import StrategyConformance
from autosft.testing.trials import quick_recipe


class TestMeanTeacher(StrategyConformance):
    """Among others: killed after every epoch, it ends with the same weights of model and teacher."""

    @pytest.fixture
    def strategy(self):
        return MeanTeacher()

    @pytest.fixture
    def recipe(self):
        recipe = quick_recipe("meanteacher", epochs=4)
        return recipe.changed(optim=recipe.optim.model_copy(update={"batch_size": 8}))
