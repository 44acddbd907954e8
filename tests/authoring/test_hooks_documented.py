"""The docstring of every hook, from which its page is made, has an example that fits it."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from autosft.host import hookspecs

PAGE = (Path(__file__).parents[2] / "docs" / "plugins" / "index.md").read_text()
HOOKS = {name: function for name, function in vars(hookspecs).items() if name.startswith("autosft_")}
EXAMPLE = re.compile(r"^```python\n(@hookimpl\n.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("hook", HOOKS)
def test_its_example_is_of_this_hook_and_takes_arguments_that_there_are(hook):
    (block,) = EXAMPLE.findall(inspect.getdoc(HOOKS[hook]))
    (example,) = ast.parse(block).body

    assert example.name == hook
    assert {argument.arg for argument in example.args.args} <= set(inspect.signature(HOOKS[hook]).parameters)


def test_the_api_version_is_the_one_that_plugins_are_told():
    assert f"`API_VERSION`, now {hookspecs.API_VERSION}," in PAGE
    assert f"autosft_api = {hookspecs.API_VERSION}\n" in PAGE
