"""`autosft plugins try` and `try_part` train one trial in this process, and tell what a part is given and gives."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from autosft.builtin.classification import Classification
from autosft.cli import app
from autosft.contracts.settings import parse_settings
from autosft.errors import BadInput, NoCandidates, UnknownName
from autosft.testing import toy, try_part
from autosft.testing.toy import ToyFamily, ToyModality, ToyStrategy, make_points


@pytest.fixture
def points(tmp_path):
    return make_points(tmp_path / "clouds.points.json", rows=80)


@pytest.fixture
def tried(points):
    """A function that tries a part with toy parts alone: what is told, and what came of it."""

    def make(part, **settings):
        told = []
        done = try_part(part, points, registry=toy.registry(Classification()), say=told.append, **settings)
        return "\n".join(told), done

    return make


class Unlucky(ToyStrategy):
    def stages(self, trial, runtime, model):
        raise BadInput("the part is out of luck")


def test_it_tells_the_first_batch_what_is_made_of_it_and_each_loss(tried):
    told, done = tried("toy")
    assert "trial        toy on tiny/narrow: classification of label, points data" in told
    assert "first batch  32 rows (row-" in told and "  inputs     (32, 4) float32, -" in told
    assert "  target     label: (32,) int64, 0 to 2; as written 'a'" in told
    assert "encoder      ToyEncoder" in told and "  pooled     (32, 8) float32" in told and "announced 8" in told
    assert "head         label: LinearHead gives (32, 3) float32" in told
    assert "loss         1.099 before any training" in told
    assert "stage        toy: 4 epochs of 2 steps" in told and "  step 1     loss 1.0" in told
    assert "  epoch 4    loss 0." in told and "s after the one before" in told
    assert f"score        accuracy {done.trained.evaluation.score:.4f} on 16 validation rows" in told
    assert done.batch.rows and done.encoded["pooled"].shape == (32, 8) and len(done.trained.epochs) == 4


@pytest.mark.parametrize("part", ["points", "tiny", "tiny/wide", "classification", "toy"])
def test_every_kind_of_part_is_tried_by_its_name(tried, part):
    told, _ = tried(part, rows=20)
    assert "score        accuracy" in told
    assert ("on tiny/wide:" in told) == (part == "tiny/wide")


@pytest.mark.parametrize("make", [ToyModality, ToyFamily, Classification, ToyStrategy])
def test_a_part_that_is_not_installed_is_tried_as_it_is(tried, make):
    told, _ = tried(make(), rows=20)
    assert "score        accuracy" in told


def test_parameters_are_set_by_part_and_name(tried):
    settings = parse_settings(["toy.stop.max_epochs=2", "tiny.activation=relu", "optim.lr=0.02"])
    told, done = tried("toy", settings=settings)
    recipe = done.trial.parts.recipe
    assert (recipe.stop.max_epochs, recipe.optim.lr) == (2, 0.02) and recipe.of("tiny") == {"activation": "relu"}
    assert "stage        toy: 2 epochs" in told and "tiny.activation=relu" in told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("toy.deepth=3", "Unknown parameter 'toy.deepth'"),
        ("tiny.activation=sine", "'sine' is no choice"),
        ("toy.stop.max_epochs=many", "'many' is no number"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_in_one_line(tried, text, why):
    with pytest.raises(BadInput, match=why):
        tried("toy", settings=parse_settings([text]))


@pytest.mark.parametrize("text", ["", "threshold=1", "a.b", "a.b="])
def test_a_setting_of_another_form_is_refused(text):
    with pytest.raises(BadInput, match=r"PART\.PARAMETER=VALUE"):
        parse_settings([text])


def test_settings_are_told_by_part_and_parameter():
    assert parse_settings(["a.b=1", "a.c = x", "p.t.loss=focal"]) == {
        "a": {"b": "1", "c": "x"},
        "p.t": {"loss": "focal"},
    }
    with pytest.raises(BadInput, match="twice"):
        parse_settings(["a.b=1", "a.b=2"])


def test_what_the_part_raises_is_raised_and_its_frames_with_it(tried):
    with pytest.raises(BadInput, match="out of luck") as raised:
        tried(Unlucky())
    assert any(entry.frame.code.name == "stages" and entry.path.name == "test_try.py" for entry in raised.traceback)


def test_what_nobody_can_try_is_refused(tried):
    with pytest.raises(UnknownName, match="Did you mean 'tiny'"):
        tried("tinny")
    with pytest.raises(UnknownName, match="backbone"):
        tried("tiny/widest")
    with pytest.raises(NoCandidates, match="toy on tiny/narrow: it needs other data"):
        tried(Declining())


class Declining(ToyStrategy):
    def accepts(self, facts, info, problems):
        return "it needs other data"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The toy plugin and one whose strategy is out of luck."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "unlucky_plugin.py").write_text(
        "from autosft.api import BadInput, hookimpl\n"
        "from autosft.testing.toy import ToyStrategy\n\nautosft_api = 2\n\n\n"
        "class Unlucky(ToyStrategy):\n    name = 'unlucky'\n\n"
        "    def stages(self, trial, runtime, model):\n        raise BadInput('the part is out of luck')\n\n\n"
        "@hookimpl\ndef autosft_strategies():\n    return [Unlucky()]\n"
    )
    toy.write_distribution(folder)
    toy.write_distribution(folder, "unlucky_plugin")
    monkeypatch.syspath_prepend(folder)
    yield
    sys.modules.pop("unlucky_plugin", None)


def test_the_command_trains_and_tells(installed, points):
    done = CliRunner().invoke(app, ["plugins", "try", "toy", "--data", str(points), "--set", "stop.max_epochs=2"])
    assert done.exit_code == 0, done.output
    assert "stage        toy: 2 epochs" in done.stdout and "score        accuracy" in done.stdout


def test_an_error_of_the_part_comes_with_its_traceback(installed, points):
    done = CliRunner().invoke(app, ["plugins", "try", "unlucky", "--data", str(points)])
    assert done.exit_code == 1 and not isinstance(done.exception, BadInput)
    assert "Traceback" in done.output and "unlucky_plugin.py" in done.output and "out of luck" in done.output


def test_an_error_of_the_user_is_one_line(installed, points):
    done = CliRunner().invoke(app, ["plugins", "try", "toy", "--data", str(points.with_name("nowhere"))])
    assert isinstance(done.exception, BadInput) and "no such file or folder" in str(done.exception)
    assert "Traceback" not in done.output


def test_a_part_of_a_file_is_tried_with_p_and_a_file_alone_is_refused(tmp_path, points):
    path = tmp_path / "tried_toy.py"
    path.write_text(
        "from autosft.api import hookimpl\nfrom autosft.testing.toy import ToyFamily, ToyModality, ToyStrategy\n"
        "autosft_api = 2\n@hookimpl\ndef autosft_modalities():\n    return [ToyModality()]\n"
        "@hookimpl\ndef autosft_backbones():\n    return [ToyFamily()]\n"
        "@hookimpl\ndef autosft_strategies():\n    return [ToyStrategy()]\n"
    )
    command = ["plugins", "try", "toy", "--data", str(points), "--rows", "20"]
    done = CliRunner().invoke(app, [*command, "-p", str(path)])
    assert done.exit_code == 0 and "trial        toy on tiny/" in done.stdout
    with pytest.raises(BadInput, match="is a file; give it with -p"):
        try_part(str(path), points)
    with pytest.raises(UnknownName, match="known with -p FILE"):
        try_part("tried-toy", points)
