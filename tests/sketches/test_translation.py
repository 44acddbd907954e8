"""Proves that heads may be taught by targets: a decoder learns by teacher forcing (Williams and Zipser, 1989), answers
by beam search (Graves, 2012), and sees no target then."""

import pytest
from translation import Numbers, Readers, Translation, pairs

from autosft.contracts.rows import Row, Rows
from autosft.contracts.task import Task, TaskTarget
from autosft.host.registry import Registry
from autosft.testing.toy import ToyStrategy
from autosft.testing.trials import make_runtime, make_trial, quick_recipe
from autosft.training.evaluation import answer
from autosft.training.loop import train


@pytest.fixture
def parts():
    return Registry(
        modalities={"numbers": Numbers()},
        backbones={"readers": Readers()},
        problems={"translation": Translation()},
        strategies={"toy": ToyStrategy()},
    )


@pytest.fixture
def trial(tmp_path, parts):
    task = Task(
        name="t", modality="numbers", targets=(TaskTarget(problem="translation"),), data={"pairs": list(pairs(240))}
    )
    return make_trial(tmp_path / "trial", task, parts, quick_recipe("toy", backbone="readers/small", epochs=12))


def test_a_decoder_learns_from_targets_and_answers_without_them(trial, parts, bundled):
    trained = train(trial, make_runtime(trial), ToyStrategy())
    assert trained.evaluation.score > 0.8
    predictor = bundled(parts, (trial, trained))
    assert tuple(predictor.predict([row.ref for row in trial.valid])) == trained.evaluation.outputs[0].items


def test_answers_do_not_depend_on_the_targets_of_the_rows(trial):
    runtime = make_runtime(trial)
    model = train(trial, runtime, ToyStrategy()).model
    wrong = Rows.of(Row(row.id, row.ref, ("f",)) for row in trial.valid)
    one, other = (answer(trial.parts, runtime, model, rows)[0].items for rows in (trial.valid, wrong))
    assert one == other
