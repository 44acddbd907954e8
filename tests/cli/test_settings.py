"""`--set`, `-p`, `autosft plugins show` and `--version`, as a user types them."""

from __future__ import annotations

import json
import shlex

import pytest

from autosft.report.again import commands
from autosft.report.saved_run import read_saved_run
from autosft.testing import toy

HEAVY = {"torch", "torchvision", "timm", "transformers", "tokenizers", "optuna", "sklearn", "scipy", "pandas"}

GENTLE = """\
from autosft.api import Float, Strategy, hookimpl
from autosft.testing.toy import ToyStrategy

autosft_api = 2


class Gentle(Strategy):
    name, uses = "gentle", ToyStrategy.uses
    space = {**ToyStrategy.space, "strength": Float(0.0, 1.0, default=0.5, doc="how gentle it is")}
    stages = ToyStrategy.stages


@hookimpl
def autosft_strategies():
    return [Gentle()]
"""


@pytest.fixture
def points(tmp_path):
    return toy.make_points(tmp_path / "clouds.points.json", rows=90, seed=1)


@pytest.fixture
def gentle(tmp_path):
    (tmp_path / "gentle_strategy.py").write_text(GENTLE)
    return tmp_path / "gentle_strategy.py"


def the_line(done):
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--set classification.loss=focl", "did you mean 'focal'"),
        ("--set clasification.loss=focal", "Did you mean 'classification'?"),
        ("--set toy.lr=9", "9 is out of range. Allowed: 0.001 to 0.1, logarithmic"),
        ("--set batchsize=16", "Did you mean 'batch_size'?"),
        ("--set lr", "is not PART.PARAMETER=VALUE"),
        ("--set simsiam.threshold=0.8", "Unknown part 'simsiam'"),
        ("-p nowhere.py", "nowhere.py: no such file"),
        ("-p broken.py", "broken.py:3: Importing broken.py raised NameError: name 'undefined' is not defined"),
    ],
)
def test_a_wrong_setting_or_file_is_one_line_costs_nothing_and_writes_nothing(listed, points, tmp_path, given, said):
    (tmp_path / "broken.py").write_text("import os\n\nundefined\n")

    done, libraries = listed("search", points.name, *given.split(), "--strategies", "toy")

    assert said in the_line(done) and not libraries & HEAVY
    assert not (tmp_path / "runs").exists()


def test_a_typo_in_the_plugins_to_disable_is_one_line(listed):
    done, _ = listed("plugins", more={"AUTOSFT_DISABLE_PLUGINS": "autosft-txt"})

    line = the_line(done)
    assert "Unknown plugin 'autosft-txt'. Did you mean 'autosft-te" in line and "AUTOSFT_DISABLE_PLUGINS" in line


def test_the_parameters_of_a_part_are_listed_with_what_they_may_be(listed, gentle):
    done, libraries = listed("plugins", "show", "gentle", "-p", gentle.name, more={"COLUMNS": "160"})

    (line,) = (line for line in done.stdout.splitlines() if "gentle.strength" in line)
    assert [part.strip() for part in line.strip("│").split("│")] == [
        "gentle.strength", "float", "0 to 1", "0.5", "how gentle it is"
    ]  # fmt: skip
    assert "gentle.max_epochs" in done.stdout and not libraries & HEAVY
    assert "tiny.activation" in listed("plugins", "show", "tiny")[0].stdout
    assert "Did you mean 'gentle'?" in the_line(listed("plugins", "show", "gentl", "-p", gentle.name)[0])


def test_every_parameter_of_an_installed_part_says_what_it_is(autosft):
    from autosft.host.loading import load
    from autosft.runs.parameters import TABLES, parameters_of

    registry = load()
    parts = [*TABLES, *registry.modalities, *registry.problems, *registry.strategies, *registry.backbones]
    silent = [name for part in parts for name, one in parameters_of(registry, part).items() if not one.doc]

    assert len(parts) > 10 and silent == []


def test_the_version_is_one_line_and_with_verbose_all_that_results_depend_on(listed):
    import autosft

    plain, _ = listed("--version")
    assert (plain.returncode, plain.stdout) == (0, f"autosft {autosft.__version__}\n")
    for command in (["--version", "--verbose"], ["-v", "--version"]):
        done, libraries = listed(*command)
        names = [line.split()[0] for line in done.stdout.splitlines()]
        assert {"autosft", "python", "optuna", "torch", "timm", "transformers", "autosft-toy"} <= set(names)
        assert done.returncode == 0 and not libraries & HEAVY
    assert listed("--verbose")[0].returncode == listed("-v", "plugins")[0].returncode == 2


def test_a_file_goes_through_a_whole_search_and_what_it_made_needs_it_again(autosft, points, gentle, tmp_path):
    search = ["search", points.name, "--trials", "2", "--budget", "none", "--threads", "1", "--strategies", "gentle"]
    search += ["-p", gentle.name, "--set", "gentle.strength=0.25", "--set", "max_epochs=3"]
    done = autosft(*search)
    assert done.returncode == 0, done

    run = tmp_path / "runs" / "clouds"
    document = json.loads((run / "run.json").read_text())
    assert document["plugins"] == [str(gentle)] and len(document["versions"][gentle.name]) == len("sha256:") + 64
    records = [json.loads(path.read_text()) for path in run.glob("trials/*/record.json")]
    assert {record["recipe"]["own"]["gentle"]["strength"] for record in records} == {0.25}

    line = the_line(autosft("predict", run, points))
    assert "No plugin offers the strategy 'gentle'" in line
    assert "gentle_strategy.py sha256:" in line and "Give gentle_strategy.py again, with -p" in line
    answered = autosft("predict", run, points, "-p", gentle)
    assert answered.returncode == 0 and answered.stdout.startswith("input,prediction")
    card = (run / "best" / "README.md").read_text()
    assert "autosft predict . INPUT… -p gentle_strategy.py" in card and "plugins=['gentle_strategy.py']" in card

    assert autosft("report", run, "-p", gentle, "--out", "page.html").returncode == 0
    assert "Set by hand: gentle.strength=0.25, stop.max_epochs=3." in (tmp_path / "page.html").read_text()
    command = dict(commands(read_saved_run(run)))["Search again, with the same data, settings and seed"]
    assert "--set gentle.strength=0.25 --set stop.max_epochs=3" in command and f"-p {gentle}" in command
    again = autosft(*shlex.split(command)[1:])
    assert again.returncode == 0, again
    assert json.loads((tmp_path / "runs" / "again" / "run.json").read_text())["spec"] == document["spec"]

    other = [word if word != "max_epochs=3" else "max_epochs=4" for word in search]
    assert "now 'gentle.strength=0.25, stop.max_epochs=4'" in the_line(autosft(*other))
    gentle.write_text(f"{GENTLE}\n# another thought\n")
    longer = autosft(*[word if word != "2" else "3" for word in search])
    assert longer.returncode == 0 and "Since the run began: gentle_strategy.py was sha256:" in longer.stdout, longer


def test_a_file_that_workers_cannot_load_fails_their_trials_with_the_reason(autosft, points, gentle, tmp_path):
    gentle.write_text(GENTLE + "\nimport sys\nif 'worker' in sys.argv:\n    raise RuntimeError('not here')\n")

    done = autosft(
        *("search", points.name, "--trials", "1", "--budget", "none", "--threads", "1", "--strategies", "gentle"),
        *("-p", gentle.name),
    )

    assert done.returncode == 2 and f"{gentle}:19: Importing gentle_strategy.py raised RuntimeError" in done.stdout
