"""Proves `BackboneFamily.fit`, `State` and list inputs: an encoder that learns its vocabulary from the training rows.

TF-IDF (Salton and Buckley, 1988) under a logistic head, saved and loaded without the rows that it learned from.
"""

from vocabulary import Texts, TfIdf, texts

from autosft.builtin.classification import Classification
from autosft.contracts.recipe import Recipe
from autosft.contracts.task import Task, TaskTarget
from autosft.host.registry import Registry
from autosft.testing.trials import make_runtime, make_trial
from autosft.training.loop import train
from autosft_strategies.probe import Probe


def test_a_learned_vocabulary_travels_with_the_model(tmp_path, bundled):
    task = Task(
        name="words", modality="texts", targets=(TaskTarget(problem="classification"),), data={"texts": list(texts())}
    )
    parts = Registry(
        modalities={"texts": Texts()},
        backbones={"tfidf": TfIdf()},
        problems={"classification": Classification()},
        strategies={"probe": Probe()},
    )
    trial = make_trial(tmp_path / "trial", task, parts, Recipe(backbone="tfidf/words", strategy="probe"))
    trained = train(trial, make_runtime(trial), Probe())
    assert trained.evaluation.score > 0.9
    predictor = bundled(parts, (trial, trained))
    again = predictor.outputs(trial.valid)[0]
    assert (again.arrays["probabilities"] == trained.evaluation.outputs[0].arrays["probabilities"]).all()
    assert predictor.predict(["the fig is unheard", "wren owl", "a rasp"]) == ["fruit", "bird", "tool"]
