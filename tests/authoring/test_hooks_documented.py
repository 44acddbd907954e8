"""docs/plugins.md says of every hook what the code says: its exact signature, and an example that fits it."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from autosft.host import hookspecs

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
HOOKS = {name: function for name, function in vars(hookspecs).items() if name.startswith("autosft_")}
DOCUMENTED = dict(re.findall(r"^\*\*`(autosft_\w+)(\(.*?)`\*\*", PAGE, re.MULTILINE))
EXAMPLES = {
    node.name: node
    for block in re.findall(r"^```python\n(@hookimpl\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for node in ast.parse(block).body
    if isinstance(node, ast.FunctionDef)
}


def test_every_hook_is_documented_and_no_other():
    assert list(DOCUMENTED) == list(EXAMPLES) == list(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_its_signature_is_that_of_the_code(hook):
    assert DOCUMENTED[hook] == str(inspect.signature(HOOKS[hook])).replace("'", "")


@pytest.mark.parametrize("hook", HOOKS)
def test_its_example_is_that_of_the_code_and_takes_arguments_that_there_are(hook):
    example = EXAMPLES[hook]
    assert {argument.arg for argument in example.args.args} <= set(inspect.signature(HOOKS[hook]).parameters)
    in_code = inspect.getdoc(HOOKS[hook]).partition("@hookimpl\n")[2]
    assert ast.unparse(ast.parse(in_code)) == ast.unparse(ast.Module([_without_decorators(example)], []))


def test_the_api_version_is_the_one_that_plugins_are_told():
    assert f"`API_VERSION`, now {hookspecs.API_VERSION}," in PAGE
    assert f"autosft_api = {hookspecs.API_VERSION}\n" in PAGE


def _without_decorators(function):
    function.decorator_list.clear()
    return function
