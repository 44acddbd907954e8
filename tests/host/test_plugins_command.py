from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from autosft.cli.plugins import app


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(app, arguments, env={"COLUMNS": "160"})


def test_a_failed_plugin_is_listed_with_its_error_and_the_exit_code_stays_0(distributions, run):
    distributions("stranger-a", strategy="sideways")
    distributions("stranger-b", source="raise OSError('[disk]')")
    outcome = run()
    assert outcome.exit_code == 0
    assert "strategy sideways" in outcome.stdout
    assert "stranger-b 1.0 (plugin): Importing stranger_b.plugin raised OSError: [disk]" in outcome.stdout
    assert outcome.stderr.startswith("1 of ")


def test_json_is_clean_even_if_a_plugin_prints(distributions, run):
    distributions("stranger-a", source="print('hello')\nautosft_api = 2\n")
    distributions("stranger-b", source="raise OSError")
    outcome = run("--json")
    assert outcome.exit_code == 0
    found = {row["distribution"]: row for row in json.loads(outcome.stdout)}
    assert set(found["stranger-a"]) == {
        "distribution", "version", "api", "parts", "status", "seconds", "error", "name", "module"
    }  # fmt: skip
    assert (found["stranger-a"]["status"], found["stranger-b"]["status"]) == ("ok", "failed")
    assert "hello" in outcome.stderr


def test_without_plugins_the_table_says_what_to_install(monkeypatch, run):
    monkeypatch.setattr("autosft.host.loading._installed", list)
    assert 'pip install "autosft[all]"' in run().stdout
